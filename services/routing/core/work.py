"""Work, the offers made of it, and who has it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.routing.core.kinds import (
    AssignmentState,
    Channel,
    Level,
    OfferState,
    Tier,
    WorkState,
)

Rank = tuple[int, int, str]  # minus the priority, arrival (unix ms), work id: least goes first


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an agent needs to take a piece of work. Work of equal requirements waits in one line.

    `skills` are (name, least level 1–5), by name. `language` is a primary BCP 47 subtag; empty
    asks for none.
    """

    pool: str
    channel: Channel
    language: str = ""
    skills: tuple[tuple[str, int], ...] = ()
    level: Level = Level.L1

    @property
    def key(self) -> str:
        """Names the line; equal for equal requirements."""
        skills = ",".join(f"{name}>={least}" for name, least in self.skills)
        return f"{self.pool}|{self.channel}|{self.language}|{skills}|{self.level.value}"


@dataclass(frozen=True, slots=True)
class Rest:
    """An agent who declined the work or let its offer pass, and is not asked again for a while.

    Before `alone_ms` never, before `until_ms` only where nobody else could take the work.
    """

    agent_id: str
    alone_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A conversation's demand for an agent.

    `arrived_ms` is when its customer began to wait, and stays through decline, timeout, transfer,
    escalation and restart. `agent_id`, `offer_id` and `assignment_id` name who is asked or has it,
    and are empty else. `set_by_hand` are the names of what people have set (`level`, `pool`,
    `priority`, `skills`), which triage leaves; `hands` counts what people did to it.
    """

    work_id: str
    conversation_id: str
    customer_id: str
    home_id: str
    tier: Tier
    language: str
    requirement: Requirement
    line: str  # requirement.key, kept because it is looked up at every step
    priority: int
    arrived_ms: int
    policy_version: int
    decision_id: str  # triage's
    changed_ms: int
    state: WorkState = WorkState.QUEUED
    offers: int = 0
    rests: tuple[Rest, ...] = ()
    agent_id: str = ""
    offer_id: str = ""
    assignment_id: str = ""
    assignments: int = 0
    transfers: int = 0
    hands: int = 0
    set_by_hand: tuple[str, ...] = ()

    @property
    def rank(self) -> Rank:
        """Its place in line: priority first, then original arrival, then id."""
        return (-self.priority, self.arrived_ms, self.work_id)

    @property
    def is_open(self) -> bool:
        """Whether the work still asks for an agent or takes up one."""
        return self.state not in _WORK_ENDED

    @property
    def is_wanted(self) -> bool:
        """Whether its conversation still needs it: what is being written up is done."""
        return self.is_open and self.state is not WorkState.WRAP_UP

    def heeding(self, asked: Requirement, priority: int) -> tuple[Requirement, int]:
        """What triage asks for and its priority, but for what people have set by hand."""
        own = self.requirement
        kept = {name: getattr(own, name) for name in self.set_by_hand if name != PRIORITY}
        return replace(asked, **kept), self.priority if PRIORITY in self.set_by_hand else priority


PRIORITY = "priority"
SET_BY_HAND = frozenset({"level", "pool", "skills", PRIORITY})
_WORK_ENDED = frozenset({WorkState.COMPLETED, WorkState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Offer:
    """A timed reservation of an agent for a work item."""

    offer_id: str
    work_id: str
    agent_id: str
    decision_id: str
    channel: Channel
    cost: int
    offered_ms: int
    expires_ms: int
    state: OfferState = OfferState.PENDING
    ended_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Work in an agent's hands: an accepted offer, by its id, or by an id of its own.

    `asked_ms` is when the agent's capacity was taken. `override`: given beyond what they can do or
    have room for. `wrap_up_until_ms` is 0 until it is in wrap-up. The work may be somebody else's
    by then, so what is told of its end is kept here.
    """

    assignment_id: str
    work_id: str
    conversation_id: str
    pool: str
    agent_id: str
    channel: Channel
    cost: int
    asked_ms: int
    assigned_ms: int
    offer_id: str = ""
    override: bool = False
    state: AssignmentState = AssignmentState.ACTIVE
    wrap_up_until_ms: int = 0
    ended_ms: int = 0
    reason: str = ""
