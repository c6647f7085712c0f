"""What a customer's message does: whose it is, and which conversation takes it."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from services.intake.core.commands import ReceiveMessage
from services.intake.core.customers import introduced
from services.intake.core.events import ConversationOpened, Event, MessageAdded, StatusChanged
from services.intake.core.evolve import evolve
from services.intake.core.lifecycle import Arrival, arrival
from services.intake.core.model import (
    Conversation,
    Customer,
    Dossier,
    Kind,
    Message,
    Status,
)
from services.intake.core.policies import ThreadingPolicy

Events = tuple[Event, ...]


def receive(
    dossier: Dossier, command: ReceiveMessage, now_ms: int, policy: ThreadingPolicy
) -> Events:
    """What it tells of its sender, then what leads to the right conversation, then the message."""
    if command.message_id in dossier.message_ids:
        return ()
    # Providers' clocks are not ours: what claims to come from the future came now.
    command = replace(command, occurred_at_ms=min(command.occurred_at_ms, now_ms))
    about = introduced(dossier, command, now_ms, policy)
    dossier = reduce(evolve, about, dossier)
    assert dossier.customer is not None, "a message introduces its sender"
    threaded = _thread(dossier.live, dossier.customer, command, policy)
    live = reduce(evolve, threaded, dossier).live
    assert live is not None, "threading ends in a live conversation"
    return (*about, *threaded, MessageAdded(_message(live, command)))


def _thread(
    live: Conversation | None,
    customer: Customer,
    command: ReceiveMessage,
    policy: ThreadingPolicy,
) -> Events:
    """The events that lead to the conversation which takes the message."""
    what = arrival(live, command.occurred_at_ms, policy)
    if live is None or what is Arrival.OPENS:
        return (ConversationOpened(_fresh(customer, command, follows_id=""), what),)
    actor = f"customer/{customer.customer_id}"
    at_ms = command.occurred_at_ms
    if what is Arrival.REOPENS:
        reopened = StatusChanged.of(
            live, Status.OPEN, actor=actor, reason="customer_wrote", at_ms=at_ms
        )
        return (reopened,)
    if what is Arrival.FOLLOWS_UP:
        opened = _fresh(customer, command, follows_id=live.conversation_id)
        closed = StatusChanged.of(
            live, Status.CLOSED, actor=actor, reason="followed_up", at_ms=at_ms
        )
        return (closed, ConversationOpened(opened, what))
    return ()


def _fresh(customer: Customer, command: ReceiveMessage, *, follows_id: str) -> Conversation:
    return Conversation(
        conversation_id=command.new_conversation_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.customer_id,
        home_id=customer.home_id,
        account_id=command.account_id,
        channel=command.channel,
        address=command.from_address,
        account_address=command.to_address,
        tier=customer.tier,
        language=command.language or customer.language,
        status=Status.OPEN,
        opened_at_ms=command.occurred_at_ms,
        updated_at_ms=command.occurred_at_ms,
        subject=command.subject,
        pool_hint=command.pool_hint,
        tags=command.tags,
        attributes=customer.attributes,
        follows_id=follows_id,
    )


def _message(conversation: Conversation, command: ReceiveMessage) -> Message:
    return Message(
        message_id=command.message_id,
        conversation_id=conversation.conversation_id,
        kind=Kind.INBOUND,
        channel=command.channel,
        account_id=command.account_id,
        author=f"customer/{conversation.customer_id}",
        from_address=command.from_address,
        to_address=command.to_address,
        text=command.text,
        occurred_at_ms=command.occurred_at_ms,
        received_at_ms=command.received_at_ms,
        place=conversation.messages + 1,
        subject=command.subject,
        language=command.language or conversation.language,
        provider_message_id=command.provider_message_id,
        attachments=command.attachments,
    )
