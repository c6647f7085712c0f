"""Files that visitors send: kept before they are told so, and named by a message afterwards.

A file comes in pieces, each in a request of its own, so that a slow line gets through, a piece that
is lost is all that is sent again, and nobody holds more than a piece in memory while it comes in.
Every piece is kept like a file, by its content. What there is so far, and in the end the file, is
sealed into a token that this visitor alone can use: whoever knows the digest of a file has nothing.
Nothing else is stored of an upload, so any process goes on with it, and what no message names is
swept (`shell/blobs/sweeping.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from services.intake.core.blobs import digest_in, reference_of
from services.intake.core.model import Attachment
from services.intake.ports import BlobStore
from services.intake.shell.blobs.sniffing import media_type_of
from services.intake.shell.chat.kinds import is_taken
from services.intake.shell.chat.sealing import Seal

PIECE_BYTES: Final = 1 << 20
FILE_BYTES_MAX: Final = 25 * PIECE_BYTES  # what is so far has to fit into a header
FILES_MAX: Final = 10
"""Of one message."""
JOINED_AT_ONCE_MAX: Final = 2
"""Files that are put together in memory at a time; the others wait for their turn."""


class Why(StrEnum):
    """Why a file is not taken."""

    EMPTY = "the file is empty"
    TOO_LARGE = "the file is too large"
    KIND = "files of this kind are not taken"
    PIECE = f"every piece but the last has {PIECE_BYTES} bytes"
    GONE = "the file is not kept any more: send it again"


class NotTaken(Exception):
    """A file that will not be taken like this."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Owner:
    """Who sends a file. Nobody else can name it."""

    tenant_id: str
    account_id: str
    visitor_id: str

    @property
    def name(self) -> str:
        """What their tokens are sealed for."""
        return f"{self.account_id}\0{self.visitor_id}"


@dataclass(frozen=True, slots=True)
class _SoFar:
    size_bytes: int = 0
    digests: tuple[str, ...] = ()


class Uploads:
    """Keeps visitors' files. All may raise `StoreUnavailable`, and `BadToken` for a token."""

    def __init__(self, blobs: BlobStore, account_keys: Sequence[bytes], *, bytes_max: int) -> None:
        self.bytes_max = min(bytes_max, FILE_BYTES_MAX)
        self._blobs = blobs
        self._begun = Seal(account_keys, b"switchboard chat upload")
        self._kept = Seal(account_keys, b"switchboard chat file")
        self._joining = asyncio.Semaphore(JOINED_AT_ONCE_MAX)

    async def go_on(self, owner: Owner, token: str, piece: bytes) -> str:
        """Keep a piece that another one follows; gives the token of all so far.

        `token` is that of the pieces before; empty for the first. Raises `NotTaken`.
        """
        before = self._before(owner, token)
        if len(piece) != PIECE_BYTES:
            raise NotTaken(Why.PIECE)
        size_bytes = before.size_bytes + PIECE_BYTES
        if size_bytes >= self.bytes_max:
            raise NotTaken(Why.TOO_LARGE)
        digest = await self._blobs.put(owner.tenant_id, piece)
        said = orjson.dumps([size_bytes, [*before.digests, digest]]).decode()
        return self._begun.seal(said, belongs_to=owner.name)

    async def finish(
        self, owner: Owner, token: str, piece: bytes, *, file_name: str, claimed: str
    ) -> Attachment:
        """Keep the file that ends with `piece`; its `attachment_id` is its message's to give.

        A repeat is the same file. Raises `NotTaken`.
        """
        before = self._before(owner, token)
        size_bytes = before.size_bytes + len(piece)
        if size_bytes > self.bytes_max:
            raise NotTaken(Why.TOO_LARGE)
        if not size_bytes:
            raise NotTaken(Why.EMPTY)
        async with self._joining:
            content = piece
            if before.digests:
                content = await self._joined(owner.tenant_id, before.digests, piece)
            media_type = media_type_of(content, claimed)
            if not is_taken(media_type, file_name):
                raise NotTaken(Why.KIND)
            digest = await self._blobs.put(owner.tenant_id, content)
        return Attachment("", file_name, media_type, size_bytes, reference_of(digest))

    def token(self, owner: Owner, file: Attachment) -> str:
        """What the owner names a kept file by."""
        said = [file.file_name, file.media_type, file.size_bytes, file.reference]
        return self._kept.seal(orjson.dumps(said).decode(), belongs_to=owner.name)

    async def named(self, owner: Owner, token: str) -> Attachment:
        """The file of a token, kept for as long as it takes to publish who names it.

        Raises `NotTaken` where it has been swept.
        """
        said = orjson.loads(self._kept.open(token, belongs_to=owner.name))
        file = Attachment("", *said)
        digest = digest_in(file.reference)
        if digest is None or not await self._blobs.hold(owner.tenant_id, digest):
            raise NotTaken(Why.GONE)
        return file

    def _before(self, owner: Owner, token: str) -> _SoFar:
        if not token:
            return _SoFar()
        size_bytes, digests = orjson.loads(self._begun.open(token, belongs_to=owner.name))
        return _SoFar(size_bytes, tuple(digests))

    async def _joined(self, tenant_id: str, digests: Sequence[str], last: bytes) -> bytes:
        content = bytearray()
        for digest in digests:
            blob = await self._blobs.open(tenant_id, digest)
            if blob is None:
                raise NotTaken(Why.GONE)
            async for chunk in blob.chunks:
                content += chunk
        content += last
        return bytes(content)
