"""What may be asked of intake. Each names its tenant and the home of the customer it is about.

`actor` is `customer/<id>`, `agent/<id>`, `service/<name>` or `provider/<account>`.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.model import Attachment, Channel, Kind, Progress, Status, Tier


@dataclass(frozen=True, slots=True)
class ReceiveMessage:
    """A customer wrote. `new_conversation_id` names the conversation, should one be opened."""

    tenant_id: str
    home_id: str
    account_id: str
    channel: Channel
    from_address: str
    to_address: str
    message_id: str
    provider_message_id: str
    text: str
    occurred_at_ms: int
    received_at_ms: int
    new_conversation_id: str
    from_name: str = ""
    subject: str = ""
    language: str = ""
    pool_hint: str = ""
    tags: tuple[str, ...] = ()
    tier: Tier | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Add a message of ours: an agent's reply or note, an automatic answer, a survey.

    `then` is the status to set with it; None leaves the status.
    """

    tenant_id: str
    home_id: str
    conversation_id: str
    message_id: str
    kind: Kind
    actor: str
    text: str
    occurred_at_ms: int
    source_id: str = ""
    then: Status | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Move a conversation to `status`. `reason` is machine-readable."""

    tenant_id: str
    home_id: str
    conversation_id: str
    status: Status
    actor: str
    reason: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class CloseExpired:
    """Close a conversation if it is still resolved and its reopen window has passed."""

    tenant_id: str
    home_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class NoteProgress:
    """A provider's receipt, or the result of our own attempt, about an outbound message.

    `message_id` may be empty where the provider returns no reference of ours; then
    `provider_message_id` decides, and a receipt that matches nothing yet is parked.
    `by_provider` tells a receipt from a result of ours.
    """

    tenant_id: str
    home_id: str
    account_id: str
    message_id: str
    provider_message_id: str
    progress: Progress
    reason: str
    occurred_at_ms: int
    by_provider: bool


@dataclass(frozen=True, slots=True)
class UpsertCustomer:
    """State what is known of a customer; None leaves a field as it is.

    `channel` and `address` are those of the home, so that a stranger can be entered too.
    """

    tenant_id: str
    home_id: str
    channel: Channel
    address: str
    tier: Tier | None = None
    language: str | None = None
    display_name: str | None = None
    attributes: tuple[tuple[str, str], ...] | None = None


Command = ReceiveMessage | Say | SetStatus | CloseExpired | NoteProgress | UpsertCustomer
