"""What triage knows of a conversation that needs an agent, or has just needed one."""

from __future__ import annotations

from dataclasses import dataclass

from services.routing.core.triage.rules import Conversation, Placement
from services.routing.core.work import WorkItem


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation in triage. `work` is what was last asked for; it is wanted while `has_work`.

    `sequence` is that of the latest conversation event that changed anything. `settles_ms` is when
    an open conversation whose work has ended asks anew; 0 while no such wait is on. An open one
    without work that does not wait was put to rest by a supervisor: it asks when its customer
    writes. `wrote_ms` is when they did so last, in log time.
    """

    tenant_id: str
    conversation_id: str
    is_open: bool
    sequence: int
    work: WorkItem
    has_work: bool = True
    settles_ms: int = 0
    wrote_ms: int = 0

    @property
    def is_live(self) -> bool:
        """Whether anything may still follow from it; what is not live is forgotten."""
        return self.is_open or self.has_work


@dataclass(frozen=True, slots=True)
class Observe:
    """A conversation event: how the conversation stands after it, and why."""

    conversation: Conversation
    is_open: bool
    sequence: int
    occurred_ms: int
    reason: str
    customer_wrote: bool = False


@dataclass(frozen=True, slots=True)
class EndWork:
    """The matcher: work has ended, and was `left` so, where that is known.

    `withdrawn_ms` is when a supervisor withdrew it; 0 where its agent was done.
    """

    work_id: str
    left: WorkItem | None = None
    withdrawn_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settle:
    """Timer: the conversation had time to tell that it is settled."""


Command = Observe | EndWork | Settle


@dataclass(frozen=True, slots=True)
class Requested:
    """A conversation needs an agent. `placement` is None where it asks again for the same."""

    work: WorkItem
    placement: Placement | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Changed:
    """It needs another one, or more urgently."""

    work: WorkItem
    sequence: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """It needs none any more."""

    work_id: str
    reason: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Closed:
    """It is not open any more, and has no work."""

    sequence: int


@dataclass(frozen=True, slots=True)
class WorkOver:
    """Its work has ended without it; if it stays open it asks anew for `work` at `settles_ms`."""

    work: WorkItem
    settles_ms: int


@dataclass(frozen=True, slots=True)
class CustomerWrote:
    """Its customer has written, and it has work or will ask for some."""

    at_ms: int
    sequence: int


Event = Requested | Changed | Withdrawn | Closed | WorkOver | CustomerWrote
