"""What the topics say, folded into plain facts: no protobuf, no I/O, so that checks stay pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MessageFact:
    """A customer's message that joined a conversation. `place` is topic, partition and offset."""

    account_id: str
    provider_message_id: str
    message_id: str
    conversation_id: str
    place: str
    append_ms: int = 0


@dataclass(frozen=True, slots=True)
class ReplyFact:
    """A message of ours that was decided to be sent."""

    message_id: str
    conversation_id: str
    recipient: str
    text: str
    purpose: str
    source_id: str
    channel: str
    place: str
    append_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConversationFact:
    """A conversation after its last event."""

    conversation_id: str
    status: str
    sequence: int
    append_ms: int


@dataclass(frozen=True, slots=True)
class RoutingFact:
    """One event of routing; fields that don't belong to its kind are empty."""

    domain: str
    sequence: int
    kind: str
    """Name of the event in the contract's `oneof`, for example `offer_timed_out`."""
    work_id: str = ""
    conversation_id: str = ""
    offer_id: str = ""
    agent_id: str = ""
    cost: int = 0
    capacity: int = 0
    wrap_up: bool = False
    override: bool = False
    """Given beyond the agent's capacity or skills, by a supervisor who said so."""
    withdrawn: bool = False
    """Ended by a supervisor, though the conversation is open."""
    append_ms: int = 0
    expires_ms: int = 0


@dataclass(frozen=True, slots=True)
class LifeFact:
    """One step of a clock or a survey. `at_ms` is when its next timer is due, 0 for none."""

    id: str
    conversation_id: str
    step: str
    state: str
    place: str
    at_ms: int = 0
    append_ms: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    """A writer's sequence that isn't contiguous in a partition."""

    place: str
    writer: str
    expected: int
    found: int


@dataclass(slots=True)
class World:
    """All facts of a log, gathered record by record."""

    messages: dict[str, list[MessageFact]] = field(default_factory=lambda: defaultdict(list))
    """By message id, and by account and provider id (`account/provider`)."""
    replies: dict[str, list[ReplyFact]] = field(default_factory=lambda: defaultdict(list))
    """By message id."""
    deliveries: dict[str, str] = field(default_factory=dict)
    """Last delivery status by message id, for example `DELIVERED`."""
    conversations: dict[str, ConversationFact] = field(default_factory=dict)
    routing: dict[str, list[RoutingFact]] = field(default_factory=lambda: defaultdict(list))
    """By tenant and domain."""
    clocks: dict[str, list[LifeFact]] = field(default_factory=lambda: defaultdict(list))
    surveys: dict[str, list[LifeFact]] = field(default_factory=lambda: defaultdict(list))
    breaks: list[Break] = field(default_factory=list)
    records: int = 0
    repeats: int = 0
    """Records that were published again and that every reader drops."""

    def add_message(self, fact: MessageFact) -> None:
        """Keep a customer's message under both of its names."""
        self.messages[fact.message_id].append(fact)
        if fact.provider_message_id:
            self.messages[provider_key(fact.account_id, fact.provider_message_id)].append(fact)

    def add_conversation(self, fact: ConversationFact) -> None:
        """Keep the latest state of a conversation."""
        known = self.conversations.get(fact.conversation_id)
        if known is None or fact.sequence >= known.sequence:
            self.conversations[fact.conversation_id] = fact


def provider_key(account_id: str, provider_message_id: str) -> str:
    """Give the name a provider's message is known by."""
    return f"{account_id}/{provider_message_id}"
