"""What has happened, past tense. `evolve` needs nothing else to know what is now the case."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.lifecycle import Arrival
from services.intake.core.model import (
    Conversation,
    Customer,
    Delivery,
    Message,
    Receipt,
    Status,
)


@dataclass(frozen=True, slots=True)
class CustomerAdded:
    """A person wrote, or was entered, for the first time."""

    customer: Customer


@dataclass(frozen=True, slots=True)
class CustomerUpdated:
    """Something about a customer is different: `changed` names the fields that are."""

    before: Customer
    customer: Customer
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """A new thread was begun; `follows_id` in it names the one that it continues."""

    conversation: Conversation
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class MessageAdded:
    """A message joined its conversation."""

    message: Message


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A conversation moved."""

    conversation_id: str
    before: Status
    after: Status
    actor: str
    reason: str
    occurred_at_ms: int

    @classmethod
    def of(
        cls, conversation: Conversation, after: Status, *, actor: str, reason: str, at_ms: int
    ) -> StatusChanged:
        """The move of `conversation` from where it stands to `after`."""
        return cls(
            conversation_id=conversation.conversation_id,
            before=conversation.status,
            after=after,
            actor=actor,
            reason=reason,
            occurred_at_ms=at_ms,
        )


@dataclass(frozen=True, slots=True)
class DeliveryProgressed:
    """More is known of an outbound message than before."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class ReceiptForwarded:
    """The provider spoke of a message before our delivery knew its fate; it shall hear of it."""

    delivery: Delivery
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ReceiptParked:
    """A receipt came before its message could be told; it waits under the provider's id."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ReceiptMatched:
    """A parked receipt has found its message."""

    receipt: Receipt


Event = (
    CustomerAdded
    | CustomerUpdated
    | ConversationOpened
    | MessageAdded
    | StatusChanged
    | DeliveryProgressed
    | ReceiptForwarded
    | ReceiptParked
    | ReceiptMatched
)
