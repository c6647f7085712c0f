"""Files in Postgres: nothing else to run, and one backup of all. S3 is cheaper for many of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.postgres_store import translated
from services.chassis.clock import Clock
from services.chassis.postgres.pool import Postgres
from services.intake.core.blobs import digest_of
from services.intake.ports import Blob
from services.intake.shell.blobs.ledger import NOTE

CHUNK_BYTES: Final = 1 << 20
"""A statement moves so much: small enough to end in time while others write too."""


class PostgresBlobs:
    """A `BlobStore`. One put at a time holds a connection: the others are for messages."""

    def __init__(self, postgres: Postgres, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock
        self._putting = asyncio.Semaphore(1)

    async def put(self, tenant_id: str, content: bytes) -> str:
        """Keep a file, whole or not at all."""
        digest = await asyncio.to_thread(digest_of, content)
        async with (
            self._putting,
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(),
        ):
            fresh = await connection.fetchval(
                NOTE, tenant_id, digest, len(content), self._clock.now_ms()
            )
            for number in range(_count(len(content)) if fresh else 0):
                begin = number * CHUNK_BYTES
                chunk = content[begin : begin + CHUNK_BYTES]
                await connection.execute(_ADD_CHUNK, tenant_id, digest, number, chunk)
        return digest

    async def hold(self, tenant_id: str, digest: str) -> bool:
        """Keep a file for a day from now."""
        async with translated():
            held = await self._postgres.pool.fetchval(
                _HOLD, tenant_id, digest, self._clock.now_ms()
            )
        return held is not None

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        """A file, its chunks read one by one."""
        async with translated():
            size = await self._postgres.pool.fetchval(_SIZE, tenant_id, digest)
        return None if size is None else Blob(size, self._chunks(tenant_id, digest, size))

    async def delete(self, tenant_id: str, digest: str) -> None:
        """Forget a file with its chunks."""
        async with translated():
            await self._postgres.pool.execute(_DELETE, tenant_id, digest)

    async def _chunks(self, tenant_id: str, digest: str, size: int) -> AsyncIterator[bytes]:
        for number in range(_count(size)):
            async with translated():
                chunk = await self._postgres.pool.fetchval(_CHUNK, tenant_id, digest, number)
            if chunk is None:
                raise StoreUnavailable("a file was deleted while it was read")
            yield chunk


def _count(size: int) -> int:
    return -(-size // CHUNK_BYTES)


_HOLD = "UPDATE blob SET put_at_ms = $3 WHERE tenant_id = $1 AND digest = $2 RETURNING true"
_ADD_CHUNK = "INSERT INTO blob_chunk (tenant_id, digest, number, content) VALUES ($1, $2, $3, $4)"
_SIZE = "SELECT size_bytes FROM blob WHERE tenant_id = $1 AND digest = $2"
_CHUNK = "SELECT content FROM blob_chunk WHERE tenant_id = $1 AND digest = $2 AND number = $3"
_DELETE = "DELETE FROM blob WHERE tenant_id = $1 AND digest = $2"
