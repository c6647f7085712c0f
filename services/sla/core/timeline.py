"""From the facts of a conversation to the courses of its clocks.

The fold reads facts by event time, so what it returns depends on the set of facts alone: any order
of arrival, any repeat, any split into batches gives the same courses.

- The first message of the customer starts FIRST_RESPONSE and RESOLUTION. A conversation that an
  agent began has no clock until the customer writes.
- A person's public reply ends FIRST_RESPONSE. A note, an automatic answer or a status does not.
- PENDING pauses RESOLUTION, and nothing else; OPEN resumes it.
- RESOLVED and CLOSED end RESOLUTION, also straight out of PENDING, and cancel a FIRST_RESPONSE
  that is no longer owed.
- OPEN after an end begins the next cycle: RESOLUTION resumes what is left of its budget, unless
  the last cycle breached and so used it up; an answer still owed starts afresh.
- A conversation that was merged away keeps no clock: they run in the one that goes on.
- A status holds from its event time on, but never from before the status it replaced: a message
  that was written before the resolution, and heard of after it, reopens from the resolution on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from services.sla.core.budget import due_at_ms, spent_ms
from services.sla.core.model import (
    IRRELEVANT,
    STATUSES,
    Course,
    Ending,
    Fact,
    FactKind,
    Metric,
    Pause,
)
from services.sla.core.policies import PolicyTable

Facts = tuple[Fact, ...]


def knows(facts: Facts, fact: Fact) -> bool:
    """Whether the same happening, by its id, is among `facts` already."""
    return any(known.fact_id == fact.fact_id for known in facts)


def is_moot(facts: Facts, fact: Fact) -> bool:
    """Whether `fact` can move no clock, whatever else comes to light.

    Clocks start with the customer's first message, so one that is known to be later is moot.
    """
    later = fact.kind is FactKind.CUSTOMER_MESSAGE and any(
        known.kind is FactKind.CUSTOMER_MESSAGE and known < fact for known in facts
    )
    return later or fact.kind in IRRELEVANT


def insert(facts: Facts, fact: Fact) -> Facts:
    """`facts` with a new `fact` at its place in event time."""
    place = bisect_left(facts, fact)
    return (*facts[:place], fact, *facts[place:])


@dataclass(frozen=True, slots=True)
class _Run:
    """How far the fold has come: every course so far, the latest cycle of a metric last."""

    courses: tuple[Course, ...] = ()
    merged: bool = False

    def latest(self, metric: Metric) -> Course | None:
        return next((c for c in reversed(self.courses) if c.metric is metric), None)

    def running(self, metric: Metric) -> Course | None:
        course = self.latest(metric)
        return course if course is not None and course.ended_at_ms is None else None

    def change(self, old: Course, new: Course) -> _Run:
        return replace(self, courses=tuple(new if c is old else c for c in self.courses))


def courses(facts: Iterable[Fact], policies: PolicyTable) -> tuple[Course, ...]:
    """Every course the facts make, in the order in which they started."""
    run = _Run()
    for fact in _in_effect(facts):
        if not run.merged:
            run = _FOLD[fact.kind](run, fact, policies)
    return run.courses


def _in_effect(facts: Iterable[Fact]) -> list[Fact]:
    """The facts as they take effect: statuses keep the order of their conversation."""
    told = list(facts)
    statuses = sorted((f for f in told if f.kind in STATUSES), key=lambda f: (f.sequence, f))
    effective: list[Fact] = [fact for fact in told if fact.kind not in STATUSES]
    since_ms = 0
    for fact in statuses:
        since_ms = max(since_ms, fact.occurred_at_ms)
        effective.append(replace(fact, occurred_at_ms=since_ms))
    return sorted(effective)


def _customer_wrote(run: _Run, fact: Fact, policies: PolicyTable) -> _Run:
    if run.courses:
        return run
    for metric in Metric:
        run = _start(run, metric, fact, policies)
    return run


def _agent_replied(run: _Run, fact: Fact, _: PolicyTable) -> _Run:
    return _end(run, Metric.FIRST_RESPONSE, fact, Ending.FULFILLED)


def _opened(run: _Run, fact: Fact, policies: PolicyTable) -> _Run:
    resolution, response = run.latest(Metric.RESOLUTION), run.latest(Metric.FIRST_RESPONSE)
    if resolution is None or response is None:
        return run
    if response.ending is Ending.RESOLVED_UNANSWERED:
        run = _start(run, Metric.FIRST_RESPONSE, fact, policies)
    if resolution.ended_at_ms is not None:
        return _start(run, Metric.RESOLUTION, fact, policies)
    return run.change(resolution, _resumed(resolution, fact))


def _pending(run: _Run, fact: Fact, _: PolicyTable) -> _Run:
    course = run.running(Metric.RESOLUTION)
    if course is None or _is_paused(course) or _is_spent(course, fact.occurred_at_ms):
        return run
    return run.change(course, replace(course, pauses=(*course.pauses, Pause(fact.occurred_at_ms))))


def _ended(run: _Run, fact: Fact, _: PolicyTable) -> _Run:
    run = _end(run, Metric.FIRST_RESPONSE, fact, Ending.RESOLVED_UNANSWERED)
    return _end(run, Metric.RESOLUTION, fact, Ending.FULFILLED)


def _merged(run: _Run, fact: Fact, _: PolicyTable) -> _Run:
    for metric in Metric:
        run = _end(run, metric, fact, Ending.MERGED)
    return replace(run, merged=True)


def _nothing(run: _Run, _: Fact, __: PolicyTable) -> _Run:
    return run


_FOLD: dict[FactKind, Callable[[_Run, Fact, PolicyTable], _Run]] = {
    FactKind.CUSTOMER_MESSAGE: _customer_wrote,
    FactKind.AGENT_REPLY: _agent_replied,
    FactKind.AUTO_REPLY: _nothing,
    FactKind.NOTE: _nothing,
    FactKind.OPENED: _opened,
    FactKind.PENDING: _pending,
    FactKind.RESOLVED: _ended,
    FactKind.CLOSED: _ended,
    FactKind.MERGED: _merged,
}


def _start(run: _Run, metric: Metric, fact: Fact, policies: PolicyTable) -> _Run:
    before = run.latest(metric)
    policy = policies.in_force(fact.occurred_at_ms)
    target_ms = policy.target_ms(metric, fact.tier)
    course = Course(
        metric=metric,
        cycle=before.cycle + 1 if before else 1,
        tier=fact.tier,
        policy_version=policy.version,
        target_ms=target_ms,
        spent_before_ms=_carried_ms(before, target_ms),
        started_at_ms=fact.occurred_at_ms,
        warn_at_percent=policy.warn_at_percent,
    )
    return replace(run, courses=(*run.courses, course))


def _carried_ms(before: Course | None, target_ms: int) -> int:
    """What the cycle before leaves spent of the budget; a budget that was used up is renewed."""
    if before is None or before.ended_at_ms is None or before.ending is not Ending.FULFILLED:
        return 0
    due_ms = due_at_ms(before)
    spent = before.spent_before_ms + spent_ms(before, before.ended_at_ms)
    breached = due_ms is not None and before.ended_at_ms > due_ms
    return 0 if breached or spent >= target_ms else spent


def _end(run: _Run, metric: Metric, fact: Fact, ending: Ending) -> _Run:
    course = run.running(metric)
    if course is None:
        return run
    at_ms = fact.occurred_at_ms
    return run.change(
        course, replace(course, ended_at_ms=at_ms, ending=ending, ended_by=fact.agent_id)
    )


def _is_paused(course: Course) -> bool:
    return bool(course.pauses) and course.pauses[-1].until_ms is None


def _is_spent(course: Course, at_ms: int) -> bool:
    """Whether the budget is gone by then: what comes after the deadline stops nothing any more."""
    due_ms = due_at_ms(course)
    return due_ms is not None and at_ms >= due_ms


def _resumed(course: Course, fact: Fact) -> Course:
    if not _is_paused(course):
        return course
    closed = replace(course.pauses[-1], until_ms=fact.occurred_at_ms)
    return replace(course, pauses=(*course.pauses[:-1], closed))
