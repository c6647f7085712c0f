"""Changes of windows, asked for once for all streams of a process, and only while there are any.

Windows carry revisions that rise in the order of commits, so all that has changed since any point
is one question to Postgres, on any replica, and nothing is lost between two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.rpc.errors import Unavailable
from services.insights.core.model import Window
from services.insights.shell.store import PostgresStore, Wanted

POLL_SECONDS: Final = 1.0
CHANGES_MAX: Final = 2_000
BEHIND_MAX: Final = 20_000

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Reader:
    """One stream's queue of changes; it is marked instead of growing past its bound."""

    wanted: Wanted
    changes: list[Window] = field(default_factory=list)
    overrun: bool = False
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, windows: Sequence[Window]) -> None:
        """Queue those of the windows that the stream wants."""
        mine = [window for window in windows if self.wanted.fits(window.key)]
        if len(self.changes) + len(mine) > BEHIND_MAX:
            self.overrun = True
        else:
            self.changes += mine
        if mine:
            self.filled.set()

    def drain(self) -> list[Window]:
        """All queued changes, the oldest first. Raises `Unavailable` for a stream too slow."""
        if self.overrun:
            raise Unavailable("too slow; go on from your resume token", retry_ms=1000)
        self.filled.clear()
        changes, self.changes = self.changes, []
        return changes


class Hub:
    """Asks for changes while anybody listens, and hands them to all."""

    name = "hub"

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._readers: set[Reader] = set()
        self._wake = asyncio.Event()
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._revision = 0

    def wake(self) -> None:
        """This process has saved something."""
        self._wake.set()

    @asynccontextmanager
    async def reader(self, wanted: Wanted) -> AsyncIterator[Reader]:
        """Every change that commits from now on. Raises `StoreUnavailable`."""
        async with self._starting:
            if self._task is None or self._task.done():
                self._revision = await self._store.revision()
                self._task = asyncio.create_task(self._follow(), name="insights hub")
            reader = Reader(wanted)
            self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    async def start(self) -> None:
        """Nothing runs before somebody listens."""

    async def stop(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self) -> None:
        while self._readers:
            try:
                windows = await self._store.changed(self._revision, limit=CHANGES_MAX)
            except StoreUnavailable as error:
                log.warning("hub_postponed", exc_info=error)
                windows = []
            if windows:
                self._revision = windows[-1].revision
                for reader in self._readers:
                    reader.offer(windows)
            if len(windows) < CHANGES_MAX:
                await self._pause()

    async def _pause(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
        except TimeoutError:
            return
