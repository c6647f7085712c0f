"""The stack's servers under the supervisor: up, restarted after kill -9, down, nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from local import launch, state
from local.errors import StackError
from local.home import Home
from local.supervisor.plan import Options
from tests.support.waiting import until_now

SERVERS_ONLY = Options(services=())


@pytest.fixture
def home(stack_folder: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    home = Home(stack_folder / request.node.name)
    yield home
    launch.down(home)


def up(home: Home) -> state.StackState:
    return launch.up(home, SERVERS_ONLY, progress=lambda _line: None).state


def process(home: Home, service: str) -> state.ProcessState:
    return state.load(home).of(service)[0]


async def answer_of(found: state.StackState) -> tuple[str, int]:
    connection = await asyncpg.connect(found.postgres_admin_dsn)
    database = str(await connection.fetchval("SELECT current_database()"))
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=found.kafka_bootstrap)
    await admin.start()
    brokers = (await admin.describe_cluster())["brokers"]
    await admin.close()
    return database, len(brokers)


def test_servers_come_up_survive_kill_9_and_go_down(home: Home) -> None:
    found = up(home)
    assert asyncio.run(answer_of(found)) == ("switchboard", 1)
    assert launch.up(home, SERVERS_ONLY, progress=lambda _line: None).was_running

    for service in ("kafka", "postgres", "simulator"):
        killed = process(home, service)
        os.kill(killed.pid, signal.SIGKILL)
        until_now(
            lambda name=service, pid=killed.pid: (  # type: ignore[misc] # bound per turn
                process(home, name).status == "ready" and process(home, name).pid != pid
            ),
            what=f"{service} to serve again",
        )
    assert asyncio.run(answer_of(state.load(home))) == ("switchboard", 1)

    alive = state.load(home).processes
    assert launch.down(home)
    assert not [each.name for each in alive if each.is_alive()]
    assert state.load(home).phase == state.STOPPED


def test_what_a_killed_supervisor_left_is_ended_and_the_data_kept(home: Home) -> None:
    first = up(home)
    os.kill(first.supervisor_pid, signal.SIGKILL)
    until_now(lambda: not state.load(home).is_supervised(), what="the supervisor's end")
    left = [each for each in first.processes if each.is_alive()]
    assert len(left) == 3

    second = up(home)
    assert not [each.name for each in left if each.is_alive()]
    assert second.kafka_bootstrap == first.kafka_bootstrap
    assert asyncio.run(answer_of(second)) == ("switchboard", 1)


def test_a_stack_that_cannot_come_up_says_why_and_leaves_nothing(home: Home) -> None:
    with pytest.raises(StackError, match=r"No module named services\.nothing"):
        launch.up(home, Options(services=("nothing",)), progress=lambda _line: None)
    after = state.load(home)
    assert (after.phase, after.is_supervised()) == (state.FAILED, False)
    assert not [each.name for each in after.processes if each.is_alive()]
