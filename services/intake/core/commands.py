"""What may be asked of intake. Each names its tenant and the home of the customer it is about.

`actor` is `customer/<id>`, `agent/<id>`, `service/<name>` or `provider/<account>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.intake.core.call_model import NoteCall
from services.intake.core.feedback import Feedback
from services.intake.core.leftovers import Leftover
from services.intake.core.links import LinkReason
from services.intake.core.model import (
    Attachment,
    Automatic,
    Channel,
    Consent,
    Customer,
    Detour,
    Kind,
    Progress,
    StatedIdentity,
    Status,
    Tier,
)


@dataclass(frozen=True, slots=True)
class ReceiveMessage:
    """A customer wrote. `new_conversation_id` names the conversation, should one be opened.

    `in_reply_to` are provider ids of earlier messages, the nearest first; `conversation_hint` is
    the conversation that the message itself names; `participants` are mailboxes of others who got
    it. `original_reference` says where the message is kept as it came. `single_conversation`: the
    account puts all messages of a person into one conversation, until that is closed.
    `detected_language` is what the text seems to be in, where nobody states a `language`.
    `help_text` is the account's answer to HELP, if it has one.
    """

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
    in_reply_to: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    automatic: Automatic | None = None
    also_known_as: tuple[StatedIdentity, ...] = ()
    conversation_hint: str = ""
    quoted_text: str = ""
    original_reference: str = ""
    single_conversation: bool = False
    detected_language: str = ""
    help_text: str = ""


@dataclass(frozen=True, slots=True)
class JoinConversation:
    """Somebody else wrote, who takes part in a conversation of this customer's."""

    message: ReceiveMessage
    conversation_id: str


@dataclass(frozen=True, slots=True)
class EditMessage:
    """A customer changed what they had written."""

    tenant_id: str
    home_id: str
    account_id: str
    provider_message_id: str
    message_id: str
    text: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class RetractMessage:
    """A customer took back what they had written."""

    tenant_id: str
    home_id: str
    account_id: str
    provider_message_id: str
    message_id: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class ReactToMessage:
    """A customer reacted to a message of either side; no `reaction` takes an earlier one back.

    `message_id` is what the message is called if the customer wrote it.
    """

    tenant_id: str
    home_id: str
    account_id: str
    provider_message_id: str
    message_id: str
    reaction: str
    occurred_at_ms: int


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
class ForgetEarly:
    """Wait no more for messages that should have come long ago: see `early.py`."""

    tenant_id: str
    home_id: str


@dataclass(frozen=True, slots=True)
class NoteProgress:
    """A provider's receipt, or the result of our own attempt, about an outbound message.

    `message_id` may be empty where the provider returns no reference of ours; then
    `provider_message_id` decides, and a receipt that matches nothing yet is parked.
    `by_provider` tells a receipt from a result of ours, which may name a `detour`: see
    `detours.py`. `account_id` is the account that the message went over; empty if it is not told.
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
    detour: Detour | None = None


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


@dataclass(frozen=True, slots=True)
class StartConversation:
    """We write first. `new_conversation_id` names the conversation."""

    tenant_id: str
    home_id: str
    account_id: str
    channel: Channel
    account_address: str
    address: str
    new_conversation_id: str
    message_id: str
    actor: str
    text: str
    occurred_at_ms: int
    subject: str = ""
    source_id: str = ""
    pool_hint: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """Add and remove tags."""

    tenant_id: str
    home_id: str
    conversation_id: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Put one conversation of a customer into another."""

    tenant_id: str
    home_id: str
    conversation_id: str
    source_conversation_id: str
    actor: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class Unmerge:
    """Take a conversation out of the one that it was merged into."""

    tenant_id: str
    home_id: str
    conversation_id: str
    actor: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class Split:
    """Move messages of a conversation into a new one."""

    tenant_id: str
    home_id: str
    conversation_id: str
    message_ids: tuple[str, ...]
    new_conversation_id: str
    actor: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Record what a customer allows."""

    tenant_id: str
    home_id: str
    consent: Consent


@dataclass(frozen=True, slots=True)
class NoteFeedback:
    """A customer has answered a survey."""

    tenant_id: str
    home_id: str
    feedback: Feedback


@dataclass(frozen=True, slots=True)
class EraseCustomer:
    """Delete all that is personal, and leave a tombstone."""

    tenant_id: str
    home_id: str
    reason: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Give an address to a customer; whoever has it becomes the same customer."""

    tenant_id: str
    home_id: str
    identity: StatedIdentity
    reason: LinkReason


@dataclass(frozen=True, slots=True)
class UnlinkIdentity:
    """Take an address from a customer. `new_customer_id` is who it belongs to from then on."""

    tenant_id: str
    home_id: str
    channel: Channel
    address: str
    new_customer_id: str
    actor: str


@dataclass(frozen=True, slots=True)
class YieldCustomer:
    """Another home asks for this one's customer, because both are one person.

    `identity` is the address that this home is of, should it have no customer yet.
    """

    tenant_id: str
    home_id: str
    to_home_id: str
    customer_id: str
    external_id: str
    identity: StatedIdentity
    reason: LinkReason


class HandOverKind(StrEnum):
    """What a hand-over does; see `linking.py`."""

    LINK = "LINK"
    UNLINK = "UNLINK"
    RETURN = "RETURN"
    REPOINT = "REPOINT"


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Another home hands a customer over, with those of their conversations that are live."""

    tenant_id: str
    home_id: str
    from_home_id: str
    kind: HandOverKind
    customer: Customer
    conversation_ids: tuple[str, ...]
    reason: LinkReason


@dataclass(frozen=True, slots=True)
class SettleMedia:
    """A customer's file is in our store at `reference`; with `error`, it cannot be had."""

    tenant_id: str
    home_id: str
    message_id: str
    attachment_id: str
    reference: str
    media_type: str
    size_bytes: int
    file_name: str
    error: str


Revision = EditMessage | RetractMessage | ReactToMessage
Turn = Say | StartConversation | SetStatus | Tag | CloseExpired
Regrouping = Merge | Unmerge | Split
Statement = UpsertCustomer | SetConsent | NoteFeedback | EraseCustomer
Linking = LinkIdentity | UnlinkIdentity | YieldCustomer | TakeOver
Arrival = ReceiveMessage | JoinConversation
Report = NoteProgress | NoteCall | SettleMedia
Command = (
    Arrival | Revision | ForgetEarly | Turn | Regrouping | Report | Statement | Linking | Leftover
)
