"""What becomes of the files that a customer's message names at its provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from services.intake.core.blobs import digest_in
from services.intake.core.commands import SettleMedia
from services.intake.core.events import AttachmentChanged, Event, MediaSettled
from services.intake.core.media import FILES_MAX, WantedMedia
from services.intake.core.model import Attachment, Conversation, Dossier, Kind, Message


def wanted(message: Message, conversation: Conversation, now_ms: int) -> Iterator[WantedMedia]:
    """The files of a message that shall be fetched: a customer's, that we do not have."""
    if message.kind is not Kind.INBOUND:
        return
    for file in message.attachments[:FILES_MAX]:
        if file.reference and digest_in(file.reference) is None:
            yield WantedMedia(
                tenant_id=conversation.tenant_id,
                home_id=conversation.home_id,
                account_id=message.account_id,
                conversation_id=conversation.conversation_id,
                message_id=message.message_id,
                attachment=file,
                wanted_at_ms=now_ms,
            )


def settle(dossier: Dossier, command: SettleMedia) -> tuple[Event, ...]:
    """The file is where it is now, or why it is nowhere. What we have is never taken away.

    The file is not wanted any more, whatever has become of its message meanwhile.
    """
    settled = MediaSettled(command.message_id, command.attachment_id)
    message = dossier.messages.get(command.message_id)
    if message is None or message.conversation_id not in dossier.conversations:
        return (settled,)
    files = tuple(_told(file, command) for file in message.attachments)
    changed = (
        after for before, after in zip(message.attachments, files, strict=True) if before != after
    )
    after = replace(message, attachments=files)
    return (*(AttachmentChanged(after, file) for file in changed), settled)


def _told(file: Attachment, command: SettleMedia) -> Attachment:
    if file.attachment_id != command.attachment_id or digest_in(file.reference) is not None:
        return file
    if command.error:
        return replace(file, error=command.error)
    return replace(
        file,
        file_name=file.file_name or command.file_name,
        media_type=command.media_type,
        size_bytes=command.size_bytes,
        reference=command.reference,
        error="",
    )
