"""What may not be said over an account any more goes to the same person over another one. Pure.

A message takes a detour once, and only when delivery is done with it and nothing has gone out:

    delivery has said        the provider has said       what follows
    FAILED, outside_window   whatever                    it goes over the other account
    SENT                     FAILED, outside_window      the same, whichever is known first
    UNCERTAIN, or a doubt    FAILED, outside_window      nothing: it may have arrived after all
    nothing as yet           FAILED, outside_window      nothing, until delivery has

So there is one attempt that may have an effect, whoever dies on the way: the attempt on the first
account has ended without one, and the second is asked for in the commit that says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from services.intake.core.delivery.windows import OUTSIDE_WINDOW
from services.intake.core.events import Event, LinkAsked, MessageDiverted
from services.intake.core.identity import home_id
from services.intake.core.links import LinkReason, LinkRule, siblings
from services.intake.core.model import (
    Customer,
    Delivery,
    Detour,
    Dossier,
    Identity,
    Kind,
    Message,
    Progress,
    StatedIdentity,
)
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.turns import may_write

_WORTH_IT: Final = frozenset({Kind.REPLY, Kind.NOTICE, Kind.SURVEY})
"""An automatic answer is one to what was written a moment ago, or nothing."""


def is_outside_window(known: Delivery) -> bool:
    """Whether it has failed because its customer wrote too long ago."""
    return known.progress is Progress.FAILED and known.reason == OUTSIDE_WINDOW


def diverted(
    dossier: Dossier, known: Delivery, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...]:
    """The detour of a message, `known` being what is known of its delivery; mostly none."""
    detour, message = known.detour, dossier.messages.get(known.message_id)
    if detour is None or message is None or known.instead_of or not is_outside_window(known):
        return ()
    customer = dossier.customer
    is_here = message.conversation_id in dossier.conversations
    if customer is None or customer.erased or not is_here or message.kind not in _WORTH_IT:
        return ()
    if customer.identity(message.channel, message.to_address) is None:
        return ()  # whom it was for is somebody else by now
    tenant_id = customer.tenant_id
    address = _known_address(customer, message, detour)
    if address:
        return (_sent_over(message, known, detour, address, tenant_id, now_ms),)
    sibling = _sibling(dossier, customer, message, detour)
    reason = LinkReason.of(LinkRule.SAME_NUMBER, "service/intake")
    if sibling is None or reason.confidence < policy.link_confidence_min:
        return ()
    asked = LinkAsked(customer, sibling.home_id, sibling, reason)
    return (asked, _sent_over(message, known, detour, sibling.address, tenant_id, now_ms))


def _known_address(customer: Customer, message: Message, detour: Detour) -> str:
    """An address that is the customer's: the same number, else one that is verified, else the last.

    Empty where there is none that may be written to.
    """
    theirs = [
        each
        for each in customer.identities
        if each.channel is detour.channel
        and may_write(customer, message.kind, each.channel, each.address)
    ]
    if not theirs:
        return ""

    def rank(identity: Identity) -> tuple[bool, bool, int, str]:
        same = identity.address == message.to_address
        return same, identity.verified, identity.linked_at_ms, identity.address

    return max(theirs, key=rank).address


def _sibling(
    dossier: Dossier, customer: Customer, message: Message, detour: Detour
) -> StatedIdentity | None:
    """The same number on the other medium, if nobody has ever been met there.

    Whoever has, and is not this customer, is somebody else, as far as anybody knows.
    """
    if any(each.channel is detour.channel for each in customer.identities):
        return None  # what they have there may not be written to
    if not may_write(customer, message.kind, detour.channel, message.to_address):
        return None
    found = siblings(customer.tenant_id, message.channel, message.to_address)
    there = next((each for each in found if each.channel is detour.channel), None)
    return None if there is None or there.home_id in dossier.settled_homes else there


def _sent_over(
    message: Message,
    known: Delivery,
    detour: Detour,
    address: str,
    tenant_id: str,
    now_ms: int,
) -> MessageDiverted:
    return MessageDiverted(
        message=replace(
            message,
            channel=detour.channel,
            account_id=detour.account_id,
            from_address=detour.address,
            to_address=address,
        ),
        delivery=Delivery(
            message_id=known.message_id,
            home_id=home_id(tenant_id, detour.channel, address),
            conversation_id=known.conversation_id,
            account_id=detour.account_id,
            kind=known.kind,
            source_id=known.source_id,
            progress=Progress.QUEUED,
            provider_message_id="",
            reason="",
            at_ms=now_ms,
            instead_of=known.account_id,
        ),
        before=message.channel,
        reason=known.reason,
        at_ms=now_ms,
    )
