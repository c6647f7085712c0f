"""Indicators: numbers from the literature, and what an empty hour says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.insights.core.formulas import FORMULAS, Indicator, Unit, indicators, wilson
from services.insights.core.model import COUNTS

HOUR = {
    "within_goal": 80,
    "assigned": 90,
    "abandoned": 10,
    "wait_ms_sum": 900_000,
    "csat_satisfied": 0,
    "csat_answers": 10,
}


def by_name(counts: dict[str, int]) -> dict[str, Indicator]:
    return {found.formula.name: found for found in indicators(counts)}


def test_both_service_levels_stand_side_by_side() -> None:
    found = by_name(HOUR)
    assert found["service_level"].value == pytest.approx(80 / 90)
    assert found["service_level_offered"].value == pytest.approx(80 / 100)
    assert found["service_level_offered"].formula.text == "within_goal / (assigned + abandoned)"


def test_the_average_wait_is_per_answered_work() -> None:
    wait = by_name(HOUR)["average_wait"]
    assert (wait.value, wait.n, wait.low) == (10_000, 90, None)


def test_nothing_counted_has_no_value_rather_than_zero() -> None:
    assert all((found.value, found.n, found.low) == (None, 0, None) for found in indicators({}))


def test_cases_of_one_period_that_end_in_another_have_no_interval() -> None:
    found = by_name({"accepted": 3, "offered": 2})["offer_acceptance"]
    assert (found.value, found.low, found.high) == (1.5, None, None)


# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (Wilson without correction).
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(k: int, n: int, low: float, high: float) -> None:
    assert list(wilson(k, n)) == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_bounds(case: tuple[int, int]) -> None:
    k, n = case
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1


def test_formulas_are_made_of_counts_that_exist() -> None:
    named = {name for formula in FORMULAS for name in (formula.over, *formula.under)}
    assert named <= COUNTS
    assert len({formula.name for formula in FORMULAS}) == len(FORMULAS)
    assert {formula.unit for formula in FORMULAS} == set(Unit)
