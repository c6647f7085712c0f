"""What becomes of customers' files leaves behind: the message as it is now, word to its readers."""

from __future__ import annotations

from services.intake.core.events import AttachmentChanged, MediaSettled
from services.intake.core.model import Dossier
from services.intake.shell import rows
from services.intake.shell.consumers.journal import Journal
from services.intake.shell.wire import outputs


def record_attachment(journal: Journal, after: Dossier, event: AttachmentChanged) -> None:
    """Of no interest to the timeline, which shows the message as it is now."""
    message = event.message
    conversation = after.conversations[message.conversation_id]
    journal.put_conversation(conversation)
    sequence = after.sequences[message.message_id]
    row = rows.message_row(message, tenant_id=conversation.tenant_id, sequence=sequence)
    journal.put("message", row)
    envelope = journal.envelope(conversation)
    envelope.attachment_changed.CopyFrom(outputs.attachment_changed(event))
    journal.emit(envelope)


def record_settled(journal: Journal, event: MediaSettled) -> None:
    """Nobody waits for the file any more."""
    row = rows.settled_media_row(event.message_id, event.attachment_id)
    journal.put("media_wanted", row)
