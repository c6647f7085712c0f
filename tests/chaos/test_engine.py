"""The engine under kills, freezes, and a broker and a database that die, counted at the far end."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from services.chassis.bus import engine, relay
from services.chassis.bus.processing import SESSION_SECONDS
from services.chassis.lifecycle import EXIT_CRASH
from tests.chaos.engine_course import EngineCourse, engine_course, kill
from tests.support.fleet import Member
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until

SEED = 20261122
KILLS = 4
FAILPOINTS = (
    engine.TAKEN,
    engine.BEFORE_COMMIT,
    engine.AFTER_COMMIT,
    relay.BEFORE_PUBLISH,
    relay.AFTER_PUBLISH,
)
TAKEN = b'"event":"assigned"'
FENCED = b'"error":"Fenced'


@pytest.fixture
async def course(kafka: Kafka, postgres: Postgres, tmp_path: Path) -> AsyncIterator[EngineCourse]:
    async with engine_course(kafka, postgres, tmp_path) as running:
        yield running


async def test_every_count_is_applied_once_through_every_fault(
    course: EngineCourse, tmp_path: Path
) -> None:
    stop = asyncio.Event()
    load = asyncio.create_task(course.load(stop))
    chance = random.Random(SEED)
    await _flowing(course)
    for at in range(0, len(FAILPOINTS), 2):
        await _crash_at(course, FAILPOINTS[at : at + 2], tmp_path)
    for _ in range(KILLS):
        await kill(chance.choice(course.fleet.members))
    await _flowing(course)
    await _freeze_one(course, tmp_path)
    course.kafka.server.kill()
    await asyncio.to_thread(course.kafka.server.start)
    await _flowing(course)
    course.postgres.server.kill()
    await asyncio.to_thread(course.postgres.server.start)
    await _flowing(course)
    stop.set()
    await load
    await course.drained()
    await verify(course)


async def _flowing(course: EngineCourse) -> None:
    """Wait until the far counter applies what is sent from now on."""
    before = sum(course.accepted.values()) + 1

    async def passed() -> bool:
        try:
            far = await course.totals("counter.far")
        except OSError:
            return False
        return sum(seen for _, seen in far.values()) >= before

    await until(passed, what="counts flow to the far end", deadline_s=90)


async def _crash_at(course: EngineCourse, failpoints: Sequence[str], folder: Path) -> None:
    """Arm a point in a process each, and wait until each has ended there."""
    hits = [folder / f"{name}.hits" for name in failpoints]
    for member, name, log in zip(course.processes("counter.sum"), failpoints, hits, strict=False):
        await _restart(member, {"FAILPOINT": name, "FAILPOINT_LOG": str(log)})
    await until(lambda: all(log.exists() for log in hits), what=f"{failpoints} hit", deadline_s=60)
    await _flowing(course)


async def _restart(member: Member, settings: dict[str, str]) -> None:
    member.once = {f"SWITCHBOARD_{name}": value for name, value in settings.items()}
    await kill(member)


async def _freeze_one(course: EngineCourse, folder: Path) -> None:
    """Freeze a process as it commits, for twice the session: others take its shards.

    Thawed, it goes on with its commit, is refused, and ends.
    """
    zombie, other = course.processes("counter.sum")
    hits = folder / "zombie.hits"
    await _restart(
        zombie, {"FAILPOINT": f"{engine.BEFORE_COMMIT}:5:stop", "FAILPOINT_LOG": str(hits)}
    )
    await until(hits.exists, what="the freeze", deadline_s=60)
    taken = other.log.read_bytes().count(TAKEN)
    thaw_at = asyncio.get_running_loop().time() + 2 * SESSION_SECONDS
    await until(
        lambda: (
            asyncio.get_running_loop().time() > thaw_at
            and other.log.read_bytes().count(TAKEN) > taken
        ),
        what="the shards to be taken over",
        deadline_s=120,
    )
    exits, refused = len(zombie.exits), zombie.log.read_bytes().count(FENCED)
    zombie.send(signal.SIGCONT)
    await until(lambda: len(zombie.exits) > exits, what="the zombie's end", deadline_s=60)
    assert zombie.exits[-1] == EXIT_CRASH
    assert zombie.log.read_bytes().count(FENCED) > refused
    await _flowing(course)


async def verify(course: EngineCourse) -> None:
    accepted = dict(course.accepted)
    near, far = await course.totals("counter.sum"), await course.totals("counter.far")
    assert {entity: total for entity, (total, _) in near.items()} == accepted, "lost or doubled"
    assert {entity: seen for entity, (_, seen) in far.items()} == accepted, "lost or doubled after"
    published = await course.published_sequences()
    for entity, totals in published.items():
        assert totals == sorted(totals), f"{entity} came out of order"
        assert len(totals) == accepted[entity]
