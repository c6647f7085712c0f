"""The arithmetic of deadlines in 24/7 time, in minutes, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.core.budget import due_at_ms, moment_of, spent_ms, warnings
from services.sla.core.model import Course, Metric, Pause, Tier
from services.sla.core.policies import MINUTE_MS


def course(start: int, target: int, *pauses: tuple[int, int | None], spent: int = 0) -> Course:
    return Course(
        metric=Metric.RESOLUTION,
        cycle=1,
        tier=Tier.BASIC,
        policy_version=1,
        target_ms=target * MINUTE_MS,
        spent_before_ms=spent * MINUTE_MS,
        started_at_ms=start * MINUTE_MS,
        warn_at_percent=(50, 75),
        pauses=tuple(
            Pause(since * MINUTE_MS, None if until is None else until * MINUTE_MS)
            for since, until in pauses
        ),
    )


DEADLINES: dict[str, tuple[Course, int | None]] = {
    "no pause": (course(10, 60), 70),
    "row 13: 30 minutes from 75 over a pause of 90 to 120": (course(75, 30, (90, 120)), 135),
    "two pauses": (course(0, 60, (10, 20), (30, 45)), 85),
    "paused short of it": (course(0, 60, (10, None)), None),
    "row 6: runs out exactly as a pause begins": (course(0, 60, (60, 300)), 60),
    "runs out exactly as an open pause begins": (course(0, 60, (60, None)), 60),
    "a pause after it": (course(0, 60, (61, None)), 60),
    "an empty pause": (course(0, 60, (30, 30)), 60),
    "row 5: what an earlier cycle spent is gone": (course(300, 120, spent=50), 370),
}


@pytest.mark.parametrize("case", DEADLINES)
def test_deadline(case: str) -> None:
    given_course, expected = DEADLINES[case]
    assert due_at_ms(given_course) == (None if expected is None else expected * MINUTE_MS)


def test_row_13_a_pause_does_not_count() -> None:
    assert spent_ms(course(0, 500, (90, 120)), 120 * MINUTE_MS) == 90 * MINUTE_MS


def test_nothing_is_spent_before_the_start_or_after_the_end() -> None:
    ended = replace(course(10, 60), ended_at_ms=30 * MINUTE_MS)
    assert spent_ms(ended, 5 * MINUTE_MS) == 0
    assert spent_ms(ended, 500 * MINUTE_MS) == 20 * MINUTE_MS


def test_warnings_stand_at_their_share_of_the_target_not_of_what_is_left() -> None:
    assert warnings(course(300, 120, spent=50)) == (
        (50, 310 * MINUTE_MS),
        (75, 340 * MINUTE_MS),
    )
    assert warnings(course(300, 120, spent=60)) == ((75, 330 * MINUTE_MS),)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    edges = sorted(draw(st.lists(st.integers(0, 400), unique=True, max_size=8)))
    pauses: list[tuple[int, int | None]] = list(zip(edges[::2], edges[1::2], strict=False))
    return course(0, draw(st.integers(1, 300)), *pauses)


@given(courses())
def test_row_25_the_time_spent_at_the_deadline_is_the_target(any_course: Course) -> None:
    due_ms = due_at_ms(any_course)
    assert due_ms is not None
    assert spent_ms(any_course, due_ms) == any_course.target_ms
    assert spent_ms(any_course, due_ms - 1) == any_course.target_ms - 1


@given(courses(), st.integers(0, 100))
def test_row_25_the_deadline_grows_with_start_target_and_pause(
    any_course: Course, more: int
) -> None:
    due_ms = due_at_ms(any_course)
    longer = replace(any_course, target_ms=any_course.target_ms + more * MINUTE_MS)
    first = any_course.pauses[0].from_ms if any_course.pauses else 500 * MINUTE_MS
    later = replace(any_course, started_at_ms=min(more * MINUTE_MS, first))
    paused_first = replace(any_course, pauses=(*_split(more), *any_course.pauses))
    assert due_ms is not None
    for changed in (longer, later):
        changed_ms = due_at_ms(changed)
        assert changed_ms is not None
        assert changed_ms >= due_ms
    if more < first // MINUTE_MS:
        shifted_ms = due_at_ms(paused_first)
        assert shifted_ms is not None
        assert shifted_ms >= due_ms


def _split(until: int) -> tuple[Pause, ...]:
    return (Pause(0, until * MINUTE_MS),)


@given(courses(), st.integers(1, 300 * MINUTE_MS))
def test_a_share_is_spent_no_earlier_than_its_moment(any_course: Course, share_ms: int) -> None:
    at_ms = moment_of(any_course, share_ms)
    assert at_ms is not None
    assert spent_ms(any_course, at_ms) == share_ms
    assert spent_ms(any_course, at_ms - 1) < share_ms
