"""Replies over all providers while their calls fail and intake is killed: none twice, none lost.

`DOSE=full` sends a thousand.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from local.verify.finding import Kind
from tests.chaos.reply_course import ReplyCourse, reply_course
from tests.chaos.stack_course import stack_course
from tests.support.waiting import until

SEED = 20261122
IS_FULL = os.environ.get("DOSE") == "full"
REPLIES, KILLS, PEOPLE = (1_000, 6, 120) if IS_FULL else (200, 2, 48)
EACH = 0.04
FAULTS = {
    # A fifth of all calls fail, in every way there is.
    **dict.fromkeys(("throttle", "error_before", "error_after", "drop_before", "drop_after"), EACH),
    "slow": 0.2,
    "slow_ms": 200,
    "receipt_lost": 0.1,
    "receipt_twice": 0.1,
    "receipt_late": 0.1,
    "late_ms": 2_000,
    "seed": SEED,
}
ENDS = {"SENT", "DELIVERED", "READ", "UNCERTAIN"}
"""States in which a reply may end: nothing here is refused, so nothing may be called failed."""


async def test_replies_reach_every_customer_once_or_are_said_to_be_uncertain(
    stack_folder: Path,
) -> None:
    async with (
        stack_course(stack_folder, seed=SEED, only=("intake",)) as course,
        reply_course(course) as replies,
    ):
        await replies.greet(PEOPLE)
        await replies.faults(**FAULTS)
        await _reply_through_kills(replies)
        found = await replies.verdict()
        print(course.done, found.states, found.unsure, found.calls, flush=True)
        assert [each for each in found.findings if each.kind is not Kind.UNCERTAIN] == []
        assert found.states.total() == REPLIES
        assert found.states.keys() <= ENDS
        assert found.states["UNCERTAIN"] == found.unsure.total() < REPLIES / 4
        assert min(found.calls[name] for name in FAULTS if FAULTS[name] == EACH) > 0


async def _reply_through_kills(replies: ReplyCourse) -> None:
    """Answer in as many parts as there are kills, and kill in the middle of each."""
    for part in range(KILLS):
        numbers = range(part * REPLIES // KILLS, (part + 1) * REPLIES // KILLS)
        await asyncio.gather(replies.reply(numbers), _kill_after(replies, numbers[0] + 20))


async def _kill_after(replies: ReplyCourse, answered: int) -> None:
    await until(lambda: len(replies.answers) >= answered, what=f"{answered} replies")
    await replies.course.kill(replies.course.chance.choice(replies.course.names("intake")))
