"""The whole stack under the demo's traffic, with hands to kill and freeze its processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local.files import write_json
from local.home import Home
from local.process import find
from local.state import READY, ProcessState, StackState, load
from local.supervisor.plan import STATEFUL
from services.chassis.bus.engine import BEFORE_COMMIT
from services.chassis.bus.processing import SESSION_SECONDS
from services.chassis.lifecycle import EXIT_CRASH
from tests.support.waiting import until

CLI = (sys.executable, "-m", "local.cli")
READY_S = 300.0
HIT_S = 180.0


@dataclass(slots=True)
class StackCourse:
    """A running stack, and what was done to it."""

    home: Home
    folder: Path
    chance: random.Random
    done: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> StackState:
        """The stack as the supervisor last saw it."""
        return load(self.home)

    def process(self, name: str) -> ProcessState:
        """One process now."""
        return next(each for each in self.state.processes if each.name == name)

    def names(self, *services: str) -> list[str]:
        """The processes of some services."""
        return [each.name for each in self.state.processes if each.service in services]

    def note(self, fault: str) -> None:
        """Count a fault, and say so as the run goes on."""
        self.done[fault] = self.done.get(fault, 0) + 1
        print(f"  {fault} {self.done[fault]}", flush=True)

    async def kill(self, name: str) -> None:
        """Kill -9 and wait for the process that takes its place."""
        await self._ready(name)
        restarts = self.process(name).restarts
        os.kill(self.process(name).pid, signal.SIGKILL)
        await until(
            lambda: self.process(name).restarts > restarts and self.process(name).pid,
            what=f"{name} started again",
            deadline_s=READY_S,
        )
        self.note(f"kill -9 of {self.process(name).service}")

    async def crash_at(self, failpoint: str, name: str) -> None:
        """End a process at a failpoint: the next start is armed, the hit is on disk."""
        hits = await self._arm(name, failpoint, failpoint)
        await until(lambda: _pid(hits), what=f"{failpoint} hit in {name}", deadline_s=HIT_S)
        self.note(f"failpoint {failpoint}")

    async def freeze(self, name: str) -> None:
        """Freeze a process in the middle of a commit for twice the session, then thaw it.

        Others have its shards by then: its commit is refused, and it ends with the status of that.
        """
        hits = await self._arm(name, f"{BEFORE_COMMIT}:8:stop", f"zombie-{name}")
        pid = await until(lambda: _pid(hits), what=f"{name} frozen", deadline_s=HIT_S)
        zombie = psutil.Process(pid)
        end = asyncio.get_running_loop().time() + 2 * SESSION_SECONDS
        await until(lambda: asyncio.get_running_loop().time() > end, what="the thaw", deadline_s=60)
        assert zombie.status() == psutil.STATUS_STOPPED
        restarts = self.process(name).restarts
        zombie.send_signal(signal.SIGCONT)
        await until(
            lambda: self.process(name).restarts > restarts,
            what=f"{name} ended by its fence",
            deadline_s=READY_S,
        )
        assert self.process(name).exit_code == EXIT_CRASH
        assert b'"error":"Fenced' in self.home.log(name).read_bytes()
        self.note(f"refused commit of a zombie {self.process(name).service}")

    async def _arm(self, name: str, failpoint: str, log: str) -> Path:
        hits = self.folder / f"{log}.hits"
        hits.unlink(missing_ok=True)  # of an earlier round
        await self._ready(name)
        settings = {
            "SWITCHBOARD_FAILPOINT": failpoint,
            "SWITCHBOARD_FAILPOINT_LOG": str(hits),
        }
        write_json(self.home.once(name), settings)
        await until(lambda: self._armed(name), what=f"{name} armed", deadline_s=READY_S)
        return hits

    def _armed(self, name: str) -> bool:
        """Whether a start has used up what is meant for it; until then, kill what runs.

        It may have ended by itself meanwhile: the next one is armed, and must not be killed.
        """
        each = self.process(name)
        if not self.home.once(name).exists():
            return True
        if (running := find(each.pid, created_s=each.created_s)) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                running.kill()
        return False

    async def _ready(self, name: str) -> None:
        await until(
            lambda: self.process(name).status == READY, what=f"{name} ready", deadline_s=READY_S
        )


def _pid(hits: Path) -> int:
    """Who hit the point: its pid is on disk before it ends; 0 until then."""
    words = hits.read_text().split() if hits.exists() else []
    return int(words[1]) if len(words) > 1 else 0


@asynccontextmanager
async def stack_course(
    folder: Path, *, seed: int, only: Sequence[str] = ()
) -> AsyncIterator[StackCourse]:
    """Bring the stack up with two processes a stateful service, and down again.

    `only` names the services that run, all of them stateful; all run by default.
    """
    home = Home(folder / "home")
    options = [option for each in only for option in ("--service", each)]
    options += [option for each in only or STATEFUL for option in ("--replicas", f"{each}=2")]
    await _cli("up", "--home", str(home.path), *options)
    try:
        yield StackCourse(home, folder, random.Random(seed))
    except BaseException:
        await _run("doctor", "--home", str(home.path))  # who reads of the failure sees what is ill
        raise
    finally:
        await _cli("down", "--home", str(home.path))


@asynccontextmanager
async def traffic(
    course: StackCourse, *, rate: float, seconds: float
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demo, which judges at its end; killed if the block fails."""
    demo = await asyncio.create_subprocess_exec(
        *CLI, "demo", "--home", str(course.home.path), "--rate", str(rate),
        "--seconds", str(seconds), "-o", "json", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield demo
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()


async def verdict(demo: asyncio.subprocess.Process) -> Mapping[str, Any]:
    """What the demo found once everything was through."""
    out, _ = await demo.communicate()
    found: dict[str, Any] = json.loads(out)
    return found


async def _cli(*arguments: str) -> None:
    assert await _run(*arguments) == 0, f"switchboard {arguments[0]} failed"


async def _run(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(*CLI, *arguments)
    return await process.wait()
