"""What the clocks say, past tense. Each event carries the clock as it stands after it."""

from __future__ import annotations

from dataclasses import dataclass

from services.sla.core.model import Clock, Fact, StepKind


@dataclass(frozen=True, slots=True)
class FactRecorded:
    """A fact took its place among the others."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """A clock started, paused, resumed, breached, was met, cancelled or stopped at `at_ms`."""

    clock: Clock
    kind: StepKind
    at_ms: int


@dataclass(frozen=True, slots=True)
class ClockWarned:
    """`percent` of the target was spent at `at_ms`, and the clock still awaits its end."""

    clock: Clock
    percent: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class ClockCorrected:
    """A late fact with an earlier event time makes what was said of this clock untrue.

    `clock` is how it stands by all the facts; `before` is what had been announced.
    """

    clock: Clock
    before: Clock


ClockEvent = ClockStepped | ClockWarned | ClockCorrected
Event = FactRecorded | ClockEvent
