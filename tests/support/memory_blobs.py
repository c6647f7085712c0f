"""A `BlobStore` in a dictionary; it passes the suite of the real ones (tests/contract)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.blobs import digest_of
from services.intake.ports import Blob

CHUNK_BYTES = 1000


@dataclass
class MemoryBlobs:
    """Files by tenant and digest. `away`: it is not there for so many calls."""

    held: dict[tuple[str, str], bytes] = field(default_factory=dict)
    away: int = 0

    async def put(self, tenant_id: str, content: bytes) -> str:
        """Keep a file."""
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        digest = digest_of(content)
        self.held.setdefault((tenant_id, digest), content)
        return digest

    async def hold(self, tenant_id: str, digest: str) -> bool:
        """Whether there is such a file."""
        return (tenant_id, digest) in self.held

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        """A file, in small chunks."""
        content = self.held.get((tenant_id, digest))
        return None if content is None else Blob(len(content), _chunks(content))

    async def delete(self, tenant_id: str, digest: str) -> None:
        """Forget a file."""
        self.held.pop((tenant_id, digest), None)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]
