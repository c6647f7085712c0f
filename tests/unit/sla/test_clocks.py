"""What clocks say to typical histories, minute by minute. Targets: response 60, resolution 120."""

from __future__ import annotations

import pytest

from services.sla.core.model import ClockState, Fact, FactKind, Metric
from tests.unit.sla.story import clock, fact, told

WRITES = FactKind.CUSTOMER_MESSAGE
REPLY = FactKind.AGENT_REPLY
AUTO = FactKind.AUTO_REPLY
NOTE = FactKind.NOTE
OPEN = FactKind.OPENED
PENDING = FactKind.PENDING
RESOLVED = FactKind.RESOLVED
CLOSED = FactKind.CLOSED
MERGED = FactKind.MERGED

RESPONSE = "first_response/1"
RESOLUTION = "resolution/1"

HISTORIES: dict[str, tuple[list[Fact], float, str, list[str]]] = {
    "answered in time": (
        [fact(0, WRITES), fact(20, REPLY)],
        500,
        RESPONSE,
        ["started @0", "met @20"],
    ),
    "answered in the last millisecond": (
        [fact(0, WRITES), fact(60, REPLY)],
        500,
        RESPONSE,
        ["started @0", "warned 50 @30", "warned 75 @45", "met @60"],
    ),
    "row 20: answered late, before anything looked": (
        [fact(0, WRITES), fact(61, REPLY)],
        500,
        RESPONSE,
        ["started @0", "warned 50 @30", "warned 75 @45", "breached @60", "stopped @61"],
    ),
    "silence": (
        [fact(0, WRITES)],
        500,
        RESPONSE,
        ["started @0", "warned 50 @30", "warned 75 @45", "breached @60"],
    ),
    "row 21: note, automatic answer and status are no response": (
        [fact(0, WRITES), fact(1, NOTE), fact(2, AUTO), fact(3, PENDING), fact(4, OPEN)],
        61,
        RESPONSE,
        ["started @0", "warned 50 @30", "warned 75 @45", "breached @60"],
    ),
    "a second answer changes nothing": (
        [fact(0, WRITES), fact(10, REPLY), fact(90, REPLY, 1)],
        500,
        RESPONSE,
        ["started @0", "met @10"],
    ),
    "further customer messages do not move the deadline": (
        [fact(0, WRITES), fact(40, WRITES, 1)],
        61,
        RESPONSE,
        ["started @0", "warned 50 @30", "warned 75 @45", "breached @60"],
    ),
    "an agent who writes first owes no answer": (
        [fact(0, OPEN), fact(1, REPLY), fact(2, PENDING)],
        500,
        RESPONSE,
        [],
    ),
    "resolved without an answer": (
        [fact(0, WRITES), fact(10, RESOLVED)],
        500,
        RESPONSE,
        ["started @0", "cancelled @10"],
    ),
    "resolved in time": (
        [fact(0, WRITES), fact(50, RESOLVED)],
        500,
        RESOLUTION,
        ["started @0", "met @50"],
    ),
    "row 13: pause 90 to 120": (
        [fact(0, WRITES), fact(90, PENDING), fact(120, OPEN)],
        500,
        RESOLUTION,
        [
            "started @0",
            "warned 50 @60",
            "warned 75 @90",
            "paused @90",
            "resumed @120",
            "breached @150",
        ],
    ),
    "row 19: resolved straight out of a pause": (
        [fact(0, WRITES), fact(50, PENDING), fact(400, RESOLVED)],
        500,
        RESOLUTION,
        ["started @0", "paused @50", "met @400"],
    ),
    "a pause at the deadline comes too late": (
        [fact(0, WRITES), fact(120, PENDING)],
        500,
        RESOLUTION,
        ["started @0", "warned 50 @60", "warned 75 @90", "breached @120"],
    ),
    "a breached clock does not pause, and stops once": (
        [fact(0, WRITES), fact(130, PENDING), fact(140, OPEN), fact(150, RESOLVED)],
        500,
        RESOLUTION,
        ["started @0", "warned 50 @60", "warned 75 @90", "breached @120", "stopped @150"],
    ),
    "merged away": (
        [fact(0, WRITES), fact(10, MERGED), fact(20, RESOLVED)],
        500,
        RESOLUTION,
        ["started @0", "cancelled @10"],
    ),
    "closing a resolved conversation adds nothing": (
        [fact(0, WRITES), fact(10, RESOLVED), fact(400, CLOSED)],
        500,
        RESOLUTION,
        ["started @0", "met @10"],
    ),
    "row 23: midnight is a minute like any other": (
        [fact(23 * 60 + 30, WRITES), fact(25 * 60, RESOLVED)],
        26 * 60,
        RESOLUTION,
        ["started @1410", "warned 50 @1470", "warned 75 @1500", "met @1500"],
    ),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_what_a_clock_says(history: str) -> None:
    facts, until, which, expected = HISTORIES[history]
    spoken = told(facts, until=until).spoken
    assert [line.removeprefix(f"{which} ") for line in spoken if line.startswith(which)] == expected


REOPENED = [fact(0, WRITES), fact(20, REPLY), fact(50, RESOLVED), fact(300, OPEN)]


def test_row_5_a_reopened_conversation_resumes_what_was_left() -> None:
    shard = told(REOPENED, until=1000)
    assert [line for line in shard.spoken if line.startswith("resolution/2")] == [
        "resolution/2 started @300",
        "resolution/2 warned 50 @310",
        "resolution/2 warned 75 @340",
        "resolution/2 breached @370",
    ]


def test_a_share_spent_before_the_reopening_is_not_warned_of_again() -> None:
    facts = [fact(0, WRITES), fact(80, RESOLVED), fact(300, OPEN), fact(311, RESOLVED)]
    spoken = told(facts, until=1000).spoken
    assert [line for line in spoken if "warned 50" in line and "resolution" in line] == [
        "resolution/1 warned 50 @60"
    ]
    assert "resolution/2 warned 75 @310" in spoken


def test_a_budget_that_was_used_up_is_renewed_at_the_reopening() -> None:
    shard = told([fact(0, WRITES), fact(130, RESOLVED), fact(200, OPEN)], until=1000)
    assert "resolution/2 breached @320" in shard.spoken


def test_an_answer_still_owed_starts_afresh_at_the_reopening() -> None:
    shard = told([fact(0, WRITES), fact(10, RESOLVED), fact(100, OPEN), fact(130, REPLY)])
    assert clock(shard, Metric.FIRST_RESPONSE, 1).state is ClockState.CANCELLED
    assert clock(shard, Metric.FIRST_RESPONSE, 2).state is ClockState.MET


def test_an_answer_once_given_is_not_owed_again() -> None:
    assert told(REOPENED, until=1000).conversation.clock(Metric.FIRST_RESPONSE, 2) is None


def test_a_breach_keeps_both_times_the_true_one_and_the_noticed_one() -> None:
    shard = told([fact(0, WRITES)])
    shard.observe(fact(70, REPLY), at_ms=fact(95, REPLY).occurred_at_ms)
    breached = clock(shard, Metric.FIRST_RESPONSE)
    assert breached.steps[1].at_ms == fact(60, REPLY).occurred_at_ms
    assert breached.detected_at_ms == fact(60, REPLY).occurred_at_ms + 1
