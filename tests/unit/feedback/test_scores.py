"""Scores against published numbers: the interval is tested by values, not by its formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.core.scores import csat, wilson

# Newcombe (1998), Statistics in Medicine 17, table I, method 3; and z²/(n+z²) for all of 10.
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (10, 10, 0.7225, 1.0000),
]


@pytest.mark.parametrize(("successes", "n", "low", "high"), PUBLISHED)
def test_the_wilson_interval_by_its_numbers(
    successes: int, n: int, low: float, high: float
) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


def test_csat_is_the_share_of_fours_and_fives_not_a_mean() -> None:
    score = csat({1: 1, 3: 2, 4: 3, 5: 4})
    assert (score.answers, score.satisfied, score.share) == (10, 7, 0.7)
    assert (score.low, score.high) == pytest.approx((0.3968, 0.8922), abs=5e-5)


@pytest.mark.parametrize("counts", [{}, {5: 4}, {1: 2, 5: 2}])
def test_few_answers_give_no_number(counts: dict[int, int]) -> None:
    score = csat(counts)
    assert score.share is score.low is score.high is None
    assert score.answers == sum(counts.values())
