"""The whole stack under kills, freezes, and a broker and a database that die, judged by `verify`.

`DOSE=full` plays ten times as many faults.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from services.chassis import failpoint
from services.chassis.bus import commands, engine, relay
from services.intake.shell import effects
from tests.chaos.stack_course import StackCourse, stack_course, traffic, verdict

SEED = 20261122
TIMES = 10 if os.environ.get("DOSE") == "full" else 1
KILLS, ZOMBIES, BROKER_KILLS, DATABASE_KILLS = 20, 3, 3, 3
RATE = 8
SECONDS = 900  # the traffic is ended when the faults are done

ALL = ("intake", "routing", "sla", "feedback", "insights", "console")
# Waves of crashes: in each, every process ends at one point.
WAVES = (
    {engine.TAKEN: "sla-1", engine.BEFORE_COMMIT: "routing-1", engine.AFTER_COMMIT: "intake-1"},
    {
        relay.BEFORE_PUBLISH: "routing-2",
        relay.AFTER_PUBLISH: "intake-2",
        commands.BEFORE_ACCEPT: "intake-1",
    },
    {commands.AFTER_ACCEPT: "intake-1", effects.AFTER_CALL: "intake-2"},
    {effects.BEFORE_CALL: "intake-1"},
)


async def test_nothing_is_lost_doubled_or_violated_through_every_fault(
    stack_folder: Path,
) -> None:
    async with stack_course(stack_folder, seed=SEED) as course:
        async with traffic(course, rate=RATE, seconds=SECONDS * TIMES) as demo:
            await _crash_everywhere(course)
            for _ in range(TIMES):
                await _round(course)
            assert demo.returncode is None, "the traffic ended before the faults did"
            demo.send_signal(signal.SIGINT)
            found = await verdict(demo)
        print(course.done, found, flush=True)
        assert (found["lost"], found["doubled"], found["violations"]) == (0, 0, 0)
        assert found["accepted"] > 0
        assert found["resolved"] > 0
        assert demo.returncode == 0


async def _crash_everywhere(course: StackCourse) -> None:
    """Crash at each failpoint there is."""
    assert {point for wave in WAVES for point in wave} == set(failpoint.declared())
    for wave in WAVES:
        await asyncio.gather(*(course.crash_at(point, name) for point, name in wave.items()))


async def _round(course: StackCourse) -> None:
    """One dose: freezes run beside the kills of other services."""
    await asyncio.gather(
        course.freeze("routing-1"),
        course.freeze("sla-1"),
        course.freeze("intake-1"),
        _kill(course, course.names("feedback", "insights", "console"), KILLS // 3),
    )
    await _kill(course, course.names(*ALL), KILLS - KILLS // 3)
    for _ in range(BROKER_KILLS):
        await course.kill(course.names("kafka")[0])
    for _ in range(DATABASE_KILLS):
        await course.kill(course.names("postgres")[0])


async def _kill(course: StackCourse, names: list[str], times: int) -> None:
    """Kill processes in a shuffled order, each before any a second time."""
    order: list[str] = []
    for _ in range(times):
        order = order or course.chance.sample(names, len(names))
        await course.kill(order.pop())
