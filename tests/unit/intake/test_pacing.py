"""Slots of an account with a rate: in order, each once, and none for who does not come."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.pacing import (
    HORIZON_SECONDS,
    LATE_SECONDS,
    NEAR_SECONDS,
    Pacer,
)

ACCOUNT = "sms-berlin"


@dataclass
class Watch:
    """A clock, and a pacer that reads it."""

    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self.pacer = Pacer(lambda: self.now_s)

    def wait(
        self, message_id: str, *, account_id: str = ACCOUNT, rate: float = 1.0, weight: int = 1
    ) -> float:
        return self.pacer.wait_seconds(account_id, message_id, per_second=rate, weight=weight)


def test_messages_follow_one_another_at_the_rate() -> None:
    watch = Watch()
    assert [watch.wait(f"m-{n}", rate=2) for n in range(4)] == [0.0, 0.5, 1.0, 1.5]


def test_after_silence_nobody_waits() -> None:
    watch = Watch()
    watch.wait("m-1")
    watch.now_s += 60
    assert watch.wait("m-2") == 0.0


def test_a_heavy_message_takes_as_long_as_it_weighs() -> None:
    watch = Watch()
    assert watch.wait("m-1", weight=4) == 0.0
    assert watch.wait("m-2") == 4.0


def test_accounts_do_not_wait_for_one_another() -> None:
    watch = Watch()
    watch.wait("m-1", weight=100)
    assert watch.wait("m-2", account_id="another") == 0.0


def test_who_is_sent_away_finds_the_slot_kept() -> None:
    watch = Watch()
    waits = [watch.wait(f"m-{n}") for n in range(20)]
    assert waits[-1] == 19.0
    watch.now_s += 10
    assert watch.wait("m-19") == 9.0  # too early: still the same slot
    watch.now_s += 9.5
    assert watch.wait("m-19") == 0.0
    assert watch.wait("m-20") == 0.5


def test_a_slot_that_is_missed_by_long_is_lost() -> None:
    watch = Watch()
    for n in range(6):
        watch.wait(f"m-{n}")
    watch.now_s += 5 + LATE_SECONDS
    assert watch.wait("m-5") == 0.0  # just in time
    for n in range(6, 12):
        watch.wait(f"m-{n}")
    watch.now_s += 1 + 5 + LATE_SECONDS
    assert watch.wait("m-12") == 0.0
    assert watch.wait("m-11") == 1.0  # behind m-12 now


def test_no_slot_is_given_away_beyond_the_horizon() -> None:
    watch = Watch()
    watch.wait("m-1", rate=1, weight=int(HORIZON_SECONDS) + 1)
    assert watch.wait("m-2") == HORIZON_SECONDS + 1
    assert watch.wait("m-3") == HORIZON_SECONDS + 1  # m-2 has none
    watch.now_s += 1
    assert watch.wait("m-3") == HORIZON_SECONDS
    assert watch.wait("m-2") > HORIZON_SECONDS


@pytest.mark.parametrize("rate", [0.5, 3.0, 80.0])
def test_a_backlog_goes_out_at_the_rate_and_all_of_it(rate: float) -> None:
    watch, gone = Watch(), list[float]()
    due = [(watch.now_s, f"m-{n}") for n in range(200)]
    while due:
        due.sort()
        at_s, message_id = due.pop(0)
        watch.now_s = max(watch.now_s, at_s)
        wait_s = watch.wait(message_id, rate=rate)
        if wait_s > NEAR_SECONDS:
            due.append((watch.now_s + min(wait_s, 300.0) + 0.3, message_id))  # timers are late
        else:
            gone.append(watch.now_s + wait_s)
    began_s, ended_s = min(gone), max(gone)
    assert len(gone) == 200
    assert 199 / rate <= ended_s - began_s <= 199 / rate + 5.0


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(1, 3), st.floats(0, 30, allow_nan=False)),
        max_size=60,
    )
)
def test_within_the_lateness_of_a_timer_the_rate_holds(
    asked: list[tuple[int, int, float]],
) -> None:
    watch, called = Watch(), list[tuple[float, int]]()
    for number, weight, passed_s in asked:
        watch.now_s += passed_s
        wait_s = watch.wait(f"m-{number}", weight=weight)
        assert wait_s >= 0.0
        if wait_s <= NEAR_SECONDS:
            called.append((watch.now_s + wait_s, weight))
    for first, (began_s, _) in enumerate(called):
        for last in range(first, len(called)):
            ended_s, _ = called[last]
            total = sum(weight for _, weight in called[first:last])
            assert total <= ended_s - began_s + LATE_SECONDS + NEAR_SECONDS + 3.0
