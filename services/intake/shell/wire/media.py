"""What became of a customer's file, as the fetcher tells the threader."""

from __future__ import annotations

from switchboard.intake.v1 import commands_pb2

from services.intake.core.media import WantedMedia

ACTOR = "service/intake.media"


def stored(
    wanted: WantedMedia,
    *,
    reference: str,
    media_type: str,
    size_bytes: int,
    file_name: str,
    now_ms: int,
) -> commands_pb2.IntakeInput:
    """We have it."""
    said = _settled(wanted, now_ms)
    told = said.attachment_stored
    told.reference, told.media_type = reference, media_type
    told.size_bytes, told.file_name = size_bytes, file_name
    return said


def failed(wanted: WantedMedia, *, error: str, now_ms: int) -> commands_pb2.IntakeInput:
    """We cannot have it, and have given up."""
    said = _settled(wanted, now_ms)
    said.attachment_stored.error = error
    return said


def _settled(wanted: WantedMedia, now_ms: int) -> commands_pb2.IntakeInput:
    return commands_pb2.IntakeInput(
        tenant_id=wanted.tenant_id,
        occurred_at_ms=now_ms,
        received_at_ms=now_ms,
        actor=ACTOR,
        home_id=wanted.home_id,
        attachment_stored=commands_pb2.AttachmentStored(
            message_id=wanted.message_id,
            attachment_id=wanted.attachment.attachment_id,
            conversation_id=wanted.conversation_id,
        ),
    )
