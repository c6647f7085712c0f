"""What is to be said: the difference between what the facts say now and what has been announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from services.sla.core.budget import warnings
from services.sla.core.commands import Command, Observe
from services.sla.core.events import (
    ClockCorrected,
    ClockEvent,
    ClockStepped,
    ClockWarned,
    Event,
    FactRecorded,
)
from services.sla.core.model import (
    TERMINAL,
    Clock,
    Conversation,
    Course,
    Ending,
    Step,
    StepKind,
    Tier,
)
from services.sla.core.policies import PolicyTable
from services.sla.core.steps import next_moment_ms, steps
from services.sla.core.timeline import Facts, courses, insert, is_moot, knows

Events = tuple[Event, ...]


def decide(
    conversation: Conversation, command: Command, now_ms: int, policies: PolicyTable
) -> Events:
    """The events that follow from `command`; none where it says nothing new.

    `now_ms` is log time: only silence is judged by it, everything else by event time.
    """
    if not isinstance(command, Observe):
        return tuple(_announce(conversation, conversation.facts, now_ms, policies))
    fact = command.fact
    if knows(conversation.facts, fact) or is_moot(conversation.facts, fact):
        return ()
    facts = insert(conversation.facts, fact)
    return (FactRecorded(fact), *_announce(conversation, facts, now_ms, policies))


def next_look_ms(conversation: Conversation) -> int | None:
    """When the conversation must be judged again if nothing is heard of it; None if never."""
    looks = (next_moment_ms(clock) for clock in conversation.clocks)
    return min((look for look in looks if look is not None), default=None)


def _announce(
    conversation: Conversation, facts: Facts, now_ms: int, policies: PolicyTable
) -> Iterator[ClockEvent]:
    seen_ms = max([now_ms, *(fact.occurred_at_ms for fact in facts[-1:])])
    running = courses(facts, policies)
    for course in running:
        known = conversation.clock(course.metric, course.cycle)
        yield from _difference(known, course, seen_ms=seen_ms, now_ms=now_ms)
    keys = {(course.metric, course.cycle) for course in running}
    for clock in conversation.clocks:
        if clock.key not in keys and not clock.void:
            yield ClockCorrected(clock=replace(clock, void=True), before=clock)


def _difference(
    known: Clock | None, course: Course, *, seen_ms: int, now_ms: int
) -> Iterator[ClockEvent]:
    """What there is to say of one course: a correction if need be, then its steps and warnings."""
    done = steps(course, seen_ms)
    clock = replace(known, course=course) if known else Clock(course=course, steps=())
    if known is not None and not _continues(known, course, done):
        clock = _corrected(clock, done, now_ms)
        yield ClockCorrected(clock=clock, before=known)
    for moment in sorted([*_unsaid_warnings(clock, seen_ms), *_unsaid_steps(clock, done)]):
        event = _say(clock, moment, now_ms)
        clock = event.clock
        yield event


def _continues(known: Clock, course: Course, done: tuple[Step, ...]) -> bool:
    """Whether the facts only add to what was announced, instead of contradicting it."""
    return (
        not known.void
        and _terms(known.course) == _terms(course)
        and (known.course.ended_at_ms is None or _end(known.course) == _end(course))
        and (done[: len(known.steps)] == known.steps)
    )


def _terms(course: Course) -> tuple[Tier, int, int, int]:
    return course.tier, course.policy_version, course.target_ms, course.spent_before_ms


def _end(course: Course) -> tuple[Ending | None, str]:
    """How and by whom: a breached clock stops in the same moment whether answered or resolved."""
    return course.ending, course.ended_by


def _corrected(clock: Clock, done: tuple[Step, ...], now_ms: int) -> Clock:
    breached = any(step.kind is StepKind.BREACHED for step in done)
    detected_at_ms = (clock.detected_at_ms or now_ms) if breached else None
    return replace(clock, steps=done, void=False, detected_at_ms=detected_at_ms)


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    """Something to say, in the order in which it came about; a warning before a step."""

    at_ms: int
    place: int
    percent: int = 0
    step: Step | None = field(default=None, compare=False)


def _unsaid_steps(clock: Clock, done: tuple[Step, ...]) -> Iterator[_Moment]:
    said = len(clock.steps)
    for place, step in enumerate(done[said:], start=said + 1):
        yield _Moment(at_ms=step.at_ms, place=place, step=step)


def _unsaid_warnings(clock: Clock, seen_ms: int) -> Iterator[_Moment]:
    """Warnings that are due and still of use: nobody is warned of what has already ended."""
    if clock.course.ended_at_ms is not None or (clock.steps and clock.state in TERMINAL):
        return
    for percent, at_ms in warnings(clock.course):
        if at_ms <= seen_ms and percent not in clock.warned:
            yield _Moment(at_ms=at_ms, place=0, percent=percent)


def _say(clock: Clock, moment: _Moment, now_ms: int) -> ClockStepped | ClockWarned:
    step = moment.step
    if step is None:
        warned = replace(clock, warned=(*clock.warned, moment.percent))
        return ClockWarned(clock=warned, percent=moment.percent, at_ms=moment.at_ms)
    detected_at_ms = now_ms if step.kind is StepKind.BREACHED else clock.detected_at_ms
    stepped = replace(clock, steps=(*clock.steps, step), detected_at_ms=detected_at_ms)
    return ClockStepped(clock=stepped, kind=step.kind, at_ms=step.at_ms)
