"""What intake knows: customers, their conversations, and how far each answer has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from services.intake.core.call_model import Call
from services.intake.core.feedback import Feedback

if TYPE_CHECKING:
    from services.intake.core.placement import Placement


class Channel(StrEnum):
    """The kind of medium a message travels on."""

    VOICE = "VOICE"
    CHAT = "CHAT"
    EMAIL = "EMAIL"
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    MESSENGER = "MESSENGER"
    TELEGRAM = "TELEGRAM"
    SLACK = "SLACK"
    LINE = "LINE"
    FORM = "FORM"
    API = "API"


class Tier(StrEnum):
    """What a customer is entitled to; drives priority, SLA policy and gestures elsewhere."""

    BASIC = "BASIC"
    EXPECTED = "EXPECTED"
    EXCELLENT = "EXCELLENT"
    INSPIRING = "INSPIRING"

    @property
    def rank(self) -> int:
        """From 0 for the least up."""
        return list(Tier).index(self)


class Status(StrEnum):
    """Where a conversation stands. OPEN: the customer waits. PENDING: we wait for the customer."""

    OPEN = "OPEN"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class Kind(StrEnum):
    """What a message is for. INBOUND and NOTE are never delivered; the others are."""

    INBOUND = "INBOUND"
    NOTE = "NOTE"
    REPLY = "REPLY"
    SURVEY = "SURVEY"
    AUTO_REPLY = "AUTO_REPLY"
    NOTICE = "NOTICE"

    @property
    def is_outbound(self) -> bool:
        """Whether it leaves the house."""
        return self not in {Kind.INBOUND, Kind.NOTE}


class Progress(StrEnum):
    """How far an outbound message has come, as far as anyone has told us."""

    QUEUED = "QUEUED"
    UNCERTAIN = "UNCERTAIN"
    SENT = "SENT"
    FAILED = "FAILED"
    DELIVERED = "DELIVERED"
    READ = "READ"


class Automatic(StrEnum):
    """Why a message is answered by nobody: no person wrote it, or none wants an answer to it.

    Auto-replies, bounces, bulk mail and our own mail that came back (RFC 3834); KEYWORD is a word
    that a carrier acts on, such as STOP.
    """

    AUTO_REPLY = "AUTO_REPLY"
    BOUNCE = "BOUNCE"
    BULK = "BULK"
    LOOP = "LOOP"
    KEYWORD = "KEYWORD"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; `reference` says where its content is, `error` why we cannot have it."""

    attachment_id: str
    file_name: str
    media_type: str
    size_bytes: int
    reference: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance, normalised. `author` is `customer/<id>`, `agent/<id>` or `service/<name>`.

    `place` counts the messages of a conversation from 1. `source_id` is what asked for it.
    """

    message_id: str
    conversation_id: str
    kind: Kind
    channel: Channel
    account_id: str
    author: str
    from_address: str
    to_address: str
    text: str
    occurred_at_ms: int
    received_at_ms: int
    place: int
    subject: str = ""
    language: str = ""
    provider_message_id: str = ""
    source_id: str = ""
    attachments: tuple[Attachment, ...] = ()
    participants: tuple[str, ...] = ()
    automatic: Automatic | None = None
    quoted_text: str = ""
    original_reference: str = ""
    edited_at_ms: int = 0
    retracted_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class StatedIdentity:
    """Another address of a sender; `verified` if not only the sender says so."""

    channel: Channel
    address: str
    home_id: str
    verified: bool

    @property
    def names_person(self) -> bool:
        """Whether it is what the tenant's own systems call the person."""
        return self.channel is Channel.API and self.verified


@dataclass(frozen=True, slots=True)
class Identity:
    """An address of a customer; `home_id` is the shard key that follows from it."""

    channel: Channel
    address: str
    home_id: str
    linked_at_ms: int
    verified: bool = False
    opted_out_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Consent:
    """A decision of a customer about one purpose. `source` is how we know of it."""

    purpose: str
    granted: bool
    changed_at_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A person, known by the addresses that they write from.

    `home_id` is the shard key of their owner. An erased one keeps nothing but its ids.
    """

    customer_id: str
    tenant_id: str
    home_id: str
    tier: Tier
    language: str
    display_name: str
    identities: tuple[Identity, ...]
    created_at_ms: int
    updated_at_ms: int
    attributes: tuple[tuple[str, str], ...] = ()
    version: int = 1
    consents: tuple[Consent, ...] = ()
    erased: bool = False
    last_feedback: Feedback | None = None

    @property
    def homes(self) -> frozenset[str]:
        """Every home that messages of this person may come in by."""
        return frozenset({self.home_id, *(each.home_id for each in self.identities)})

    @property
    def external_id(self) -> str:
        """What the tenant's own systems call them; empty if nobody has said so.

        It is the verified address of the channel that programs use. Two people with different ones
        are two people, whatever else they share.
        """
        known = (i.address for i in self.identities if i.channel is Channel.API and i.verified)
        return next(known, "")

    def identity(self, channel: Channel, address: str) -> Identity | None:
        """The identity at an address, if it is theirs."""
        at = ((i.channel, i.address) for i in self.identities)
        found = zip(at, self.identities, strict=True)
        return next((i for place, i in found if place == (channel, address)), None)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The one thread of a customer's matter.

    Channel, account and addresses are those of the latest inbound message: answers go out on them.
    `answers_id` is the provider's id of that message. `participants` get the answers too.
    `detours` are the other accounts that something of ours has gone over.
    Tier and attributes are the customer's, so that readers of an event need no look-up. `sequence`
    counts the events of the conversation, `messages` its messages and notes.
    """

    conversation_id: str
    tenant_id: str
    customer_id: str
    home_id: str
    account_id: str
    channel: Channel
    address: str
    account_address: str
    tier: Tier
    language: str
    status: Status
    opened_at_ms: int
    updated_at_ms: int
    subject: str = ""
    pool_hint: str = ""
    tags: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    follows_id: str = ""
    last_agent_id: str = ""
    messages: int = 0
    sequence: int = 0
    reopened: int = 0
    last_inbound_at_ms: int = 0
    last_outbound_at_ms: int = 0
    resolved_at_ms: int = 0
    closed_at_ms: int = 0
    merged_into_id: str = ""
    split_from_id: str = ""
    participants: tuple[str, ...] = ()
    answers_id: str = ""
    detours: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """A live conversation may still take the customer's next message; closed never does."""
        return self.status is not Status.CLOSED


@dataclass(frozen=True, slots=True)
class Detour:
    """Another account of the tenant's, over which a message may go; `address` is our own there."""

    account_id: str
    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of an outbound message at its provider. `source_id` is what asked for it.

    `home_id` is the home of the address that it goes to, whoever has that address by now.
    `detour` is there once delivery has settled it without any doubt, and says how else it may go,
    should it not have gone out; `instead_of` is the account that it has left by a detour.
    """

    message_id: str
    home_id: str
    conversation_id: str
    account_id: str
    kind: Kind
    source_id: str
    progress: Progress
    provider_message_id: str
    reason: str
    at_ms: int
    detour: Detour | None = None
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's word about a message that it names by its own id, waiting for its match."""

    account_id: str
    provider_message_id: str
    progress: Progress
    reason: str
    at_ms: int


class RevisionKind(StrEnum):
    """What a customer does to a message."""

    EDIT = "EDIT"
    RETRACT = "RETRACT"
    REACT = "REACT"


@dataclass(frozen=True, slots=True)
class EarlyRevision:
    """A revision that came before its message. `change` is the new text, or the reaction.

    `home_id` is the home that it was sent to first, `since_ms` when it began to wait. Of one kind
    and time, a message has one.
    """

    message_id: str
    kind: RevisionKind
    occurred_at_ms: int
    tenant_id: str
    home_id: str
    account_id: str
    provider_message_id: str
    change: str
    since_ms: int

    @property
    def key(self) -> tuple[str, RevisionKind, int]:
        """What it is known by."""
        return self.message_id, self.kind, self.occurred_at_ms


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that a decision about one customer may look at; empty for a stranger.

    `yields_to` names the home that has taken this one's customer over, who was called as `formerly`
    says. `conversations` are the live
    ones, and those that the commands at hand speak of. `deliveries` and `messages` hold what the
    commands speak of and what was added since the dossier was read, `sequences` the numbers of
    these messages' events, `placements` why the added ones are where they are, `parked` the
    receipts that wait under a provider's id, `early` the revisions that wait for their messages,
    `calls` the calls that are spoken of, and `message_ids` what was added: older repeats never
    reach a decision. `settled_homes` are homes that somebody lives at or has lived at, of those
    where what has not gone out might go.

    What is another customer's may be looked at, as it was stored a moment ago, and not changed:
    `neighbours` are customers by their homes; `referenced` are conversations, by their ids and by
    what commands refer to messages of theirs as.
    """

    home_id: str
    customer: Customer | None = None
    yields_to: str = ""
    formerly: Customer | None = None
    conversations: Mapping[str, Conversation] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    messages: Mapping[str, Message] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)
    parked: Mapping[str, Receipt] = field(default_factory=dict)
    early: tuple[EarlyRevision, ...] = ()
    calls: Mapping[str, Call] = field(default_factory=dict)
    neighbours: Mapping[str, Customer] = field(default_factory=dict)
    referenced: Mapping[str, Conversation] = field(default_factory=dict)
    message_ids: frozenset[str] = frozenset()
    settled_homes: frozenset[str] = frozenset()

    @property
    def live(self) -> tuple[Conversation, ...]:
        """The conversations that may take the customer's next message, the latest first."""
        live = (held for held in self.conversations.values() if held.is_live)
        return tuple(sorted(live, key=_latest_first))


def _latest_first(conversation: Conversation) -> tuple[int, str]:
    return (-conversation.updated_at_ms, conversation.conversation_id)
