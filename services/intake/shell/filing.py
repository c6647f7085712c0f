"""Keeps what came along with messages, before anybody is told of them."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.blobs import digest_in, reference_of
from services.intake.core.model import Attachment
from services.intake.ports import BlobStore
from services.intake.shell.blobs.sniffing import media_type_of
from services.intake.shell.channels.arrivals import ATTACHMENTS_MAX, NAME_CHARACTERS_MAX
from services.intake.shell.channels.protocol import Arrived, File


class Filing:
    """Files become attachments whose content is ours; a repeat keeps nothing twice."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def filed(self, arrived: Arrived) -> Arrived:
        """The message with references to what is kept now. Raises `StoreUnavailable`."""
        if not arrived.files and not arrived.original:
            return arrived
        message = arrived.message
        begin = len(message.attachments)
        kept = [
            await self._attachment(file, f"{message.message_id}-{number}", message.tenant_id)
            for number, file in enumerate(arrived.files[: ATTACHMENTS_MAX - begin], start=begin)
        ]
        original = message.original_reference
        if arrived.original:
            original = await self._kept(message.tenant_id, arrived.original)
        return replace(
            arrived,
            message=replace(
                message,
                attachments=(*message.attachments, *kept),
                original_reference=original,
            ),
            files=(),
            original=b"",
        )

    async def content(self, tenant_id: str, attachment: Attachment) -> bytes | None:
        """The whole content of a file of ours; None where we have none. Raises
        `StoreUnavailable`.
        """
        digest = digest_in(attachment.reference)
        blob = await self._blobs.open(tenant_id, digest) if digest else None
        if blob is None:
            return None
        return b"".join([chunk async for chunk in blob.chunks])

    async def _attachment(self, file: File, attachment_id: str, tenant_id: str) -> Attachment:
        return Attachment(
            attachment_id=attachment_id,
            file_name=file.file_name[:NAME_CHARACTERS_MAX],
            media_type=media_type_of(file.content, file.media_type),
            size_bytes=len(file.content),
            reference=await self._kept(tenant_id, file.content),
        )

    async def _kept(self, tenant_id: str, content: bytes) -> str:
        return reference_of(await self._blobs.put(tenant_id, content))
