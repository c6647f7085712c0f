"""Our side of a conversation: what we say in it, and where we move it."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import (
    CloseExpired,
    Say,
    SetStatus,
    StartConversation,
    Tag,
    Turn,
)
from services.intake.core.customers import met, stranger
from services.intake.core.events import (
    ConversationOpened,
    ConversationTagged,
    CustomerAdded,
    Event,
    MessageAdded,
    StatusChanged,
)
from services.intake.core.lifecycle import SETTABLE, Arrival
from services.intake.core.model import (
    Channel,
    Conversation,
    Customer,
    Dossier,
    Kind,
    Message,
    Status,
)
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection

Events = tuple[Event, ...]


def take(
    dossier: Dossier, command: Turn, now_ms: int, policy: ThreadingPolicy
) -> Events | Rejection:
    """What we say or set."""
    match command:
        case Say():
            return say(dossier, command, now_ms)
        case StartConversation():
            return start(dossier, command, now_ms, policy)
        case SetStatus():
            return set_status(dossier, command, now_ms)
        case Tag():
            return tag(dossier, command, now_ms)
        case CloseExpired():
            return close_expired(dossier, command, now_ms, policy)


def say(dossier: Dossier, command: Say, now_ms: int) -> Events | Rejection:
    """Only a reply needs a conversation that is not closed: a survey comes after the end."""
    if command.message_id in dossier.message_ids:
        return ()
    conversation = find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None:
        return not_found(command.conversation_id)
    if command.kind is Kind.REPLY and not conversation.is_live:
        return Rejection(Reason.CONVERSATION_CLOSED, "a closed conversation takes no reply")
    customer = dossier.customer
    if command.kind.is_outbound and not may_write(
        customer, command.kind, conversation.channel, conversation.address
    ):
        return Rejection(Reason.OPTED_OUT, "the customer does not want it")
    at_ms = min(command.occurred_at_ms, now_ms)
    added = MessageAdded(_message(conversation, command, at_ms, now_ms))
    if command.then is None:
        return (added,)
    moved = _move(conversation, command.then, command.actor, "replied", at_ms)
    return moved if isinstance(moved, Rejection) else (added, *moved)


def start(
    dossier: Dossier, command: StartConversation, now_ms: int, policy: ThreadingPolicy
) -> Events | Rejection:
    """We write first: a conversation in which we wait for the customer."""
    if command.message_id in dossier.message_ids:
        return ()
    customer = met(dossier) or stranger(
        command.tenant_id,
        command.home_id,
        command.channel,
        command.address,
        now_ms=now_ms,
        policy=policy,
    )
    if not may_write(customer, Kind.REPLY, command.channel, command.address):
        return Rejection(Reason.OPTED_OUT, "the customer does not want it")
    at_ms = min(command.occurred_at_ms, now_ms)
    begun = _begun(customer, command, at_ms, policy)
    first = Say(
        tenant_id=command.tenant_id,
        home_id=command.home_id,
        conversation_id=begun.conversation_id,
        message_id=command.message_id,
        kind=Kind.REPLY,
        actor=command.actor,
        text=command.text,
        occurred_at_ms=at_ms,
        source_id=command.source_id,
    )
    added = () if dossier.customer is customer else (CustomerAdded(customer),)
    message = replace(_message(begun, first, at_ms, now_ms), subject=command.subject)
    return (*added, ConversationOpened(begun, Arrival.OPENS, by_us=True), MessageAdded(message))


def tag(dossier: Dossier, command: Tag, now_ms: int) -> Events | Rejection:
    """Tags as asked; nothing where they are so already."""
    conversation = find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None:
        return not_found(command.conversation_id)
    added = tuple(each for each in dict.fromkeys(command.add) if each not in conversation.tags)
    removed = tuple(each for each in dict.fromkeys(command.remove) if each in conversation.tags)
    if not added and not removed:
        return ()
    at_ms = min(command.occurred_at_ms, now_ms)
    tags = tuple(each for each in conversation.tags if each not in removed) + added
    tagged = replace(conversation, tags=tags, updated_at_ms=max(conversation.updated_at_ms, at_ms))
    return (ConversationTagged(tagged, added, removed, at_ms),)


def set_status(dossier: Dossier, command: SetStatus, now_ms: int) -> Events | Rejection:
    """Move where the table allows it."""
    conversation = find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None:
        return not_found(command.conversation_id)
    at_ms = min(command.occurred_at_ms, now_ms)
    return _move(conversation, command.status, command.actor, command.reason, at_ms)


def close_expired(
    dossier: Dossier, command: CloseExpired, now_ms: int, policy: ThreadingPolicy
) -> Events | Rejection:
    """What the timer that was set at resolution asks for."""
    conversation = find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None or conversation.status is not Status.RESOLVED:
        return ()
    if now_ms < conversation.resolved_at_ms + policy.reopen_window_of(conversation.channel):
        return ()  # it was reopened and resolved again: a later timer is set for that
    return _move(conversation, Status.CLOSED, "service/intake", "auto_close", now_ms)


def _move(
    conversation: Conversation, after: Status, actor: str, reason: str, at_ms: int
) -> Events | Rejection:
    before = conversation.status
    if before is after:
        return ()
    if after not in SETTABLE[before]:
        detail = f"a conversation cannot go from {before} to {after}"
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, detail)
    return (StatusChanged.of(conversation, after, actor=actor, reason=reason, at_ms=at_ms),)


def _message(conversation: Conversation, command: Say, at_ms: int, now_ms: int) -> Message:
    return Message(
        message_id=command.message_id,
        conversation_id=conversation.conversation_id,
        kind=command.kind,
        channel=conversation.channel,
        account_id=conversation.account_id,
        author=command.actor,
        from_address=conversation.account_address,
        to_address=conversation.address,
        text=command.text,
        occurred_at_ms=at_ms,
        received_at_ms=now_ms,
        place=conversation.messages + 1,
        language=conversation.language,
        source_id=command.source_id,
        attachments=command.attachments,
    )


def may_write(customer: Customer | None, kind: Kind, channel: Channel, address: str) -> bool:
    """Whether the customer lets us: nothing after STOP, nor what they have said no to by name.

    A purpose is called as its kind of message, or `contact` for all that we send.
    """
    if customer is None:
        return True
    at = customer.identity(channel, address)
    denied = {each.purpose for each in customer.consents if not each.granted}
    return not (at and at.opted_out_at_ms) and denied.isdisjoint({kind.lower(), "contact"})


def _begun(
    customer: Customer, command: StartConversation, at_ms: int, policy: ThreadingPolicy
) -> Conversation:
    return Conversation(
        conversation_id=command.new_conversation_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.customer_id,
        home_id=customer.home_id,
        account_id=command.account_id,
        channel=command.channel,
        address=command.address,
        account_address=command.account_address,
        tier=customer.tier,
        language=customer.language or policy.default_language,
        status=Status.PENDING,
        opened_at_ms=at_ms,
        updated_at_ms=at_ms,
        subject=command.subject,
        pool_hint=command.pool_hint,
        tags=command.tags,
        attributes=customer.attributes,
    )


def find(dossier: Dossier, tenant_id: str, conversation_id: str) -> Conversation | None:
    """A conversation of the caller's own tenant; another's does not exist for them."""
    found = dossier.conversations.get(conversation_id)
    return found if found is not None and found.tenant_id == tenant_id else None


def not_found(conversation_id: str) -> Rejection:
    """The refusal of a command that names no conversation of the caller's."""
    return Rejection(Reason.CONVERSATION_NOT_FOUND, f"no conversation {conversation_id}")
