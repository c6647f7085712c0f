"""A course seen from a moment: what its clock has done by then, and what it will do next.

The deadline is judged on events: a course that ended after its deadline was breached at the
deadline, whether or not anything looked at it in between. A course without an end is breached once
time has passed the deadline. The answer that comes in the very millisecond of it is in time.
"""

from __future__ import annotations

from services.sla.core.budget import due_at_ms, warnings
from services.sla.core.model import TERMINAL, Clock, Course, Ending, Step, StepKind


def steps(course: Course, seen_ms: int) -> tuple[Step, ...]:
    """What the clock of `course` has done as far as `seen_ms`, in order of event time."""
    due_ms = due_at_ms(course)
    breached = due_ms is not None and _passed(course, due_ms, seen_ms)
    end = [Step(due_ms, StepKind.BREACHED)] if due_ms is not None and breached else []
    if course.ended_at_ms is not None:
        end.append(Step(course.ended_at_ms, _end_of(course, breached=breached)))
    return (Step(course.started_at_ms, StepKind.STARTED), *_pauses(course), *end)


def _passed(course: Course, due_ms: int, seen_ms: int) -> bool:
    return (seen_ms if course.ended_at_ms is None else course.ended_at_ms) > due_ms


def _end_of(course: Course, *, breached: bool) -> StepKind:
    if breached:
        return StepKind.STOPPED
    return StepKind.MET if course.ending is Ending.FULFILLED else StepKind.CANCELLED


def _pauses(course: Course) -> list[Step]:
    moves: list[Step] = []
    for pause in course.pauses:
        moves.append(Step(pause.from_ms, StepKind.PAUSED))
        if pause.until_ms is not None:
            moves.append(Step(pause.until_ms, StepKind.RESUMED))
    return moves


def next_moment_ms(clock: Clock) -> int | None:
    """When the clock must be looked at again if nothing happens: a warning, or the breach."""
    if not clock.awaits or clock.state in TERMINAL:
        return None
    moments = [at_ms for percent, at_ms in warnings(clock.course) if percent not in clock.warned]
    due_ms = due_at_ms(clock.course)
    return min([*moments, *([] if due_ms is None else [due_ms + 1])], default=None)
