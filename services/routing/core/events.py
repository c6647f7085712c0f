"""What has happened in a domain, past tense. `at_ms` is the log time of the decision."""

from __future__ import annotations

from dataclasses import dataclass

from services.routing.core.agents import Profile
from services.routing.core.byhand import Hand
from services.routing.core.explain import Explanation
from services.routing.core.kinds import Presence, Tier
from services.routing.core.work import Assignment, Offer, Requirement, Rest, WorkItem


@dataclass(frozen=True, slots=True)
class WorkQueued:
    """New work waits."""

    work: WorkItem


@dataclass(frozen=True, slots=True)
class WorkChanged:
    """Work asks for something else, or more urgently. `changed` names what is different."""

    work_id: str
    requirement: Requirement
    priority: int
    tier: Tier
    language: str
    changed: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class WorkWithdrawn:
    """Work that nobody had is needed no more; `hand` where somebody said so, not triage."""

    work_id: str
    reason: str
    at_ms: int
    hand: Hand | None = None


@dataclass(frozen=True, slots=True)
class WorkAssigned:
    """An agent has the work, because somebody gave it to them or they claimed it."""

    assignment: Assignment
    hand: Hand


@dataclass(frozen=True, slots=True)
class Release:
    """An agent has given up work that is not done. `rest`: it is not theirs again soon."""

    assignment_id: str
    agent_id: str
    wrap_up_until_ms: int
    rest: Rest


@dataclass(frozen=True, slots=True)
class WorkMoved:
    """Work was transferred or escalated: it waits, at its old place, for what it asks for now.

    `release` where an agent had it.
    """

    work_id: str
    release: Release | None
    hand: Hand
    at_ms: int


@dataclass(frozen=True, slots=True)
class WorkReprioritised:
    """Work has another priority, because somebody said so."""

    work_id: str
    hand: Hand
    at_ms: int


@dataclass(frozen=True, slots=True)
class OfferMade:
    """An agent is asked; their capacity is reserved. The explanation is the decision."""

    offer: Offer
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The agent has the work."""

    offer_id: str
    answered_in_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    """The agent does not want it; it waits again, at its old place."""

    offer_id: str
    reason: str
    rest: Rest
    at_ms: int


@dataclass(frozen=True, slots=True)
class OfferTimedOut:
    """The agent did not answer, for the `missed`th time in a row; the work waits again."""

    offer_id: str
    rest: Rest
    missed: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class OfferRescinded:
    """The offer was taken back, through no fault of the agent's; the work waits again.

    `goes_on`: only until the next event, which says what becomes of it.
    """

    offer_id: str
    reason: str
    at_ms: int
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class WorkCompleted:
    """The work is done. `wrap_up_until_ms` is 0 where no wrap-up follows.

    `asked_by_triage` tells an end that the conversation brought about from one by the agent; `hand`
    is there where a supervisor withdrew it.
    """

    work_id: str
    assignment_id: str
    reason: str
    wrap_up_until_ms: int
    asked_by_triage: bool
    at_ms: int
    hand: Hand | None = None


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    """The agent has written up, or the time for it is over."""

    assignment_id: str
    timed_out: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class AgentDefined:
    """An agent exists, or can do something else."""

    agent_id: str
    display_name: str
    profile: Profile
    at_ms: int


@dataclass(frozen=True, slots=True)
class AgentRemoved:
    """An agent is here no more."""

    agent_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SessionStated:
    """A session spoke: it is open, at this edge, and this was its statement number `sequence`."""

    agent_id: str
    session_id: str
    edge_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over. `grace_until_ms`: when its agent goes offline; 0 where none waits."""

    agent_id: str
    session_id: str
    grace_until_ms: int


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """An agent takes new work, or does not."""

    agent_id: str
    before: Presence
    after: Presence
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LeaseRenewed:
    """An edge is alive until then."""

    edge_id: str
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """An edge is dead; its sessions have ended."""

    edge_id: str


Event = (
    WorkQueued
    | WorkChanged
    | WorkWithdrawn
    | WorkAssigned
    | WorkMoved
    | WorkReprioritised
    | OfferMade
    | OfferAccepted
    | OfferDeclined
    | OfferTimedOut
    | OfferRescinded
    | WorkCompleted
    | WrapUpEnded
    | AgentDefined
    | AgentRemoved
    | SessionStated
    | SessionEnded
    | PresenceChanged
    | LeaseRenewed
    | LeaseLost
)


def hand_of(event: Event) -> Hand | None:
    """The decision by hand that led to an event, if one did."""
    match event:
        case WorkAssigned() | WorkMoved() | WorkReprioritised():
            return event.hand
        case WorkWithdrawn() | WorkCompleted():
            return event.hand
        case _:
            return None
