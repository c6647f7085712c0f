"""The words of the clocks: facts, courses, steps, clocks.

A *fact* is something that happened to a conversation, at its event time. The sorted set of facts
gives the *courses*: how each metric ran. A course seen from a moment is a list of *steps*. A
*clock* is what has been announced of a course: comparing its steps with the course's is how the
service knows what is left to say, and when it has to take something back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    """What a clock measures."""

    FIRST_RESPONSE = "FIRST_RESPONSE"
    RESOLUTION = "RESOLUTION"


class Tier(StrEnum):
    """What the customer is entitled to."""

    BASIC = "BASIC"
    EXPECTED = "EXPECTED"
    EXCELLENT = "EXCELLENT"
    INSPIRING = "INSPIRING"


class FactKind(StrEnum):
    """What can happen to a conversation, as far as clocks care."""

    CUSTOMER_MESSAGE = "CUSTOMER_MESSAGE"
    AGENT_REPLY = "AGENT_REPLY"
    AUTO_REPLY = "AUTO_REPLY"
    NOTE = "NOTE"
    OPENED = "OPENED"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    MERGED = "MERGED"


STATUSES = frozenset({FactKind.OPENED, FactKind.PENDING, FactKind.RESOLVED, FactKind.CLOSED})
"""Kinds of which one follows the other, in the order of their sequence."""

IRRELEVANT = frozenset({FactKind.AUTO_REPLY, FactKind.NOTE})
"""Kinds that move no clock: only a person's public reply is a response."""


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One happening. The order of facts is the order of their event times, never of arrival.

    `sequence` is the conversation's own count of its events and settles equal times; `fact_id` is
    the event's id, by which a duplicate is known. `agent_id` is whoever did it, empty if no agent.
    """

    occurred_at_ms: int
    sequence: int
    fact_id: str
    kind: FactKind
    tier: Tier = Tier.BASIC
    channel: str = ""
    agent_id: str = ""


class StepKind(StrEnum):
    """What a clock does. MET, BREACHED and CANCELLED are the ends; STOPPED follows a breach."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    BREACHED = "BREACHED"
    MET = "MET"
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One thing a clock did, at its event time."""

    at_ms: int
    kind: StepKind


class Ending(StrEnum):
    """How a course came to its end."""

    FULFILLED = "FULFILLED"
    RESOLVED_UNANSWERED = "RESOLVED_UNANSWERED"
    MERGED = "MERGED"


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch that does not count; `until_ms` is None while it lasts."""

    from_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How one metric ran in one cycle, by the facts alone.

    `spent_before_ms` is what earlier cycles used of the same budget: a reopened conversation
    resumes, it does not start anew. `warn_at_percent` comes from the policy in force at the start,
    like the target.
    """

    metric: Metric
    cycle: int
    tier: Tier
    policy_version: int
    target_ms: int
    spent_before_ms: int
    started_at_ms: int
    warn_at_percent: tuple[int, ...] = ()
    pauses: tuple[Pause, ...] = ()
    ended_at_ms: int | None = None
    ending: Ending | None = None
    ended_by: str = ""


class ClockState(StrEnum):
    """Where an announced clock stands."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    MET = "MET"
    BREACHED = "BREACHED"
    CANCELLED = "CANCELLED"
    VOID = "VOID"


TERMINAL = frozenset({ClockState.MET, ClockState.BREACHED, ClockState.CANCELLED, ClockState.VOID})
"""The states that close a clock's question. A breach is one, whether the answer came late or never;
VOID marks a cycle that a late fact showed never to have begun."""

_STATE_AFTER = {
    StepKind.STARTED: ClockState.RUNNING,
    StepKind.PAUSED: ClockState.PAUSED,
    StepKind.RESUMED: ClockState.RUNNING,
    StepKind.BREACHED: ClockState.BREACHED,
    StepKind.MET: ClockState.MET,
    StepKind.CANCELLED: ClockState.CANCELLED,
    StepKind.STOPPED: ClockState.BREACHED,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """What has been announced of a course.

    `warned` holds the percentages already warned of: a warning is never repeated, whatever late
    facts do to the deadline. `detected_at_ms` is the log time at which the breach was noticed.
    """

    course: Course
    steps: tuple[Step, ...]
    warned: tuple[int, ...] = ()
    detected_at_ms: int | None = None
    void: bool = False

    @property
    def state(self) -> ClockState:
        """The state the last announced step left the clock in."""
        return ClockState.VOID if self.void else _STATE_AFTER[self.steps[-1].kind]

    @property
    def key(self) -> tuple[Metric, int]:
        """What tells the clocks of one conversation apart."""
        return self.course.metric, self.course.cycle

    @property
    def awaits(self) -> bool:
        """Whether a fact may still end it: it runs, is paused, or is breached and unanswered."""
        return not self.void and self.course.ended_at_ms is None


@dataclass(frozen=True, slots=True)
class Conversation:
    """All the service knows of one conversation: its facts in event time, and its clocks.

    `sequence` counts what was announced of it.
    """

    conversation_id: str
    tenant_id: str
    facts: tuple[Fact, ...] = ()
    clocks: tuple[Clock, ...] = ()
    sequence: int = 0

    @property
    def channel(self) -> str:
        """The channel its newest fact came by; empty before any."""
        return self.facts[-1].channel if self.facts else ""

    def clock(self, metric: Metric, cycle: int) -> Clock | None:
        """The clock of that cycle, or None."""
        return next((clock for clock in self.clocks if clock.key == (metric, cycle)), None)

    @property
    def awaits(self) -> bool:
        """Whether a fact or the passing of time may still move one of its clocks."""
        return any(clock.awaits for clock in self.clocks)
