"""`intake.conversations.v1`: what has happened, as other services read it."""

from __future__ import annotations

from switchboard.intake.v1 import events_pb2, model_pb2

from services.intake.core.events import (
    ConversationOpened,
    CustomerUpdated,
    DeliveryProgressed,
    MessageAdded,
    StatusChanged,
)
from services.intake.core.lifecycle import Arrival
from services.intake.core.model import Conversation, Kind
from services.intake.core.refusals import Rejection
from services.intake.shell.wire import names, nouns

OPENING_REASONS = {Arrival.OPENS: "no_live_conversation", Arrival.FOLLOWS_UP: "window_passed"}
THREADED_BY = "address"


def event(
    after: Conversation, *, event_id: str, occurred_at_ms: int, request_id: str, actor: str
) -> events_pb2.ConversationEvent:
    """The envelope of an event of `after`, the conversation as it is after it."""
    return events_pb2.ConversationEvent(
        event_id=event_id,
        conversation=nouns.ref(after),
        occurred_at_ms=occurred_at_ms,
        request_id=request_id,
        sequence=after.sequence,
        actor=actor,
    )


def opened(said: ConversationOpened) -> events_pb2.ConversationOpened:
    """A conversation began."""
    return events_pb2.ConversationOpened(
        reason=OPENING_REASONS[said.arrival],
        subject=said.conversation.subject,
        follows_id=said.conversation.follows_id,
    )


def status_changed(said: StatusChanged) -> events_pb2.StatusChanged:
    """The status changed."""
    return events_pb2.StatusChanged(
        from_status=names.STATUSES.to_wire(said.before),
        to_status=names.STATUSES.to_wire(said.after),
        reason=said.reason,
        agent_id=agent_of(said.actor),
    )


def customer_updated(said: CustomerUpdated) -> events_pb2.CustomerUpdated:
    """The customer changed."""
    return events_pb2.CustomerUpdated(
        changed=said.changed, previous_tier=names.TIERS.to_wire(said.before.tier)
    )


def delivery_changed(said: DeliveryProgressed) -> events_pb2.DeliveryChanged:
    """An outbound message came further."""
    return events_pb2.DeliveryChanged(
        message_id=said.delivery.message_id,
        status=names.PROGRESS.to_wire(said.delivery.progress),
        error_code=said.delivery.reason,
        purpose=names.purpose(said.delivery.kind),
        source_id=said.delivery.source_id,
    )


def add_message(envelope: events_pb2.ConversationEvent, said: MessageAdded) -> None:
    """Put a message into the envelope, by its kind: heard, noted or said."""
    message = nouns.message(said.message)
    agent_id = agent_of(said.message.author)
    if said.message.kind is Kind.INBOUND:
        added = events_pb2.MessageAdded(message=message, threaded_by=THREADED_BY)
        envelope.message_added.CopyFrom(added)
    elif said.message.kind is Kind.NOTE:
        envelope.note_added.CopyFrom(events_pb2.NoteAdded(message=message, agent_id=agent_id))
    else:
        envelope.replied.CopyFrom(events_pb2.Replied(message=message, agent_id=agent_id))


def rejected(rejection: Rejection, *, command: str, source_id: str) -> events_pb2.CommandRejected:
    """A command was refused."""
    return events_pb2.CommandRejected(command=command, reason=rejection.reason, source_id=source_id)


def nobody(tenant_id: str) -> model_pb2.ConversationRef:
    """Stands for the conversation of a command that named none we know."""
    return model_pb2.ConversationRef(tenant_id=tenant_id)


def agent_of(actor: str) -> str:
    """The agent behind an actor; empty if it is none."""
    role, _, name = actor.partition("/")
    return name if role == "agent" else ""
