"""What a receipt, or the result of an attempt, says about a message that we sent."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import NoteProgress
from services.intake.core.detours import diverted
from services.intake.core.events import (
    DeliveryProgressed,
    Event,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
)
from services.intake.core.lifecycle import is_news
from services.intake.core.model import Delivery, Dossier, Progress, Receipt
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection


def note(
    dossier: Dossier, command: NoteProgress, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    """Progress is monotone: what says no more than is known is no event.

    What is told of an account that the message has left since says nothing about its delivery.
    """
    told = Receipt(
        account_id=command.account_id,
        provider_message_id=command.provider_message_id,
        progress=command.progress,
        reason=command.reason,
        at_ms=command.occurred_at_ms,
    )
    known = _find(dossier, command)
    if known is None:
        return _without_message(dossier, command.message_id, told)
    if command.account_id not in {"", known.account_id}:
        return ()
    after = replace(_told(known, told), detour=command.detour or known.detour)
    # What is parked is read for our own results, each of which names what it knows the message by;
    # a receipt must not match more because it happened to be read together with another.
    parked = None if command.by_provider else dossier.parked.get(told.provider_message_id)
    final = after if parked is None else _told(after, parked)
    matched = () if parked is None else (ReceiptMatched(parked),)
    forwarded = _forwarded(known, told, by_provider=command.by_provider)
    elsewhere = diverted(dossier, final, now_ms, policy)
    if elsewhere:
        return (*matched, *forwarded, *elsewhere)
    steps = (step for was, step in ((known, after), (after, final)) if was != step)
    return (*matched, *forwarded, *(DeliveryProgressed(step) for step in steps))


def _forwarded(
    known: Delivery, told: Receipt, *, by_provider: bool
) -> tuple[ReceiptForwarded, ...]:
    """Delivery settles what it is in doubt of by the provider's first word, whatever it says."""
    helps = by_provider and known.progress in {Progress.QUEUED, Progress.UNCERTAIN}
    return (ReceiptForwarded(known, told),) if helps else ()


def _without_message(
    dossier: Dossier, message_id: str, told: Receipt
) -> tuple[Event, ...] | Rejection:
    """Our own reference must match; a provider's id may be one that we have yet to learn."""
    if message_id or not told.provider_message_id:
        return Rejection(Reason.MESSAGE_NOT_FOUND, "no such outbound message")
    waiting = dossier.parked.get(told.provider_message_id)
    if waiting is not None and not is_news(waiting.progress, told.progress):
        return ()
    return (ReceiptParked(told),)


def _find(dossier: Dossier, command: NoteProgress) -> Delivery | None:
    """What is told of it; another customer's is as good as none."""
    theirs = dossier.conversations
    if command.message_id:
        named = dossier.deliveries.get(command.message_id)
        return named if named is not None and named.conversation_id in theirs else None
    found = (
        delivery
        for delivery in dossier.deliveries.values()
        if command.provider_message_id
        and delivery.provider_message_id == command.provider_message_id
        and delivery.conversation_id in theirs
    )
    return next(found, None)


def _told(known: Delivery, told: Receipt) -> Delivery:
    """`known` with whatever `told` adds: a more certain progress, a name at the provider."""
    named = replace(
        known, provider_message_id=known.provider_message_id or told.provider_message_id
    )
    if not is_news(known.progress, told.progress):
        return named
    return replace(named, progress=told.progress, reason=told.reason, at_ms=told.at_ms)
