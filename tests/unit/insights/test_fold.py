"""Adding up: event time, order and batches do not matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.insights.core.fold import EARLY_MS, LATE_MS, WINDOW_MS, add, fold, total, window_of
from services.insights.core.model import COUNTS, Counts, Fact, Part

NOON_MS = 1_795_305_600_000
counts = st.dictionaries(st.sampled_from(sorted(COUNTS)), st.integers(-5, 1000), max_size=4)


def fact(at_ms: int) -> Fact:
    return Fact("acme", "billing", "SMS", at_ms, {"opened": 1})


def starts(occurred_at_ms: int, appended_at_ms: int) -> int:
    return window_of(fact(occurred_at_ms), appended_at_ms=appended_at_ms).start_ms


def test_a_fact_counts_in_the_minute_it_happened_not_the_one_it_was_told() -> None:
    assert starts(NOON_MS + 59_999, NOON_MS + 300_000) == NOON_MS
    assert starts(NOON_MS + 60_000, NOON_MS + 300_000) == NOON_MS + WINDOW_MS


def test_a_clock_that_is_far_off_is_not_believed() -> None:
    assert starts(NOON_MS + 10 * EARLY_MS, NOON_MS) == NOON_MS + EARLY_MS
    assert starts(0, NOON_MS) == NOON_MS - LATE_MS


@given(st.integers(0, 2 * NOON_MS), st.integers(LATE_MS, 2 * NOON_MS))
def test_a_window_is_a_whole_minute_near_the_log(occurred_at_ms: int, appended_at_ms: int) -> None:
    start_ms = starts(occurred_at_ms, appended_at_ms)
    assert start_ms % WINDOW_MS == 0
    assert -LATE_MS - WINDOW_MS < start_ms - appended_at_ms <= EARLY_MS


def test_of_the_longest_wait_the_longest_is_kept() -> None:
    assert add({"wait_ms_max": 7, "assigned": 1}, {"wait_ms_max": 5, "assigned": 1}) == {
        "wait_ms_max": 7,
        "assigned": 2,
    }


@given(st.lists(counts, max_size=8), st.randoms())
def test_the_order_of_parts_does_not_matter(parts: list[Counts], chance: object) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis types it as object
    assert total(shuffled) == total(parts)


@given(st.lists(counts, min_size=1, max_size=10), st.data())
def test_batches_do_not_matter(facts: list[Counts], data: st.DataObject) -> None:
    numbered = list(enumerate(facts))
    cut = data.draw(st.integers(0, len(numbered)))
    assert fold(fold(Part(), numbered[:cut]), numbered[cut:]) == fold(Part(), numbered)
    assert fold(Part(), numbered) == Part(len(facts), total(facts))
