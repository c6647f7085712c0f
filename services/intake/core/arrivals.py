"""What a customer's message does: whose it is, and which conversation takes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from services.intake.core.commands import JoinConversation, ReceiveMessage
from services.intake.core.customers import introduced
from services.intake.core.events import (
    ConversationOpened,
    Event,
    LinkAsked,
    MessageAdded,
    MessagePassedOn,
    StatusChanged,
)
from services.intake.core.evolve import evolve
from services.intake.core.help_answers import answered
from services.intake.core.keywords import heeded
from services.intake.core.lifecycle import Arrival, arrival
from services.intake.core.linking import link
from services.intake.core.links import LinkReason, LinkRule, siblings
from services.intake.core.model import (
    Channel,
    Conversation,
    Customer,
    Dossier,
    Kind,
    Message,
    StatedIdentity,
    Status,
)
from services.intake.core.placement import Placement, place
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection

Events = tuple[Event, ...]


def receive(
    dossier: Dossier, command: ReceiveMessage, now_ms: int, policy: ThreadingPolicy
) -> Events:
    """What it tells of its sender, then what leads to the right conversation, then the message."""
    if command.message_id in dossier.message_ids:
        return ()
    if command.occurred_at_ms > now_ms:  # providers' clocks are not ours: it came now
        command = replace(command, occurred_at_ms=now_ms)
    command = heeded(command)
    about = introduced(dossier, command, now_ms, policy)
    dossier = reduce(evolve, about, dossier)
    assert dossier.customer is not None, "a message introduces its sender"
    placement = place(dossier, command, policy)
    links = tuple(_links(dossier, command, placement, now_ms, policy))
    found = placement.conversation
    if found is not None and found.home_id not in dossier.customer.homes:
        return (*about, *links, MessagePassedOn(found.home_id, found.conversation_id))
    added = _added(dossier, dossier.customer, command, placement, policy)
    return (*about, *links, *added, *answered(reduce(evolve, added, dossier), command, now_ms))


def join(
    dossier: Dossier, command: JoinConversation, now_ms: int, policy: ThreadingPolicy
) -> Events:
    """The message of somebody who takes part in this customer's conversation."""
    customer = dossier.customer
    if command.message.message_id in dossier.message_ids or customer is None:
        return ()
    named = replace(
        command.message,
        occurred_at_ms=min(command.message.occurred_at_ms, now_ms),
        conversation_hint=command.conversation_id,
        in_reply_to=(),
    )
    placement = place(dossier, named, policy)
    return _added(dossier, customer, named, placement, policy)


def _added(
    dossier: Dossier,
    customer: Customer,
    command: ReceiveMessage,
    placement: Placement,
    policy: ThreadingPolicy,
) -> Events:
    threaded, conversation_id = _thread(customer, command, placement.conversation, policy)
    taking = reduce(evolve, threaded, dossier).conversations[conversation_id]
    added = MessageAdded(_message(customer, taking, command), placement, _named(command))
    return (*threaded, added)


def _named(command: ReceiveMessage) -> tuple[str, ...]:
    """The mail that a person's mail answers and the one that began it all: who names either of
    them, too, goes on with the same matter (zammad#5716).
    """
    if command.channel is not Channel.EMAIL or command.automatic is not None:
        return ()
    return tuple(dict.fromkeys((*command.in_reply_to[:1], *command.in_reply_to[-1:])))


def _links(
    dossier: Dossier,
    command: ReceiveMessage,
    placement: Placement,
    now_ms: int,
    policy: ThreadingPolicy,
) -> Iterator[LinkAsked]:
    """Other addresses of the sender, as far as what says so is sure enough."""
    for identity, rule in _known_as(dossier, command, placement):
        reason = LinkReason.of(rule, f"provider/{command.account_id}")
        if reason.confidence < policy.link_confidence_min:
            continue
        asked = link(dossier, identity, reason, now_ms)
        if not isinstance(asked, Rejection):
            yield from (event for event in asked if isinstance(event, LinkAsked))


def _known_as(
    dossier: Dossier, command: ReceiveMessage, placement: Placement
) -> Iterator[tuple[StatedIdentity, LinkRule]]:
    is_chat = command.channel is Channel.CHAT
    vouched = LinkRule.SIGNED_SESSION if is_chat else LinkRule.PROVIDER
    for stated in command.also_known_as:
        yield stated, vouched if stated.verified else LinkRule.STATED
    if placement.conversation is None:  # who is known already was looked for then
        for sibling in siblings(command.tenant_id, command.channel, command.from_address):
            if sibling.home_id in dossier.neighbours:
                yield sibling, LinkRule.SAME_NUMBER


def _thread(
    customer: Customer,
    command: ReceiveMessage,
    found: Conversation | None,
    policy: ThreadingPolicy,
) -> tuple[Events, str]:
    """The events that lead to the conversation which takes the message, and its id."""
    what = arrival(found, command.occurred_at_ms, policy)
    if found is None or what is Arrival.OPENS:
        opened = _fresh(customer, command, policy, follows_id="")
        return (ConversationOpened(opened, what),), opened.conversation_id
    if command.automatic is not None:
        if found.is_live:
            return (), found.conversation_id
        what = Arrival.FOLLOWS_UP
    actor = f"customer/{customer.customer_id}"
    if what is Arrival.REOPENS:
        return (
            _moved(found, Status.OPEN, actor, "customer_wrote", command),
        ), found.conversation_id
    if what is Arrival.FOLLOWS_UP:
        opened = _fresh(customer, command, policy, follows_id=found.conversation_id)
        closed = _moved(found, Status.CLOSED, actor, "followed_up", command)
        begun = ConversationOpened(opened, what)
        return ((closed, begun) if found.is_live else (begun,)), opened.conversation_id
    return (), found.conversation_id


def _moved(
    found: Conversation, after: Status, actor: str, reason: str, command: ReceiveMessage
) -> StatusChanged:
    return StatusChanged.of(found, after, actor=actor, reason=reason, at_ms=command.occurred_at_ms)


def _fresh(
    customer: Customer, command: ReceiveMessage, policy: ThreadingPolicy, *, follows_id: str
) -> Conversation:
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
        language=command.language or customer.language or policy.default_language,
        status=Status.OPEN if command.automatic is None else Status.CLOSED,
        opened_at_ms=command.occurred_at_ms,
        updated_at_ms=command.occurred_at_ms,
        closed_at_ms=0 if command.automatic is None else command.occurred_at_ms,
        subject=command.subject,
        pool_hint=command.pool_hint,
        tags=command.tags,
        attributes=customer.attributes,
        follows_id=follows_id,
        participants=command.participants,
    )


def _message(customer: Customer, conversation: Conversation, command: ReceiveMessage) -> Message:
    """As it is kept. Somebody who takes part in the conversation is called by their own home."""
    own = customer.identity(command.channel, command.from_address)
    author_id = customer.customer_id if own else command.home_id
    return Message(
        message_id=command.message_id,
        conversation_id=conversation.conversation_id,
        kind=Kind.INBOUND,
        channel=command.channel,
        account_id=command.account_id,
        author=f"customer/{author_id}",
        from_address=command.from_address,
        to_address=command.to_address,
        text=command.text,
        occurred_at_ms=command.occurred_at_ms,
        received_at_ms=command.received_at_ms,
        place=conversation.messages + 1,
        subject=command.subject,
        language=command.language or command.detected_language or conversation.language,
        provider_message_id=command.provider_message_id,
        attachments=command.attachments,
        participants=command.participants,
        automatic=command.automatic,
        quoted_text=command.quoted_text,
        original_reference=command.original_reference,
    )
