"""What a detour leaves behind: the message as it goes now, word of it, the request to send it."""

from __future__ import annotations

from services.intake.core.events import MessageDiverted
from services.intake.core.model import Dossier
from services.intake.shell import rows
from services.intake.shell.consumers.journal import Journal
from services.intake.shell.wire import outputs

ACTOR = "service/intake"


def record_detour(journal: Journal, after: Dossier, event: MessageDiverted) -> None:
    """All of it in one commit: whoever dies, the message goes over one of the accounts."""
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
    envelope = journal.envelope(conversation, event.at_ms)
    envelope.message_diverted.CopyFrom(outputs.diverted(event))
    envelope.actor = ACTOR
    journal.emit(envelope)
    detail = {
        "message_id": message.message_id,
        "account_id": message.account_id,
        "channel": message.channel,
        "reason": event.reason,
        "previous_account_id": event.delivery.instead_of,
        "previous_channel": event.before,
    }
    journal.change(conversation, "message_diverted", detail, event.at_ms, ACTOR)
    journal.deliver(after, message)
