"""Forgets files that no message names: of the erased, of what was taken back, of no answer sent.

A file is named by the message that has it, or for a while as a mail that became no message. One
that has been put or held within a day is left alone: whoever put it is about to name it.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import structlog

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.postgres_store import LOAD_SECONDS, translated
from services.chassis.clock import Clock
from services.chassis.lifecycle import Background
from services.chassis.postgres.pool import Postgres
from services.intake.metrics import MediaMetrics

EVERY_SECONDS: Final = 3600.0
UNNAMED_MS: Final = 24 * 3_600_000
PARKED_MS: Final = 30 * 24 * 3_600_000
PAGE: Final = 200

log = structlog.get_logger(__name__)


class Objects(Protocol):
    """Content that is kept outside of Postgres."""

    async def delete(self, tenant_id: str, digest: str) -> None:
        """Delete it, if it is there. Raises `StoreUnavailable`."""


class BlobSweeper:
    """A component: once an hour, all tenants' files. Several processes may do the same at once."""

    name = "blob sweeper"

    def __init__(
        self,
        postgres: Postgres,
        *,
        objects: Objects | None,
        clock: Clock,
        metrics: MediaMetrics,
        background: Background,
    ) -> None:
        """`objects`: where the content is; None where the row's deletion deletes it, too."""
        self._postgres = postgres
        self._objects = objects
        self._clock = clock
        self._metrics = metrics
        self._background = background
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; the first sweep is an hour off."""
        self._sweeping = self._background.spawn(self._run(), name="blob sweep")

    async def stop(self) -> None:
        """Leave the rest to the next sweep."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def sweep(self) -> int:
        """Forget what is not named; gives how many files. Raises `StoreUnavailable`."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - UNNAMED_MS
        place, forgotten = ("", ""), 0
        while True:
            async with translated():
                page = await self._postgres.pool.fetch(
                    _UNNAMED, *place, before_ms, PAGE, now_ms - PARKED_MS, timeout=LOAD_SECONDS
                )
            for row in page:
                forgotten += await self._forget(row["tenant_id"], row["digest"], before_ms)
            if len(page) < PAGE:
                return forgotten
            place = (page[-1]["tenant_id"], page[-1]["digest"])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                forgotten = await self.sweep()
            except StoreUnavailable:
                log.warning("blob_sweep_put_off")
            else:
                self._metrics.forgotten.inc(forgotten)

    async def _forget(self, tenant_id: str, digest: str, before_ms: int) -> bool:
        """Row and content. Whoever puts the same file meanwhile waits for the row, and is new."""
        async with (
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(),
        ):
            gone = await connection.fetchval(_FORGET, tenant_id, digest, before_ms)
            if gone and self._objects is not None:
                await self._objects.delete(tenant_id, digest)
        return bool(gone)


_UNNAMED: Final = """
SELECT tenant_id, digest FROM blob
WHERE (tenant_id, digest) > ($1, $2) AND put_at_ms < $3 AND NOT EXISTS (
    SELECT FROM message WHERE message.attachments <> '[]' AND message.attachments
        @> jsonb_build_array(jsonb_build_object('reference', 'blob:' || blob.digest))
    AND message.tenant_id = blob.tenant_id
) AND NOT EXISTS (
    SELECT FROM message WHERE message.original_reference <> ''
    AND message.original_reference = 'blob:' || blob.digest
    AND message.tenant_id = blob.tenant_id
) AND NOT EXISTS (
    SELECT FROM parked_mail WHERE parked_mail.tenant_id = blob.tenant_id
    AND parked_mail.digest = blob.digest AND parked_mail.parked_at_ms > $5
)
ORDER BY tenant_id, digest LIMIT $4"""
_FORGET: Final = """
DELETE FROM blob WHERE tenant_id = $1 AND digest = $2 AND put_at_ms < $3 RETURNING true"""
