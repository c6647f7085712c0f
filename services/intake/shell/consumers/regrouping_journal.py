"""What a merge, its end, or a split leaves behind: both conversations tell of it."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.events import (
    ConversationsMerged,
    ConversationSplit,
    ConversationUnmerged,
)
from services.intake.core.model import Dossier
from services.intake.shell import rows
from services.intake.shell.consumers.journal import Journal
from services.intake.shell.wire import outputs


def record_merge(
    journal: Journal, after: Dossier, event: ConversationsMerged | ConversationUnmerged
) -> None:
    """On both, so that readers of either know."""
    target_id, source_id = event.target.conversation_id, event.source.conversation_id
    detail = {"target": target_id, "source": source_id}
    for conversation in (after.conversations[target_id], after.conversations[source_id]):
        journal.put_conversation(conversation)
        envelope = journal.envelope(conversation, event.at_ms)
        if isinstance(event, ConversationsMerged):
            envelope.merged.CopyFrom(outputs.merged(event))
        else:
            envelope.unmerged.CopyFrom(outputs.unmerged(event))
        journal.emit(envelope)
        kind = envelope.WhichOneof("kind") or ""
        journal.change(conversation, kind, detail, event.at_ms, event.actor)


def record_split(journal: Journal, after: Dossier, event: ConversationSplit) -> None:
    """The new conversation has begun, then both have been split, then it has its messages."""
    origin = after.conversations[event.origin.conversation_id]
    part = after.conversations[event.part.conversation_id]
    begun = replace(part, sequence=1)
    envelope = journal.envelope(begun, event.at_ms)
    envelope.opened.CopyFrom(outputs.split_off(part, after.customer))
    journal.emit(envelope)
    opening = {"reason": "split", "follows_id": ""}
    journal.change(begun, "opened", opening, event.at_ms, event.actor)
    said = outputs.conversation_split(event)
    detail = {
        "from": said.from_conversation_id,
        "new": said.new_conversation_id,
        "message_ids": list(said.message_ids),
    }
    for conversation in (origin, replace(part, sequence=2)):
        envelope = journal.envelope(conversation, event.at_ms)
        envelope.conversation_split.CopyFrom(said)
        journal.emit(envelope)
        journal.change(conversation, "conversation_split", detail, event.at_ms, event.actor)
    journal.put_conversation(origin)
    journal.put_conversation(part)
    for sequence, message in enumerate(event.messages, start=3):
        row = rows.message_row(
            message, tenant_id=part.tenant_id, sequence=sequence, placement=event.placement
        )
        journal.put("message", row)
