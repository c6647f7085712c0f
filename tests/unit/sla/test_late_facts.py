"""A fact that arrives late, with an earlier event time, takes back what it makes untrue."""

from __future__ import annotations

from services.sla.core.model import ClockState, Conversation, Ending, Fact, FactKind, Metric
from services.sla.core.policies import MINUTE_MS
from tests.unit.sla.story import Shard, clock, fact

WRITES, REPLY = FactKind.CUSTOMER_MESSAGE, FactKind.AGENT_REPLY
PENDING, OPEN, MERGED = FactKind.PENDING, FactKind.OPENED, FactKind.MERGED
RESOLVED = FactKind.RESOLVED


def arriving(*arrivals: tuple[Fact, int]) -> Shard:
    shard = Shard(conversation=Conversation("c", "default"), said=[])
    for happening, at in arrivals:
        shard.observe(happening, at_ms=at * MINUTE_MS)
    return shard


def test_an_answer_in_time_that_we_hear_of_late_takes_the_breach_back() -> None:
    shard = arriving((fact(0, WRITES), 0), (fact(20, REPLY), 90))
    assert shard.spoken[-2:] == [
        "resolution/1 warned 75 @90",
        "first_response/1 corrected breached -> met",
    ]
    assert clock(shard, Metric.FIRST_RESPONSE).detected_at_ms is None


def test_an_earlier_start_that_we_hear_of_late_moves_the_deadline() -> None:
    shard = arriving((fact(50, WRITES), 50), (fact(0, WRITES), 70))
    assert "first_response/1 corrected running -> breached" in shard.spoken
    assert clock(shard, Metric.FIRST_RESPONSE).detected_at_ms == 70 * MINUTE_MS


def test_a_pause_that_we_hear_of_late_lets_the_clock_run_again_without_new_warnings() -> None:
    shard = arriving((fact(0, WRITES), 0), (fact(10, PENDING), 130), (fact(40, OPEN), 131))
    shard.pass_time(500 * MINUTE_MS)
    said = [line for line in shard.spoken if line.startswith("resolution/1")]
    assert said == [
        "resolution/1 started @0",
        "resolution/1 warned 50 @60",
        "resolution/1 warned 75 @90",
        "resolution/1 breached @120",
        "resolution/1 corrected breached -> paused",
        "resolution/1 resumed @40",
        "resolution/1 breached @150",
    ]


def test_an_answer_that_we_hear_of_late_is_how_a_breached_clock_ended() -> None:
    shard = arriving((fact(0, WRITES), 0), (fact(90, RESOLVED, 2), 90), (fact(90, REPLY, 1), 91))
    assert shard.spoken[-1] == "first_response/1 corrected breached -> breached"
    assert clock(shard, Metric.FIRST_RESPONSE).course.ending is Ending.FULFILLED


def test_a_cycle_that_never_began_is_void() -> None:
    shard = arriving(
        (fact(0, WRITES), 0),
        (fact(10, RESOLVED), 10),
        (fact(30, OPEN), 30),
        (fact(20, MERGED), 40),
    )
    assert clock(shard, Metric.RESOLUTION, 2).state is ClockState.VOID
    assert clock(shard, Metric.RESOLUTION, 1).state is ClockState.MET


def test_a_message_written_before_the_resolution_and_heard_of_after_it_reopens_it() -> None:
    shard = arriving(
        (fact(0, WRITES, 1), 0),
        (fact(20, REPLY, 2), 20),
        (fact(30, RESOLVED, 3), 30),
        (fact(25, OPEN, 4), 40),
    )
    assert clock(shard, Metric.RESOLUTION, 1).state is ClockState.MET
    reopened = clock(shard, Metric.RESOLUTION, 2)
    assert reopened.state is ClockState.RUNNING
    assert reopened.course.started_at_ms == 30 * MINUTE_MS


def test_a_fact_before_the_conversation_is_opened_waits_for_it() -> None:
    shard = arriving((fact(10, REPLY), 10), (fact(0, WRITES), 12))
    assert clock(shard, Metric.FIRST_RESPONSE).state is ClockState.MET
