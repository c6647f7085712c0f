"""The supervisor: brings the plan up, keeps it, writes its state, takes it down in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from local.errors import StackError
from local.home import Home
from local.process import created_s
from local.state import (
    FAILED,
    READY,
    STARTING,
    STOPPED,
    STOPPING,
    ProcessState,
    StackState,
    save,
)
from local.supervisor.boot import Server, bring_up
from local.supervisor.keeper import Keeper
from local.supervisor.plan import Plan
from local.supervisor.unit import Unit

Listener = Callable[[StackState], None]


class Supervisor:
    """Runs one plan under one data folder until SIGTERM."""

    def __init__(self, *, home: Home, plan: Plan, listener: Listener) -> None:
        """Prepare to run the plan; the listener hears of every change of state."""
        self._home = home
        self._listener = listener
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._servers = [
            Server(self._keeper(server.unit), server.prepare, server.provision)
            for server in plan.servers
        ]
        self._services = [self._keeper(unit) for unit in plan.services]
        self.state = StackState(
            phase=STARTING,
            supervisor_pid=os.getpid(),
            supervisor_created_s=created_s(os.getpid()),
            kafka_bootstrap=plan.kafka_bootstrap,
            partitions=plan.partitions,
            postgres_admin_dsn=plan.postgres_admin_dsn,
            processes=tuple(keeper.state for keeper in self._keepers()),
        )

    async def run(self) -> int:
        """Bring the stack up, keep it until SIGTERM, take it down; gives the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._publish(self.state)
        failed = await self._come_up()
        if not failed:
            await self._stop.wait()
        self._publish(replace(self.state, phase=STOPPING))
        await self._take_down()
        self._publish(replace(self.state, phase=FAILED if failed else STOPPED))
        return 1 if failed else 0

    async def _come_up(self) -> bool:
        """Start everything; True if that failed. A stop in the middle is not a failure."""
        booting = asyncio.create_task(
            bring_up(servers=self._servers, services=self._services, keep=self._keep)
        )
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({booting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not booting.done():
            booting.cancel()
            await asyncio.wait({booting})
            return False
        reason = _reason(booting)
        self._publish(replace(self.state, phase=FAILED if reason else READY, reason=reason))
        return bool(reason)

    async def _take_down(self) -> None:
        """Stop the services, then the simulated outside, then the servers they stood on."""
        await self._stop_all(self._services)
        await self._stop_all([each.keeper for each in self._servers if not each.provision])
        await self._stop_all([each.keeper for each in self._servers if each.provision])
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _stop_all(self, keepers: Sequence[Keeper]) -> None:
        await asyncio.gather(*(keeper.stop() for keeper in keepers))

    async def _keep(self, keeper: Keeper) -> None:
        task = asyncio.create_task(keeper.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)

    def _keepers(self) -> list[Keeper]:
        return [server.keeper for server in self._servers] + self._services

    def _keeper(self, unit: Unit) -> Keeper:
        return Keeper(unit, changed=self._changed)

    def _changed(self, changed: ProcessState) -> None:
        log(changed)
        self._publish(self.state.with_process(changed))

    def _publish(self, state: StackState) -> None:
        self.state = state
        save(self._home, state)
        self._listener(state)


def log(changed: ProcessState) -> None:
    """Write one line about a process to the supervisor's own log."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(),
        "process": changed.name,
        "status": changed.status,
        "pid": changed.pid,
        "restarts": changed.restarts,
        "exit_code": changed.exit_code,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _reason(booting: asyncio.Task[None]) -> str:
    """Give why the boot failed, empty if it didn't; what nobody foresaw is raised on."""
    error = booting.exception()
    if error is None:
        return ""
    failures = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
    words = [str(each) for each in failures if isinstance(each, StackError)]
    if not words:
        raise error
    return "\n".join(words)
