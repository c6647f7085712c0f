"""Keeps one process alive: start, probe, wait for its end, start again after a pause."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from local.errors import StackError
from local.process import Command, created_s, tail
from local.state import FAILED, READY, STARTING, STOPPED, ProcessState
from local.supervisor.unit import Unit

BACKOFF = "backoff"
EXIT_BAD_SETTINGS = 78
PROBE_PAUSE_S = 0.1
PROBE_PAUSE_S_MAX = 1.0
PROBE_GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How soon a dead process is started again: the pause doubles, a steady run resets it."""

    first_s: float = 0.2
    most_s: float = 5.0
    steady_s: float = 20.0
    early_deaths_max: int = 3
    """A process that dies this often in a row before it ever served has failed for good."""

    def pause_s(self, deaths: int) -> float:
        """Give the pause before the next start, after `deaths` deaths in a row."""
        return float(min(self.first_s * 2 ** max(0, deaths - 1), self.most_s))


class Keeper:
    """Runs one unit until it is told to stop."""

    def __init__(
        self,
        unit: Unit,
        *,
        changed: Callable[[ProcessState], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        """Prepare to keep the unit; `changed` hears of every change of its state."""
        self.unit = unit
        self._changed = changed
        self._policy = policy or RestartPolicy()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._begun = False
        self._served = asyncio.get_running_loop().create_future()
        self.state = ProcessState(
            name=unit.name,
            service=unit.service,
            http_port=unit.http_port,
            grpc_port=unit.grpc_port,
        )

    async def wait_served(self) -> None:
        """Wait until the process has served for the first time.

        Raises:
            StackError: It failed for good.
        """
        await asyncio.shield(self._served)

    async def run(self) -> None:
        """Keep the process running until `stop`."""
        self._begun = True
        try:
            await self._keep()
        finally:
            self._ended.set()

    async def _keep(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began_s = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                break
            steady = time.monotonic() - began_s >= self._policy.steady_s
            deaths = 1 if steady else deaths + 1
            if self._is_hopeless(code, deaths):
                self._fail(code)
                return
            self._note(status=BACKOFF, pid=0, exit_code=code, restarts=self.state.restarts + 1)
            await self._pause(self._policy.pause_s(deaths))
        self._note(status=STOPPED, pid=0)

    async def stop(self) -> None:
        """Ask the process to end, kill it when its grace is over; returns when it is gone."""
        self._stopping.set()
        if self._begun:
            await self._ended.wait()

    async def _run_once(self) -> int:
        process = await spawn(self.unit.next_command())
        self._note(status=STARTING, pid=process.pid, created_s=created_s(process.pid))
        probing = asyncio.create_task(self._probe(process.pid))
        exited = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({exited, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._end(process, exited)
            return await exited
        finally:
            probing.cancel()
            stopping.cancel()

    async def _end(self, process: Process, exited: asyncio.Task[int]) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.unit.stop_signal)
        await asyncio.wait({exited}, timeout=self.unit.grace_s)
        if not exited.done():
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _probe(self, pid: int) -> None:
        """Ask until the process serves, then never again: an idle stack stays idle."""
        pause_s = PROBE_PAUSE_S
        while not await self.unit.probe(pid):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * PROBE_GROWTH, PROBE_PAUSE_S_MAX)
        self._note(status=READY)
        if not self._served.done():
            self._served.set_result(None)

    def _is_hopeless(self, code: int, deaths: int) -> bool:
        never_served = not self._served.done()
        return never_served and (
            code == EXIT_BAD_SETTINGS or deaths >= self._policy.early_deaths_max
        )

    def _fail(self, code: int) -> None:
        self._note(status=FAILED, pid=0, exit_code=code)
        words = f"{self.unit.name} ended with exit code {code}{tail(self.unit.command.log)}"
        self._served.set_exception(StackError(words))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _note(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type] # names are ours
        self._changed(self.state)


async def spawn(command: Command) -> Process:
    """Start a program in a session of its own, its output appended to its log."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = await asyncio.to_thread(_open_log, command.log)
    try:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=command.cwd,
            env={**os.environ, **command.env},
            user=command.uid,
            group=command.gid,
            extra_groups=None if command.gid is None else [],
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


async def run_once(command: Command, *, deadline_s: float) -> None:
    """Run a program that ends by itself.

    Raises:
        StackError: It failed, or took too long.
    """
    process = await spawn(command)
    try:
        async with asyncio.timeout(deadline_s):
            code = await process.wait()
    except TimeoutError:
        process.kill()
        code = await process.wait()
    if code != 0:
        raise StackError(f"{command.name} ended with exit code {code}{tail(command.log)}")


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
