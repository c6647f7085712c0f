"""`intake.conversations.v1`: what has happened, as other services read it."""

from __future__ import annotations

from collections.abc import Iterable

from switchboard.intake.v1 import events_pb2, model_pb2

from services.intake.core.events import (
    AttachmentChanged,
    ConversationOpened,
    ConversationsMerged,
    ConversationSplit,
    ConversationUnmerged,
    DeliveryProgressed,
    MessageAdded,
    MessageDiverted,
    MessageEdited,
    StatusChanged,
)
from services.intake.core.lifecycle import Arrival
from services.intake.core.model import Conversation, Customer, Kind
from services.intake.core.refusals import Rejection
from services.intake.shell.wire import names, nouns

OPENING_REASONS = {Arrival.OPENS: "no_live_conversation", Arrival.FOLLOWS_UP: "window_passed"}


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


def opened(said: ConversationOpened, customer: Customer | None) -> events_pb2.ConversationOpened:
    """A conversation of the customer began."""
    return events_pb2.ConversationOpened(
        reason="outbound" if said.by_us else OPENING_REASONS[said.arrival],
        subject=said.conversation.subject,
        follows_id=said.conversation.follows_id,
        outbound=said.by_us,
        last_feedback=_last_feedback(customer),
    )


def split_off(part: Conversation, customer: Customer | None) -> events_pb2.ConversationOpened:
    """A conversation of the customer began with messages of another."""
    return events_pb2.ConversationOpened(
        reason="split", subject=part.subject, last_feedback=_last_feedback(customer)
    )


def merged(said: ConversationsMerged) -> events_pb2.Merged:
    """Two conversations became one."""
    return events_pb2.Merged(
        target_conversation_id=said.target.conversation_id,
        source_conversation_id=said.source.conversation_id,
        agent_id=agent_of(said.actor),
    )


def unmerged(said: ConversationUnmerged) -> events_pb2.Unmerged:
    """A merge was taken back."""
    return events_pb2.Unmerged(
        target_conversation_id=said.target.conversation_id,
        source_conversation_id=said.source.conversation_id,
        agent_id=agent_of(said.actor),
    )


def conversation_split(said: ConversationSplit) -> events_pb2.ConversationSplit:
    """Messages moved into a new conversation."""
    return events_pb2.ConversationSplit(
        from_conversation_id=said.origin.conversation_id,
        new_conversation_id=said.part.conversation_id,
        message_ids=[each.message_id for each in said.messages],
        agent_id=agent_of(said.actor),
    )


def status_changed(said: StatusChanged) -> events_pb2.StatusChanged:
    """The status changed."""
    return events_pb2.StatusChanged(
        from_status=names.STATUSES.to_wire(said.before),
        to_status=names.STATUSES.to_wire(said.after),
        reason=said.reason,
        agent_id=agent_of(said.actor),
    )


def customer_updated(
    changed: Iterable[str],
    *,
    before: Customer | None = None,
    after: Customer,
    moved_from: str = "",
) -> events_pb2.CustomerUpdated:
    """The customer changed; `moved_from` is who the conversation belonged to, if that is new."""
    return events_pb2.CustomerUpdated(
        previous_customer_id=moved_from,
        changed=changed,
        previous_tier=names.TIERS.to_wire((before or after).tier),
        erased=after.erased,
        consents=[nouns.consent(each) for each in after.consents],
        last_feedback=_last_feedback(after),
    )


def _last_feedback(customer: Customer | None) -> model_pb2.Feedback | None:
    """The comment stays in Postgres: no reader of events needs it."""
    return nouns.feedback(customer.last_feedback, bare=True) if customer else None


def edited(said: MessageEdited) -> events_pb2.MessageEdited:
    """A message changed."""
    return events_pb2.MessageEdited(
        message_id=said.message.message_id, text=said.message.text, previous_text=said.before
    )


def delivery_changed(said: DeliveryProgressed) -> events_pb2.DeliveryChanged:
    """An outbound message came further."""
    return events_pb2.DeliveryChanged(
        message_id=said.delivery.message_id,
        status=names.PROGRESS.to_wire(said.delivery.progress),
        error_code=said.delivery.reason,
        purpose=names.purpose(said.delivery.kind),
        source_id=said.delivery.source_id,
        account_id=said.delivery.account_id,
    )


def diverted(said: MessageDiverted) -> events_pb2.MessageDiverted:
    """An outbound message goes over another account."""
    return events_pb2.MessageDiverted(
        message=nouns.message(said.message, said.delivery),
        reason=said.reason,
        previous_account_id=said.delivery.instead_of,
        previous_channel=names.CHANNELS.to_wire(said.before),
    )


def attachment_changed(said: AttachmentChanged) -> events_pb2.AttachmentChanged:
    """A file of a message is in our store, or never will be."""
    return events_pb2.AttachmentChanged(
        message_id=said.message.message_id, attachment=nouns.attachment(said.attachment)
    )


def add_message(envelope: events_pb2.ConversationEvent, said: MessageAdded) -> None:
    """Put a message into the envelope, by its kind: heard, noted or said."""
    message = nouns.message(said.message)
    agent_id = agent_of(said.message.author)
    if said.message.kind is Kind.INBOUND:
        rule = said.placement.rule.lower() if said.placement else ""
        added = events_pb2.MessageAdded(message=message, threaded_by=rule)
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
