"""Our side of a conversation: what we say in it, and where we move it."""

from __future__ import annotations

from services.intake.core.commands import CloseExpired, Say, SetStatus
from services.intake.core.events import Event, MessageAdded, StatusChanged
from services.intake.core.lifecycle import SETTABLE
from services.intake.core.model import Conversation, Dossier, Kind, Message, Status
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection

Events = tuple[Event, ...]


def say(dossier: Dossier, command: Say, now_ms: int) -> Events | Rejection:
    """Only a reply needs a conversation that is not closed: a survey comes after the end."""
    if command.message_id in dossier.message_ids:
        return ()
    conversation = _find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None:
        return _not_found(command.conversation_id)
    if command.kind is Kind.REPLY and not conversation.is_live:
        return Rejection(Reason.CONVERSATION_CLOSED, "a closed conversation takes no reply")
    at_ms = min(command.occurred_at_ms, now_ms)
    added = MessageAdded(_message(conversation, command, at_ms, now_ms))
    if command.then is None:
        return (added,)
    moved = _move(conversation, command.then, command.actor, "replied", at_ms)
    return moved if isinstance(moved, Rejection) else (added, *moved)


def set_status(dossier: Dossier, command: SetStatus, now_ms: int) -> Events | Rejection:
    """Move where the table allows it."""
    conversation = _find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None:
        return _not_found(command.conversation_id)
    at_ms = min(command.occurred_at_ms, now_ms)
    return _move(conversation, command.status, command.actor, command.reason, at_ms)


def close_expired(
    dossier: Dossier, command: CloseExpired, now_ms: int, policy: ThreadingPolicy
) -> Events | Rejection:
    """What the timer that was set at resolution asks for."""
    conversation = _find(dossier, command.tenant_id, command.conversation_id)
    if conversation is None or conversation.status is not Status.RESOLVED:
        return ()
    if now_ms < conversation.resolved_at_ms + policy.reopen_window_ms:
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


def _find(dossier: Dossier, tenant_id: str, conversation_id: str) -> Conversation | None:
    """A conversation of the caller's own tenant; another's does not exist for them."""
    found = dossier.conversations.get(conversation_id)
    return found if found is not None and found.tenant_id == tenant_id else None


def _not_found(conversation_id: str) -> Rejection:
    return Rejection(Reason.CONVERSATION_NOT_FOUND, f"no conversation {conversation_id}")
