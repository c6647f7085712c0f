"""A kept process is started again when it dies, stopped when asked, given up on when hopeless."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.errors import StackError
from local.process import Command
from local.state import ProcessState
from local.supervisor.keeper import Keeper, RestartPolicy
from local.supervisor.unit import Unit
from tests.support.waiting import until

QUICK = RestartPolicy(first_s=0.01, most_s=0.02, early_deaths_max=3)


class Stage:
    """Keeps shell scripts and remembers every state they were seen in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[ProcessState] = []
        self.kept: list[tuple[Keeper, asyncio.Task[None]]] = []

    def keep(self, script: str, *, serves: bool = True, grace_s: float = 5.0) -> Keeper:
        async def probe(_pid: int) -> bool:
            return serves

        command = Command("one", ("sh", "-c", script), self.folder / "one.log", self.folder)
        unit = Unit(service="one", command=command, probe=probe, grace_s=grace_s)
        keeper = Keeper(unit, changed=self.seen.append, policy=QUICK)
        self.kept.append((keeper, asyncio.create_task(keeper.run())))
        return keeper

    def log(self) -> str:
        return (self.folder / "one.log").read_text()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    for keeper, task in stage.kept:
        await keeper.stop()
        await task


async def test_a_dead_process_is_started_again(stage: Stage) -> None:
    keeper = stage.keep("echo begun; exec sleep 60")
    await keeper.wait_served()
    await until(lambda: "begun" in stage.log(), what="the first process's words")
    first = keeper.state.pid
    os.kill(first, signal.SIGKILL)
    again = await until(
        lambda: keeper.state if keeper.state.restarts == 1 and keeper.state.pid else None,
        what="a second process",
    )
    assert again is not None
    assert (again.pid != first, again.exit_code) == (True, -signal.SIGKILL)
    await until(lambda: stage.log().count("begun") == 2, what="the second process's words")


async def test_stop_asks_first(stage: Stage) -> None:
    keeper = stage.keep('trap "echo drained; exit 0" TERM; echo up; while :; do sleep 0.05; done')
    await keeper.wait_served()
    await until(lambda: "up" in stage.log(), what="the trap to be set")
    await keeper.stop()
    assert "drained" in stage.log()
    assert (keeper.state.status, keeper.state.pid) == ("stopped", 0)


async def test_stop_kills_what_does_not_listen(stage: Stage) -> None:
    keeper = stage.keep('trap "" TERM; echo deaf; while :; do sleep 0.05; done', grace_s=0.2)
    await until(lambda: stage.seen and "deaf" in stage.log(), what="the trap to be set")
    await asyncio.wait_for(keeper.stop(), timeout=10)
    assert keeper.state.status == "stopped"


async def test_what_never_served_is_given_up_with_its_last_words(stage: Stage) -> None:
    keeper = stage.keep("echo port is taken; exit 1", serves=False)
    with pytest.raises(StackError, match=r"exit code 1:\n.*port is taken"):
        await asyncio.wait_for(keeper.wait_served(), timeout=10)
    assert (keeper.state.status, stage.log().count("taken")) == ("failed", QUICK.early_deaths_max)


async def test_bad_settings_are_not_tried_twice(stage: Stage) -> None:
    keeper = stage.keep("echo no such setting; exit 78", serves=False)
    with pytest.raises(StackError, match="exit code 78"):
        await asyncio.wait_for(keeper.wait_served(), timeout=10)
    assert stage.log().count("no such setting") == 1


def test_the_pause_doubles_up_to_a_limit() -> None:
    policy = RestartPolicy(first_s=0.2, most_s=5.0)
    assert [policy.pause_s(deaths) for deaths in (1, 2, 3, 9)] == [0.2, 0.4, 0.8, 5.0]
