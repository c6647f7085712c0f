"""Which files there are, wherever their content is: what the sweep goes by."""

from __future__ import annotations

from typing import Final

from services.chassis.bus.postgres_store import translated
from services.chassis.clock import Clock
from services.chassis.postgres.pool import Postgres


class BlobLedger:
    """The `blob` table, for a store that keeps content elsewhere."""

    def __init__(self, postgres: Postgres, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock

    async def note(self, tenant_id: str, digest: str, size_bytes: int) -> None:
        """A file is about to be put, or named: it is not swept for a day. Raises
        `StoreUnavailable`, also while a sweep is just forgetting it.
        """
        async with translated():
            await self._postgres.pool.execute(
                NOTE, tenant_id, digest, size_bytes, self._clock.now_ms()
            )


NOTE: Final = """
INSERT INTO blob (tenant_id, digest, size_bytes, put_at_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, digest) DO UPDATE SET put_at_ms = excluded.put_at_ms
RETURNING xmax = 0"""
"""Gives whether it is new; on conflict the row is locked, so `xmax` is not 0."""
