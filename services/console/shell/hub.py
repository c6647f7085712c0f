"""Boards: one a tenant and domain, made when the first browser looks, shared by all that do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from services.chassis.clock import Clock
from services.chassis.lifecycle import Background
from services.console.core.board import Board
from services.console.core.model import View
from services.console.metrics import Metrics
from services.console.shell.tokens import Tokens
from services.console.shell.upstreams import Channels, follow, upstreams

LINGER_SECONDS: Final = 10.0
"""How long a board is kept after the last browser left: a reload finds it still there."""


class Hub:
    """One board, its watches, and those who wait for it to change."""

    def __init__(self, *, clock: Clock) -> None:
        self.board = Board(clock.now_ms())
        self.tokens = Tokens()
        self.browsers = 0
        self.tasks: list[asyncio.Task[None]] = []
        self._clock = clock
        self._changed = asyncio.Event()
        self._views: dict[tuple[frozenset[str], int], View] = {}
        self._viewed = -1

    def told(self) -> None:
        """A watch has told something: wake all who wait."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changes(self, after: int, seconds: float) -> None:
        """Return once the board has moved past a version, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while self.board.version <= after:
                    await self._changed.wait()
        except TimeoutError:
            return

    def view(self, pools: frozenset[str]) -> View:
        """The board as it is now; made once for all browsers that ask for the same pools."""
        now_ms = self._clock.now_ms()
        if self._viewed != self.board.version:
            self._views.clear()
            self._viewed = self.board.version
        key = pools, now_ms // 60_000
        if key not in self._views:
            self._views[key] = self.board.view(now_ms, pools)
        return self._views[key]


class Hubs:
    """The boards of one process."""

    name = "boards"

    def __init__(
        self, channels: Channels, *, clock: Clock, background: Background, metrics: Metrics
    ) -> None:
        self._channels = channels
        self._clock = clock
        self._background = background
        self._metrics = metrics
        self._hubs: dict[tuple[str, str], Hub] = {}

    @asynccontextmanager
    async def looking(self, tenant_id: str, domain: str, token: str) -> AsyncIterator[Hub]:
        """The board of a tenant's domain, for one browser."""
        key = tenant_id, domain
        hub = self._hubs.get(key) or self._open(key)
        hub.tokens.add(token)
        hub.browsers += 1
        try:
            with self._metrics.browsers.track_inprogress():
                yield hub
        finally:
            hub.browsers -= 1
            hub.tokens.remove(token)
            if not hub.browsers:
                loop = asyncio.get_running_loop()
                loop.call_later(LINGER_SECONDS, self._close, key, hub)

    async def start(self) -> None:
        """Nothing runs before somebody looks."""

    async def stop(self) -> None:
        """Give up all boards."""
        for key, hub in list(self._hubs.items()):
            hub.browsers = 0
            self._close(key, hub)

    def _open(self, key: tuple[str, str]) -> Hub:
        hub = self._hubs[key] = Hub(clock=self._clock)
        now_ms: Callable[[], int] = self._clock.now_ms
        for upstream in upstreams(self._channels, hub.board, key[1]):
            work = follow(
                upstream,
                board=hub.board,
                tokens=hub.tokens,
                told=hub.told,
                now_ms=now_ms,
                metrics=self._metrics,
            )
            hub.tasks.append(self._background.spawn(work, name=f"console {upstream.name}"))
        self._metrics.boards.set(len(self._hubs))
        return hub

    def _close(self, key: tuple[str, str], hub: Hub) -> None:
        if hub.browsers or self._hubs.get(key) is not hub:
            return
        del self._hubs[key]
        for task in hub.tasks:
            task.cancel()
        self._metrics.boards.set(len(self._hubs))
