"""What a receipt, or the result of an attempt, says about a message that we sent."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import NoteProgress
from services.intake.core.events import (
    DeliveryProgressed,
    Event,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
)
from services.intake.core.lifecycle import is_news
from services.intake.core.model import Delivery, Dossier, Progress, Receipt
from services.intake.core.refusals import Reason, Rejection


def note(dossier: Dossier, command: NoteProgress) -> tuple[Event, ...] | Rejection:
    """Progress is monotone: what says no more than is known is no event."""
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
    after = _told(known, told)
    # What is parked is read for our own results, each of which names what it knows the message by;
    # a receipt must not match more because it happened to be read together with another.
    parked = None if command.by_provider else dossier.parked.get(told.provider_message_id)
    final = after if parked is None else _told(after, parked)
    matched = () if parked is None else (ReceiptMatched(parked),)
    steps = (step for was, step in ((known, after), (after, final)) if was != step)
    return (
        *matched,
        *_forwarded(known, told, by_provider=command.by_provider),
        *(DeliveryProgressed(step) for step in steps),
    )


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
    if command.message_id:
        return dossier.deliveries.get(command.message_id)
    named = (
        delivery
        for delivery in dossier.deliveries.values()
        if command.provider_message_id
        and delivery.provider_message_id == command.provider_message_id
    )
    return next(named, None)


def _told(known: Delivery, told: Receipt) -> Delivery:
    """`known` with whatever `told` adds: a more certain progress, a name at the provider."""
    named = replace(
        known, provider_message_id=known.provider_message_id or told.provider_message_id
    )
    if not is_news(known.progress, told.progress):
        return named
    return replace(named, progress=told.progress, reason=told.reason, at_ms=told.at_ms)
