"""Applies an event to a dossier: total, silent, and the only place where a dossier changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from services.intake.core.call_model import CallNoted
from services.intake.core.events import (
    AttachmentChanged,
    ConversationEvent,
    ConversationOpened,
    ConversationsMerged,
    ConversationSplit,
    ConversationTagged,
    ConversationUnmerged,
    CustomerAdded,
    CustomerErased,
    CustomerEvent,
    CustomerReturned,
    CustomerTaken,
    CustomerUpdated,
    CustomerYielded,
    DeliveryEvent,
    DeliveryProgressed,
    Event,
    HomeRepointed,
    IdentityParted,
    LinkAsked,
    MediaSettled,
    MessageAdded,
    MessageDiverted,
    MessageEdited,
    MessageEvent,
    MessagePassedOn,
    MessageReacted,
    MessageRetracted,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
    RevisionEvent,
    RevisionLeft,
    RevisionMatched,
    RevisionParked,
    StatusChanged,
)
from services.intake.core.identity import home_id
from services.intake.core.leftovers import LeftoverEvent
from services.intake.core.model import (
    Channel,
    Conversation,
    Customer,
    Delivery,
    Dossier,
    Kind,
    Message,
    Progress,
    Status,
)
from services.intake.core.placement import Placement


def evolve(dossier: Dossier, event: Event) -> Dossier:
    """The dossier after `event`."""
    if isinstance(event, CustomerEvent):
        return _of_customer(dossier, event)
    if isinstance(event, ConversationEvent):
        return _of_conversation(dossier, event)
    if isinstance(event, MessageEvent):
        return _of_message(dossier, event)
    if isinstance(event, RevisionEvent):
        return _of_revision(dossier, event)
    if isinstance(event, LeftoverEvent):
        return dossier  # nobody's
    if isinstance(event, CallNoted):
        return replace(dossier, calls={**dossier.calls, event.call.message_id: event.call})
    return _of_delivery(dossier, event)


def _of_customer(dossier: Dossier, event: CustomerEvent) -> Dossier:
    match event:
        case CustomerAdded():
            return replace(dossier, customer=event.customer)
        case CustomerUpdated():
            return _with_customer(dossier, event)
        case CustomerErased():
            return _erased(dossier, event)
        case CustomerYielded():
            return Dossier(dossier.home_id, yields_to=event.to_home_id, formerly=event.customer)
        case HomeRepointed():
            return replace(dossier, yields_to=event.to_home_id)
        case CustomerTaken():
            taken = replace(dossier, customer=event.customer, yields_to="", formerly=None)
            return _with_conversations(taken, event.conversations)
        case IdentityParted():
            return _parted(dossier, event)
        case LinkAsked() | CustomerReturned():
            return dossier
        case _:
            assert_never(event)


def _of_conversation(dossier: Dossier, event: ConversationEvent) -> Dossier:
    match event:
        case ConversationOpened() | ConversationTagged():
            return _with_conversations(dossier, (event.conversation,))
        case ConversationsMerged() | ConversationUnmerged():
            return _with_conversations(dossier, (event.target, event.source))
        case ConversationSplit():
            return _split(dossier, event)
        case StatusChanged():
            before = dossier.conversations[event.conversation_id]
            return _with_conversations(dossier, (_moved(before, event),))
        case _:
            assert_never(event)


def _of_message(dossier: Dossier, event: MessageEvent) -> Dossier:
    match event:
        case MessageAdded():
            return _referable(_with_message(dossier, event), event)
        case AttachmentChanged():
            return _with_revised(dossier, event.message)
        case MessagePassedOn() | MediaSettled():
            return dossier
        case _:
            assert_never(event)


def _of_revision(dossier: Dossier, event: RevisionEvent) -> Dossier:
    match event:
        case MessageEdited() | MessageRetracted():
            return _with_revised(dossier, event.message)
        case MessageReacted():
            return _counted(dossier, event.message.conversation_id)
        case RevisionParked(early):
            others = tuple(each for each in dossier.early if each.key != early.key)
            return replace(dossier, early=(*others, early))
        case RevisionMatched(early) | RevisionLeft(early):
            left = tuple(each for each in dossier.early if each.key != early.key)
            return replace(dossier, early=left)
        case _:
            assert_never(event)


def _of_delivery(dossier: Dossier, event: DeliveryEvent) -> Dossier:
    match event:
        case DeliveryProgressed():
            return _with_progress(dossier, event.delivery)
        case MessageDiverted():
            return _diverted(dossier, event)
        case ReceiptForwarded():
            return dossier
        case ReceiptParked(receipt):
            return replace(dossier, parked={**dossier.parked, receipt.provider_message_id: receipt})
        case ReceiptMatched(receipt):
            waiting = {key: held for key, held in dossier.parked.items() if held != receipt}
            return replace(dossier, parked=waiting)
        case _:
            assert_never(event)


def _with_conversations(dossier: Dossier, changed: Iterable[Conversation]) -> Dossier:
    """Every change of a conversation is one event of it, so it counts one further."""
    counted = {each.conversation_id: replace(each, sequence=each.sequence + 1) for each in changed}
    return replace(dossier, conversations={**dossier.conversations, **counted})


def _counted(dossier: Dossier, conversation_id: str) -> Dossier:
    return _with_conversations(dossier, (dossier.conversations[conversation_id],))


def _with_customer(dossier: Dossier, event: CustomerUpdated) -> Dossier:
    """Live conversations carry their customer's tier and attributes.

    While nobody knows the customer's language theirs is a guess, which ends with that.
    """
    customer = event.customer
    known = "" if event.before.language else customer.language
    live = (
        replace(
            held,
            tier=customer.tier,
            attributes=customer.attributes,
            language=known or held.language,
        )
        for held in dossier.live
    )
    return _with_conversations(replace(dossier, customer=customer), live)


def _erased(dossier: Dossier, event: CustomerErased) -> Dossier:
    closed = (
        replace(
            held,
            status=Status.CLOSED,
            address="",
            subject="",
            attributes=(),
            participants=(),
            updated_at_ms=event.at_ms,
            closed_at_ms=event.at_ms,
        )
        for held in event.conversations
    )
    return _with_conversations(replace(dossier, customer=event.customer), closed)


def _parted(dossier: Dossier, event: IdentityParted) -> Dossier:
    """What goes along is another home's; what stays is whoever's who has this home now."""
    going = {held.conversation_id for held in event.conversations}
    kept = {key: held for key, held in dossier.conversations.items() if key not in going}
    dossier = replace(dossier, customer=event.stays, conversations=kept)
    if event.stays.customer_id == event.before.customer_id:
        return dossier
    renamed = (
        replace(held, customer_id=event.stays.customer_id, attributes=event.stays.attributes)
        for held in dossier.live
    )
    return _with_conversations(dossier, renamed)


def _split(dossier: Dossier, event: ConversationSplit) -> Dossier:
    """In the new conversation its beginning, the split and every message count."""
    dossier = _with_conversations(dossier, (event.origin,))
    part = replace(event.part, sequence=len(event.messages) + 2)
    moved = {each.message_id: each for each in event.messages}
    renumbered = {each.message_id: place for place, each in enumerate(event.messages, start=3)}
    return replace(
        dossier,
        conversations={**dossier.conversations, part.conversation_id: part},
        messages={**dossier.messages, **moved},
        sequences={**dossier.sequences, **renumbered},
        placements=_told_why(dossier, event.messages, event.placement),
    )


def _told_why(
    dossier: Dossier, messages: Iterable[Message], placement: Placement | None
) -> Mapping[str, Placement]:
    """Kept while the dossier is at hand, for whoever writes one of the messages down again."""
    if placement is None:
        return dossier.placements
    return {**dossier.placements, **{each.message_id: placement for each in messages}}


def _with_revised(dossier: Dossier, message: Message) -> Dossier:
    messages = {**dossier.messages, message.message_id: message}
    return _counted(replace(dossier, messages=messages), message.conversation_id)


def _with_message(dossier: Dossier, event: MessageAdded) -> Dossier:
    message = event.message
    before = dossier.conversations[message.conversation_id]
    heard = _heard if _is_own_word(dossier.customer, message) else _overheard
    after = heard(before, message) if message.kind is Kind.INBOUND else _said(before, message)
    dossier = _with_conversations(dossier, (after,))
    sequence = dossier.conversations[message.conversation_id].sequence
    dossier = replace(
        dossier,
        messages={**dossier.messages, message.message_id: message},
        sequences={**dossier.sequences, message.message_id: sequence},
        placements=_told_why(dossier, (message,), event.placement),
        message_ids=dossier.message_ids | {message.message_id},
    )
    if not message.kind.is_outbound:
        return dossier
    queued = Delivery(
        message_id=message.message_id,
        home_id=home_id(before.tenant_id, message.channel, message.to_address),
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


def _referable(dossier: Dossier, event: MessageAdded) -> Dossier:
    """What is decided together with a mail may answer it: what is stored was read before it."""
    message = event.message
    if message.kind is not Kind.INBOUND or message.channel is not Channel.EMAIL:
        return dossier
    conversation = dossier.conversations[message.conversation_id]
    named = filter(None, (message.provider_message_id, *event.references))
    return replace(dossier, referenced={**dict.fromkeys(named, conversation), **dossier.referenced})


def _is_own_word(customer: Customer | None, message: Message) -> bool:
    """Whether the customer wrote it, themselves and not their mail program."""
    theirs = customer and customer.identity(message.channel, message.from_address)
    return theirs is not None and message.automatic is None


def _heard(before: Conversation, message: Message) -> Conversation:
    """Answers go out where the customer wrote last."""
    return replace(
        before,
        messages=message.place,
        account_id=message.account_id,
        channel=message.channel,
        address=message.from_address,
        account_address=message.to_address,
        answers_id=message.provider_message_id,
        participants=tuple(dict.fromkeys((*before.participants, *message.participants))),
        last_inbound_at_ms=max(before.last_inbound_at_ms, message.occurred_at_ms),
        updated_at_ms=max(before.updated_at_ms, message.occurred_at_ms),
    )


def _overheard(before: Conversation, message: Message) -> Conversation:
    """What the customer has not said themselves moves no answer elsewhere."""
    sender = () if message.automatic is not None else (message.from_address,)
    others = (*before.participants, *sender, *message.participants)
    heard_at_ms = 0 if message.automatic is not None else message.occurred_at_ms
    return replace(
        before,
        messages=message.place,
        participants=tuple(dict.fromkeys(others)),
        last_inbound_at_ms=max(before.last_inbound_at_ms, heard_at_ms),
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


def _diverted(dossier: Dossier, event: MessageDiverted) -> Dossier:
    """The conversation is open to what they answer over the other account, too."""
    message, delivery = event.message, event.delivery
    before = dossier.conversations[message.conversation_id]
    after = replace(
        before,
        detours=tuple(dict.fromkeys((*before.detours, message.account_id))),
        updated_at_ms=max(before.updated_at_ms, event.at_ms),
    )
    dossier = replace(
        dossier,
        messages={**dossier.messages, message.message_id: message},
        deliveries={**dossier.deliveries, delivery.message_id: delivery},
    )
    return _with_conversations(dossier, (after,))


def _with_progress(dossier: Dossier, delivery: Delivery) -> Dossier:
    deliveries = {**dossier.deliveries, delivery.message_id: delivery}
    return _counted(replace(dossier, deliveries=deliveries), delivery.conversation_id)
