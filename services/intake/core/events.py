"""What has happened, past tense. `evolve` needs nothing else to know what is now the case."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.call_model import CallNoted
from services.intake.core.leftovers import LeftoverEvent
from services.intake.core.lifecycle import Arrival
from services.intake.core.links import LinkReason
from services.intake.core.model import (
    Attachment,
    Channel,
    Conversation,
    Customer,
    Delivery,
    EarlyRevision,
    Identity,
    Message,
    Receipt,
    StatedIdentity,
    Status,
)
from services.intake.core.placement import Placement


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
class CustomerErased:
    """All that is personal is gone; `customer` is what is left."""

    customer: Customer
    conversations: tuple[Conversation, ...]
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LinkAsked:
    """Another home shall yield its customer, or ask for this one, because both are one person."""

    customer: Customer
    home_id: str
    identity: StatedIdentity
    reason: LinkReason


@dataclass(frozen=True, slots=True)
class CustomerYielded:
    """The customer belongs to another home from now on, and this one forwards to it."""

    customer: Customer
    to_home_id: str
    conversations: tuple[Conversation, ...]
    reason: LinkReason


@dataclass(frozen=True, slots=True)
class CustomerTaken:
    """A customer who was handed over is here, joined with whoever was.

    `before` was here, `came` was handed over; `conversations` are those of both, as they are now,
    and `previous_ids` whose they were. `repointed` are the homes that yielded to the giver and
    shall yield to this one.
    """

    before: Customer | None
    came: Customer
    customer: Customer
    conversations: tuple[Conversation, ...]
    previous_ids: tuple[str, ...]
    repointed: tuple[str, ...]
    reason: LinkReason
    is_link: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class CustomerReturned:
    """What was handed over goes back: since it was asked for, both turned out to be two people."""

    customer: Customer
    to_home_id: str
    conversation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HomeRepointed:
    """This home's customer has moved on: it forwards to where they are now."""

    to_home_id: str


@dataclass(frozen=True, slots=True)
class IdentityParted:
    """An address is another customer's: `leaves` is handed over, with `conversations`."""

    before: Customer
    stays: Customer
    leaves: Customer
    identity: Identity
    conversations: tuple[Conversation, ...]
    reason: LinkReason
    at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """A new thread was begun; `follows_id` in it names the one that it continues.

    `by_us` if we wrote first.
    """

    conversation: Conversation
    arrival: Arrival
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class MessageAdded:
    """A message joined its conversation; `placement` says why that one, if a customer wrote it.

    `references` are ids of earlier mails that a mail names, whether we have those or not.
    """

    message: Message
    placement: Placement | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageDiverted:
    """A message of ours that could not go out goes over another account, for `reason`.

    `message` and `delivery` are as they are now, `before` the channel that it was to go over.
    """

    message: Message
    delivery: Delivery
    before: Channel
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class MessagePassedOn:
    """A message takes part in another customer's conversation, so it goes to that one's home."""

    home_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class ConversationTagged:
    """Tags were added and removed; `conversation` is as it is now."""

    conversation: Conversation
    added: tuple[str, ...]
    removed: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationsMerged:
    """`source` ended in `target`: what was said in it is read there, and so are answers to it."""

    target: Conversation
    source: Conversation
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationUnmerged:
    """`source` came back out of `target`."""

    target: Conversation
    source: Conversation
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationSplit:
    """Messages of `origin` moved into `part`, a new conversation."""

    origin: Conversation
    part: Conversation
    messages: tuple[Message, ...]
    placement: Placement
    actor: str
    at_ms: int


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
class MessageEdited:
    """A customer changed what they had written; `message` is as it reads now."""

    message: Message
    before: str


@dataclass(frozen=True, slots=True)
class MessageRetracted:
    """A customer took back what they had written; `message` is empty now."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageReacted:
    """A customer reacted to a message; no `reaction` takes the earlier one back."""

    message: Message
    reaction: str
    actor: str
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class AttachmentChanged:
    """A file of a message is in our store, or never will be; `message` is as it is now."""

    message: Message
    attachment: Attachment


@dataclass(frozen=True, slots=True)
class MediaSettled:
    """A file is not wanted any more: we have it, or cannot have it."""

    message_id: str
    attachment_id: str


@dataclass(frozen=True, slots=True)
class RevisionParked:
    """A revision came before its message, and waits for it."""

    early: EarlyRevision


@dataclass(frozen=True, slots=True)
class RevisionMatched:
    """The message that a revision has waited for is there; what it does to it follows."""

    early: EarlyRevision


@dataclass(frozen=True, slots=True)
class RevisionLeft:
    """A revision waits here no more: it goes along to another home, or, without one, is dropped."""

    early: EarlyRevision
    to_home_id: str = ""


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


CustomerEvent = (
    CustomerAdded
    | CustomerUpdated
    | CustomerErased
    | LinkAsked
    | CustomerYielded
    | CustomerTaken
    | CustomerReturned
    | HomeRepointed
    | IdentityParted
)
ConversationEvent = (
    ConversationOpened
    | StatusChanged
    | ConversationTagged
    | ConversationsMerged
    | ConversationUnmerged
    | ConversationSplit
)
MessageEvent = MessageAdded | MessagePassedOn | AttachmentChanged | MediaSettled
RevisionEvent = (
    MessageEdited
    | MessageRetracted
    | MessageReacted
    | RevisionParked
    | RevisionMatched
    | RevisionLeft
)
DeliveryEvent = (
    DeliveryProgressed | MessageDiverted | ReceiptForwarded | ReceiptParked | ReceiptMatched
)
Event = (
    CustomerEvent
    | ConversationEvent
    | MessageEvent
    | RevisionEvent
    | DeliveryEvent
    | LeftoverEvent
    | CallNoted
)
