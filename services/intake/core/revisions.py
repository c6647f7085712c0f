"""What a customer does to what was said before: changes it, takes it back, reacts to it."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import EditMessage, ReactToMessage, RetractMessage, Revision
from services.intake.core.events import Event, MessageEdited, MessageReacted, MessageRetracted
from services.intake.core.model import Dossier, Kind, Message
from services.intake.core.refusals import Reason, Rejection


def revise(dossier: Dossier, command: Revision, now_ms: int) -> tuple[Event, ...] | Rejection:
    """What it does to its message; nothing where that is so already."""
    message = _find(dossier, command)
    if message is None:
        return Rejection(Reason.MESSAGE_NOT_FOUND, "no such message")
    return apply(dossier, message, command, now_ms)


def apply(dossier: Dossier, message: Message, command: Revision, now_ms: int) -> tuple[Event, ...]:
    """What it does to `message`."""
    at_ms = min(command.occurred_at_ms, now_ms)
    match command:
        case EditMessage():
            return _edited(message, command.text, at_ms)
        case RetractMessage():
            return _retracted(message, at_ms)
        case ReactToMessage():
            actor = f"customer/{dossier.customer.customer_id}" if dossier.customer else ""
            return (MessageReacted(message, command.reaction, actor, at_ms),)


def _edited(message: Message, text: str, at_ms: int) -> tuple[Event, ...]:
    """The latest edit holds, in whatever order they come; what was taken back stays so."""
    if message.text == text or at_ms < message.edited_at_ms or message.retracted_at_ms:
        return ()
    return (MessageEdited(replace(message, text=text, edited_at_ms=at_ms), message.text),)


def _retracted(message: Message, at_ms: int) -> tuple[Event, ...]:
    """Whoever takes a message back wants nobody to read it any more."""
    if message.retracted_at_ms:
        return ()
    gone = replace(message, text="", quoted_text="", attachments=(), retracted_at_ms=at_ms)
    return (MessageRetracted(gone),)


def _find(dossier: Dossier, command: Revision) -> Message | None:
    """Their own by the name it was given at the door; ours, to react to, by the provider's."""
    found = dossier.messages.get(command.message_id)
    if found is not None:
        return found if found.kind is Kind.INBOUND else None
    if not isinstance(command, ReactToMessage):
        return None
    sent = (
        delivery.message_id
        for delivery in dossier.deliveries.values()
        if delivery.provider_message_id == command.provider_message_id
    )
    return dossier.messages.get(next(sent, ""))
