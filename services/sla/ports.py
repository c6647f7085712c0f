"""What the handlers and the API need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.sla.core.events import ClockEvent
from services.sla.core.model import Clock, Conversation, Fact, Metric


class Ledger(Protocol):
    """Where the consequences of one command are written, all of them or none."""

    def record(self, conversation: Conversation, fact: Fact) -> None:
        """Keep a fact for good."""

    def announce(self, conversation: Conversation, event: ClockEvent) -> None:
        """Keep the clock of `event` and tell the world; `conversation` is as after the event."""

    def look_again(self, conversation_id: str, at_ms: int | None) -> None:
        """Judge the conversation at `at_ms`, instead of any time said before; None for never."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A stored clock with what a reader needs to know of its conversation."""

    tenant_id: str
    conversation_id: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list by deadline goes on: after this clock."""

    due_at_ms: int
    conversation_id: str
    metric: str
    cycle: int


class ClockReader(Protocol):
    """Reads of committed clocks. Raises `StoreUnavailable` while the database is away."""

    async def of_conversation(self, tenant_id: str, conversation_id: str) -> Sequence[Listed]:
        """Every clock of a conversation by start; none where the tenant has no such clock."""

    async def at_risk(
        self,
        tenant_id: str,
        *,
        until_ms: int | None,
        metric: Metric | None,
        after: Place | None,
        limit: int,
    ) -> Sequence[Listed]:
        """Running clocks by deadline, the next first, `limit` of them from `after` on."""
