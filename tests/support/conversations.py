"""Conversation events as intake would write them, for the tests of those who read them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent

_NAMES = uuid.UUID("7a0ddc0a-6b55-5a87-8a5d-0d3e3a6f9c12")
TOPIC = "intake.conversations.v1"


@dataclass
class Thread:
    """One conversation; each method returns its next event, at event time `at_ms`."""

    name: str = "one"
    tenant_id: str = "default"
    customer: str = "cust"
    tier: intake.ServiceTier.ValueType = intake.SERVICE_TIER_BASIC
    channel: intake.Channel.ValueType = intake.CHANNEL_SMS
    language: str = "de"
    status: intake.ConversationStatus.ValueType = intake.CONVERSATION_STATUS_OPEN
    conversation_id: str = field(init=False)
    sequence: int = 0

    def __post_init__(self) -> None:
        self.conversation_id = str(uuid.uuid5(_NAMES, self.name))

    def opened(self, at_ms: int) -> ConversationEvent:
        """The conversation begins."""
        event = self._event(at_ms)
        event.opened.reason = "first_contact"
        return event

    def writes(self, at_ms: int) -> ConversationEvent:
        """The customer writes."""
        event = self._event(at_ms)
        event.message_added.message.text = "Where is my parcel?"
        return event

    def replied(self, at_ms: int, *, agent_id: str = "ada") -> ConversationEvent:
        """An agent answers; without an agent it is an automatic answer."""
        event = self._event(at_ms)
        event.replied.agent_id = agent_id
        purpose = intake.PURPOSE_REPLY if agent_id else intake.PURPOSE_AUTO_REPLY
        event.replied.message.purpose = purpose
        return event

    def becomes(
        self,
        status: intake.ConversationStatus.ValueType,
        at_ms: int,
        *,
        agent_id: str = "ada",
        reason: str = "agent",
    ) -> ConversationEvent:
        """The status changes."""
        before, self.status = self.status, status
        event = self._event(at_ms)
        event.status_changed.from_status = before
        event.status_changed.to_status = status
        event.status_changed.agent_id = agent_id
        event.status_changed.reason = reason
        return event

    def resolved(self, at_ms: int, *, agent_id: str = "ada") -> ConversationEvent:
        """The matter is settled."""
        return self.becomes(intake.CONVERSATION_STATUS_RESOLVED, at_ms, agent_id=agent_id)

    def reopened(self, at_ms: int) -> ConversationEvent:
        """The customer's next message opens it again."""
        status = intake.CONVERSATION_STATUS_OPEN
        return self.becomes(status, at_ms, agent_id="", reason="customer_wrote")

    def merged_away(self, at_ms: int) -> ConversationEvent:
        """It ends in another conversation."""
        event = self._event(at_ms)
        event.merged.source_conversation_id = self.conversation_id
        event.merged.target_conversation_id = str(uuid.uuid5(_NAMES, "target"))
        return event

    def undelivered(self, at_ms: int, survey_id: str) -> ConversationEvent:
        """A survey's message will not arrive."""
        event = self._event(at_ms)
        event.delivery_changed.status = intake.DELIVERY_STATUS_FAILED
        event.delivery_changed.purpose = intake.PURPOSE_SURVEY
        event.delivery_changed.source_id = survey_id
        return event

    def erased(self, at_ms: int) -> ConversationEvent:
        """The customer was erased."""
        event = self._event(at_ms)
        event.customer_updated.erased = True
        return event

    def _event(self, at_ms: int) -> ConversationEvent:
        self.sequence += 1
        event = ConversationEvent(
            event_id=str(uuid.uuid5(_NAMES, f"{self.name}/{self.sequence}")),
            occurred_at_ms=at_ms,
            sequence=self.sequence,
        )
        customer_id = str(uuid.uuid5(_NAMES, self.customer))
        event.conversation.CopyFrom(
            intake.ConversationRef(
                tenant_id=self.tenant_id,
                conversation_id=self.conversation_id,
                customer_id=customer_id,
                home_id=customer_id,
                tier=self.tier,
                channel=self.channel,
                account_id="sms-main",
                address="+46701740605",
                language=self.language,
                status=self.status,
            )
        )
        return event
