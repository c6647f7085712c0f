"""The arithmetic of one course: how much of its budget is spent, and when it runs out.

Only time outside pauses counts. Where a budget reaches zero exactly as a pause begins, it runs out
there and then, not when the pause ends: the earliest moment is the deadline.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.sla.core.model import Course

Stretch = tuple[int, int | None]


def _stretches(course: Course) -> Iterator[Stretch]:
    """The stretches that count, from start on, as if the course had not ended."""
    since_ms = course.started_at_ms
    for pause in course.pauses:
        yield since_ms, pause.from_ms
        if pause.until_ms is None:
            return
        since_ms = pause.until_ms
    yield since_ms, None


def spent_ms(course: Course, until_ms: int) -> int:
    """Budget spent in this cycle between its start and `until_ms`, or its end if that is sooner."""
    end_ms = until_ms if course.ended_at_ms is None else min(until_ms, course.ended_at_ms)
    ends = (
        (since, end_ms if till is None else min(till, end_ms)) for since, till in _stretches(course)
    )
    return sum(max(0, till - since) for since, till in ends)


def moment_of(course: Course, budget_ms: int) -> int | None:
    """The earliest moment by which `budget_ms` is spent in this cycle; None while paused short."""
    left_ms = budget_ms
    for since_ms, till_ms in _stretches(course):
        if till_ms is None or till_ms - since_ms >= left_ms:
            return since_ms + left_ms
        left_ms -= till_ms - since_ms
    return None


def due_at_ms(course: Course) -> int | None:
    """The deadline, unix ms; None while the course is paused short of it."""
    return moment_of(course, course.target_ms - course.spent_before_ms)


def warnings(course: Course) -> tuple[tuple[int, int], ...]:
    """(percent, moment) of each warning of this cycle that has a moment, earliest first.

    A share that earlier cycles had already spent was warned of then.
    """
    budgets = (
        (percent, course.target_ms * percent // 100 - course.spent_before_ms)
        for percent in sorted(course.warn_at_percent)
    )
    moments = ((percent, moment_of(course, left)) for percent, left in budgets if left > 0)
    return tuple((percent, at_ms) for percent, at_ms in moments if at_ms is not None)
