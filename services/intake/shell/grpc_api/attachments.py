"""Files that agents send and read: in pieces, each held no longer than it takes to pass it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Final, Protocol

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import model_pb2

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Violation,
)
from services.intake.core.blobs import digest_in, reference_of
from services.intake.core.cards import masked
from services.intake.core.model import Attachment
from services.intake.ports import BlobStore
from services.intake.shell.blobs.sniffing import is_shown_inline, media_type_of
from services.intake.shell.wire import nouns

PIECE_BYTES: Final = 64 * 1024
UPLOADS_AT_ONCE_MAX: Final = 4
"""Files that agents send and that are held in memory at a time; the others wait for their turn."""
UPLOAD_SECONDS: Final = 120.0


class AttachmentReader(Protocol):
    """Where messages with their files are read."""

    async def attachment(
        self, tenant_id: str, message_id: str, attachment_id: str
    ) -> Attachment | None:
        """A file of a message of this tenant."""


class Attachments:
    """The part of ConversationService that is about files."""

    def __init__(self, *, store: AttachmentReader, blobs: BlobStore, bytes_max: int) -> None:
        self._store = store
        self._blobs = blobs
        self._bytes_max = bytes_max
        self._uploading = asyncio.Semaphore(UPLOADS_AT_ONCE_MAX)

    async def take(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest]
    ) -> pb.UploadAttachmentResponse:
        """Keep a file for the caller's tenant. A repeat is the same file."""
        async with self._uploading:
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    said, content = await self._collected(requests)
            except TimeoutError:
                raise DeadlineExceeded(f"a file may take {UPLOAD_SECONDS:.0f} s") from None
            digest = await self._blobs.put(caller().tenant_id, content)
        attachment = model_pb2.Attachment(
            attachment_id=digest[:32],
            file_name=masked(said.file_name),
            media_type=media_type_of(content, said.media_type),
            size_bytes=len(content),
            reference=reference_of(digest),
        )
        return pb.UploadAttachmentResponse(attachment=attachment)

    async def give(
        self, request: pb.DownloadAttachmentRequest
    ) -> AsyncGenerator[pb.DownloadAttachmentResponse, None]:
        """A file of a message, its description first."""
        tenant_id = caller().tenant_id
        found = await self._store.attachment(tenant_id, request.message_id, request.attachment_id)
        if found is None:
            raise NotFound("no such file", reason="ATTACHMENT_NOT_FOUND")
        digest = digest_in(found.reference)
        if digest is None:
            raise FailedPrecondition(
                "the file is still with its provider",
                reason="ATTACHMENT_NOT_STORED",
                metadata={"error": found.error},
            )
        blob = await self._blobs.open(tenant_id, digest)
        if blob is None:
            raise NotFound("the file's content is gone", reason="ATTACHMENT_CONTENT_GONE")
        header = pb.AttachmentHeader(
            attachment=nouns.attachment(found), shown_inline=is_shown_inline(found.media_type)
        )
        yield pb.DownloadAttachmentResponse(header=header)
        async with aclosing(_pieces(blob.chunks)) as pieces:
            async for piece in pieces:
                yield pb.DownloadAttachmentResponse(chunk=piece)

    async def named(
        self, attachments: Iterable[model_pb2.Attachment]
    ) -> list[model_pb2.Attachment]:
        """The files of an answer, as they are here: what a caller says of them is checked.

        Raises `InvalidArgument` for one that is not in the caller's store.
        """
        return [await self._named(number, item) for number, item in enumerate(attachments)]

    async def _named(self, number: int, item: model_pb2.Attachment) -> model_pb2.Attachment:
        digest = digest_in(item.reference)
        tenant_id = caller().tenant_id
        is_here = digest is not None and await self._blobs.hold(tenant_id, digest)
        blob = await self._blobs.open(tenant_id, digest) if digest and is_here else None
        if digest is None or blob is None:
            field, why = f"attachments[{number}].reference", "is no file that was uploaded"
            raise InvalidArgument(f"{field} {why}", violations=[Violation(field, why)])
        head = await anext(blob.chunks, b"")
        return model_pb2.Attachment(
            attachment_id=f"{digest[:32]}-{number}",
            file_name=masked(item.file_name),
            media_type=media_type_of(head, item.media_type),
            size_bytes=blob.size_bytes,
            reference=item.reference,
        )

    async def _collected(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest]
    ) -> tuple[pb.AttachmentDescription, bytes]:
        first = await anext(requests, None)
        if first is None or not first.HasField("description"):
            raise InvalidArgument("description comes first", violations=[_FIRST])
        content = bytearray()
        async for request in requests:
            if request.HasField("description"):
                raise InvalidArgument("description comes once", violations=[_FIRST])
            content += request.chunk
            if len(content) > self._bytes_max:
                raise ResourceExhausted(
                    f"a file has at most {self._bytes_max} bytes", reason="ATTACHMENT_TOO_LARGE"
                )
        if not content:
            raise InvalidArgument("the file is empty", violations=[Violation("chunk", "missing")])
        return first.description, bytes(content)


_FIRST: Final = Violation("description", "is the first message, and no other")


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        for begin in range(0, len(chunk), PIECE_BYTES):
            yield chunk[begin : begin + PIECE_BYTES]
