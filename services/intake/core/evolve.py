"""Applies an event to a dossier: total, silent, and the only place where a dossier changes."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.intake.core.events import (
    ConversationOpened,
    CustomerAdded,
    CustomerUpdated,
    DeliveryProgressed,
    Event,
    MessageAdded,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
    StatusChanged,
)
from services.intake.core.model import (
    Conversation,
    Customer,
    Delivery,
    Dossier,
    Kind,
    Message,
    Progress,
    Status,
)


def evolve(dossier: Dossier, event: Event) -> Dossier:
    """The dossier after `event`."""
    match event:
        case CustomerAdded():
            return replace(dossier, customer=event.customer)
        case CustomerUpdated():
            return _with_customer(dossier, event.customer)
        case ConversationOpened():
            return _with_conversation(dossier, event.conversation)
        case MessageAdded():
            return _with_message(dossier, event.message)
        case StatusChanged():
            before = dossier.conversations[event.conversation_id]
            return _with_conversation(dossier, _moved(before, event))
        case DeliveryProgressed():
            return _with_progress(dossier, event.delivery)
        case ReceiptForwarded():
            return dossier
        case ReceiptParked(receipt):
            return replace(dossier, parked={**dossier.parked, receipt.provider_message_id: receipt})
        case ReceiptMatched(receipt):
            waiting = {key: held for key, held in dossier.parked.items() if held != receipt}
            return replace(dossier, parked=waiting)
        case _:
            assert_never(event)


def _with_conversation(dossier: Dossier, conversation: Conversation) -> Dossier:
    """Every change of a conversation is one event of it, so it counts one further."""
    counted = replace(conversation, sequence=conversation.sequence + 1)
    conversations = {**dossier.conversations, conversation.conversation_id: counted}
    return replace(dossier, conversations=conversations)


def _with_customer(dossier: Dossier, customer: Customer) -> Dossier:
    """The live conversation carries its customer's tier and attributes."""
    dossier = replace(dossier, customer=customer)
    if dossier.live is None:
        return dossier
    live = replace(dossier.live, tier=customer.tier, attributes=customer.attributes)
    return _with_conversation(dossier, live)


def _with_message(dossier: Dossier, message: Message) -> Dossier:
    before = dossier.conversations[message.conversation_id]
    heard = _heard if message.kind is Kind.INBOUND else _said
    dossier = _with_conversation(dossier, heard(before, message))
    dossier = replace(dossier, message_ids=dossier.message_ids | {message.message_id})
    if not message.kind.is_outbound:
        return dossier
    queued = Delivery(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        account_id=message.account_id,
        kind=message.kind,
        source_id=message.source_id,
        progress=Progress.QUEUED,
        provider_message_id="",
        reason="",
        at_ms=message.occurred_at_ms,
    )
    return replace(dossier, deliveries={**dossier.deliveries, message.message_id: queued})


def _heard(before: Conversation, message: Message) -> Conversation:
    """Answers go out where the customer wrote last."""
    return replace(
        before,
        messages=message.place,
        account_id=message.account_id,
        channel=message.channel,
        address=message.from_address,
        account_address=message.to_address,
        last_inbound_at_ms=max(before.last_inbound_at_ms, message.occurred_at_ms),
        updated_at_ms=max(before.updated_at_ms, message.occurred_at_ms),
    )


def _said(before: Conversation, message: Message) -> Conversation:
    agent_id = message.author.removeprefix("agent/")
    outbound_at_ms = message.occurred_at_ms if message.kind.is_outbound else 0
    return replace(
        before,
        messages=message.place,
        last_agent_id=before.last_agent_id if agent_id == message.author else agent_id,
        last_outbound_at_ms=max(before.last_outbound_at_ms, outbound_at_ms),
        updated_at_ms=max(before.updated_at_ms, message.occurred_at_ms),
    )


def _moved(before: Conversation, event: StatusChanged) -> Conversation:
    at_ms = event.occurred_at_ms
    return replace(
        before,
        status=event.after,
        updated_at_ms=max(before.updated_at_ms, at_ms),
        resolved_at_ms=at_ms if event.after is Status.RESOLVED else before.resolved_at_ms,
        closed_at_ms=at_ms if event.after is Status.CLOSED else before.closed_at_ms,
        reopened=before.reopened + (event.after is Status.OPEN),
    )


def _with_progress(dossier: Dossier, delivery: Delivery) -> Dossier:
    conversation = dossier.conversations[delivery.conversation_id]
    dossier = replace(dossier, deliveries={**dossier.deliveries, delivery.message_id: delivery})
    return _with_conversation(dossier, conversation)
