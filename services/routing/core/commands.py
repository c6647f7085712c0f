"""What may be asked of a domain, by triage, by agents, by supervisors, and by its own timers."""

from __future__ import annotations

from dataclasses import dataclass

from immutables import Map

from services.routing.core.agents import Channels, Profile
from services.routing.core.kinds import Level, Presence, Tier
from services.routing.core.work import Requirement, WorkItem


@dataclass(frozen=True, slots=True)
class RequestWork:
    """A conversation needs an agent."""

    work: WorkItem


@dataclass(frozen=True, slots=True)
class ChangeWork:
    """What a conversation needs is different now; its place by arrival stays."""

    work_id: str
    requirement: Requirement
    priority: int
    tier: Tier
    language: str


@dataclass(frozen=True, slots=True)
class WithdrawWork:
    """The conversation needs no agent any more: it was answered, resolved, closed, merged."""

    work_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AssignWork:
    """Give work to an agent; `override` beyond what they can do or have room for."""

    work_id: str
    agent_id: str
    override: bool = False


@dataclass(frozen=True, slots=True)
class ClaimWork:
    """Take work that waits."""

    work_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class TransferWork:
    """Pass work on: to a pool, to an agent of it, to whoever has other skills.

    What is empty stays as it is. `held_by`: only if this agent has it.
    """

    work_id: str
    pool: str = ""
    agent_id: str = ""
    skills: tuple[tuple[str, int], ...] = ()
    reason: str = ""
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class EscalateWork:
    """Move work up the ladder, by one rung where none is named.

    Without a work id, whatever the conversation has open. `held_by`: only if this agent has it.
    """

    work_id: str
    conversation_id: str = ""
    level: Level | None = None
    skills: tuple[tuple[str, int], ...] = ()
    reason: str = ""
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class ReprioritiseWork:
    """Give work another place: in the class of its new priority by its original arrival."""

    work_id: str
    priority: int


@dataclass(frozen=True, slots=True)
class CancelWork:
    """End work that nobody needs, although its conversation is open."""

    work_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetSkills:
    """An agent can do this now, and nothing else."""

    agent_id: str
    skills: Map[str, int]


@dataclass(frozen=True, slots=True)
class SetCapacities:
    """An agent serves these channels, at these costs. None means those of the policy."""

    agent_id: str
    channels: Channels
    capacity: int


@dataclass(frozen=True, slots=True)
class RemoveAgent:
    """An agent who holds no work is here no more."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class DefineAgent:
    """Add an agent, or change what they can do. No channels means those of the policy."""

    agent_id: str
    display_name: str
    profile: Profile


@dataclass(frozen=True, slots=True)
class SetPresence:
    """An agent takes new work, or does not. The first of a session opens it.

    `sequence` counts a session's statements; one that is not newer than the last is ignored. 0 is
    not counted.
    """

    agent_id: str
    session_id: str
    edge_id: str
    sequence: int
    presence: Presence
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseSession:
    """A stream has ended: the agent signed off, or the connection broke.

    Means nothing once the session has gone on at another edge.
    """

    agent_id: str
    session_id: str
    edge_id: str
    signed_off: bool


@dataclass(frozen=True, slots=True)
class RenewLease:
    """The process that holds sessions is alive, and so are they."""

    edge_id: str


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """The agent takes it."""

    offer_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class DeclineOffer:
    """The agent does not."""

    offer_id: str
    agent_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CompleteWork:
    """The agent is done with it."""

    work_id: str
    agent_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndWrapUp:
    """The agent is done writing up, before the time is over."""

    work_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class ExpireOffer:
    """Timer: the time to answer is over."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class ExpireWrapUp:
    """Timer: the time to write up is over."""

    assignment_id: str


@dataclass(frozen=True, slots=True)
class ExpireLease:
    """Timer: a process that held sessions has not renewed its lease."""

    edge_id: str


@dataclass(frozen=True, slots=True)
class ExpireGrace:
    """Timer: an agent whose connection broke has not come back."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class EndRest:
    """Timer: somebody who declined this work may be asked again."""

    work_id: str


Command = (
    RequestWork
    | ChangeWork
    | WithdrawWork
    | AssignWork
    | ClaimWork
    | TransferWork
    | EscalateWork
    | ReprioritiseWork
    | CancelWork
    | DefineAgent
    | SetSkills
    | SetCapacities
    | RemoveAgent
    | SetPresence
    | CloseSession
    | RenewLease
    | AcceptOffer
    | DeclineOffer
    | CompleteWork
    | EndWrapUp
    | ExpireOffer
    | ExpireWrapUp
    | ExpireLease
    | ExpireGrace
    | EndRest
)
