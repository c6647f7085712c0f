"""Windows are deleted when they are old."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.lifecycle import Background
from services.insights.shell.store import PostgresStore

HOUR_SECONDS: Final = 3600.0
DAY_MS: Final = 86_400_000

log = structlog.get_logger(__name__)


class Keeping:
    """Prunes once at start and then by the hour; safe in any number of processes."""

    name = "keeping"

    def __init__(
        self, store: PostgresStore, *, days: int, clock: Clock, background: Background
    ) -> None:
        self._store = store
        self._days = days
        self._clock = clock
        self._background = background
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = self._background.spawn(self._run(), name="insights keeping")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            before_ms = self._clock.now_ms() - self._days * DAY_MS
            try:
                await self._prune(before_ms)
            except StoreUnavailable as error:
                log.warning("pruning_postponed", exc_info=error)
            await asyncio.sleep(HOUR_SECONDS)

    async def _prune(self, before_ms: int) -> None:
        while gone := await self._store.prune(before_ms):
            log.info("windows_pruned", count=gone)
