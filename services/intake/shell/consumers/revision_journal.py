"""What changes of messages leave behind: their rows, word to readers, and what waits."""

from __future__ import annotations

from typing import assert_never

from services.intake.core.early import revision_of
from services.intake.core.events import (
    MessageEdited,
    MessageReacted,
    MessageRetracted,
    RevisionEvent,
    RevisionLeft,
    RevisionMatched,
    RevisionParked,
)
from services.intake.core.model import Channel, Dossier
from services.intake.core.refusals import Reason, Rejection
from services.intake.shell import rows
from services.intake.shell.consumers.journal import Journal
from services.intake.shell.wire import inputs, linking, outputs


def record_of_revision(journal: Journal, after: Dossier, event: RevisionEvent) -> None:
    """Write down one event."""
    match event:
        case MessageEdited() | MessageRetracted():
            _revised(journal, after, event)
        case MessageReacted():
            _reacted(journal, after, event)
        case RevisionParked():
            journal.park(after, event.early, waiting=True)
        case RevisionMatched():
            journal.park(after, event.early, waiting=False)
        case RevisionLeft():
            journal.park(after, event.early, waiting=False)
            _left(journal, after, event)
        case _:
            assert_never(event)


def _revised(journal: Journal, after: Dossier, event: MessageEdited | MessageRetracted) -> None:
    """The row says what holds now; what was said before an edit is in the timeline."""
    message = event.message
    conversation = after.conversations[message.conversation_id]
    journal.put_conversation(conversation)
    row = rows.message_row(
        message,
        tenant_id=conversation.tenant_id,
        sequence=after.sequences[message.message_id],
        placement=after.placements.get(message.message_id),
    )
    journal.put("message", row)
    at_ms = message.retracted_at_ms or message.edited_at_ms
    envelope = journal.envelope(conversation, at_ms)
    detail = {"message_id": message.message_id}
    if isinstance(event, MessageEdited):
        envelope.message_edited.CopyFrom(outputs.edited(event))
        detail |= {"text": message.text, "previous_text": event.before}
        journal.change(conversation, "message_edited", detail, at_ms, message.author)
    else:
        envelope.message_retracted.message_id = message.message_id
        journal.change(conversation, "message_retracted", detail, at_ms, message.author)
        journal.put("retraction", rows.retraction_row(message))
    envelope.actor = message.author
    journal.emit(envelope)
    if message.channel is Channel.VOICE:  # its recording comes when the call has ended
        journal.want_files(message, conversation)


def _reacted(journal: Journal, after: Dossier, event: MessageReacted) -> None:
    conversation = after.conversations[event.message.conversation_id]
    journal.put_conversation(conversation)
    envelope = journal.envelope(conversation, event.occurred_at_ms)
    envelope.message_reacted.message_id = event.message.message_id
    envelope.message_reacted.reaction = event.reaction
    envelope.actor = event.actor
    journal.emit(envelope)
    detail = {"message_id": event.message.message_id, "reaction": event.reaction}
    journal.change(conversation, "message_reacted", detail, event.occurred_at_ms, event.actor)


def _left(journal: Journal, after: Dossier, event: RevisionLeft) -> None:
    """It follows its customer, as another request: its own was answered when it began to wait."""
    early = event.early
    if not event.to_home_id:
        journal.tell(Rejection(Reason.MESSAGE_NOT_FOUND, "its message did not come"))
        return
    said = inputs.revised(revision_of(early), received_at_ms=early.since_ms)
    said.request_id = journal.new_id()
    passed = linking.forwarded(said, to_home_id=event.to_home_id, from_home_id=after.home_id)
    journal.send(passed, after_all=True)
