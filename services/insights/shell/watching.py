"""WatchKpis: the windows of the last hour, then every one that changes, on any replica.

The resume token is the revision up to which a stream has been told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Final

from switchboard.insights.v1 import insights_service_pb2 as pb

from services.chassis.clock import Clock
from services.chassis.rpc.errors import InvalidArgument, Violation
from services.insights.core.fold import WINDOW_MS, total
from services.insights.core.formulas import Indicator, indicators
from services.insights.core.model import Window, WindowKey
from services.insights.metrics import Metrics
from services.insights.shell.hub import CHANGES_MAX, Hub
from services.insights.shell.store import PostgresStore, Wanted
from services.insights.shell.wire import indicator_messages, window_message

HEARTBEAT_SECONDS: Final = 15.0
SNAPSHOT_MAX: Final = 5_000
HOUR_MS: Final = 60 * WINDOW_MS


class KpiWatch:
    """Streams of one process."""

    def __init__(
        self,
        hub: Hub,
        store: PostgresStore,
        *,
        clock: Clock,
        metrics: Metrics,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._hub = hub
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._heartbeat_seconds = heartbeat_seconds

    async def stream(
        self, *, tenant_id: str, pool: str, channel: str, resume_token: str
    ) -> AsyncIterator[pb.WatchKpisResponse]:
        """Snapshot or what was missed, changes, heartbeats.

        Raises `InvalidArgument` for a token that is not ours, `Unavailable` for a reader that is
        too slow: it goes on from its token.
        """
        point = self._point(resume_token)
        wanted = Wanted(tenant_id=tenant_id, pool=pool, channel=channel)
        async with self._hub.reader(wanted) as reader:
            with self._metrics.watchers.track_inprogress():
                board = _Board(self._clock, self._store.generation)
                board.revision = await self._store.revision()
                hour_ago_ms = self._clock.now_ms() - HOUR_MS
                recent = replace(wanted, from_ms=hour_ago_ms)
                known = await self._store.windows(recent, limit=SNAPSHOT_MAX)
                if point is None:
                    yield board.snapshot(known)
                else:
                    for response in await self._missed(board, wanted, known, point):
                        yield response
                while True:
                    try:
                        await asyncio.wait_for(reader.filled.wait(), self._heartbeat_seconds)
                    except TimeoutError:
                        yield board.heartbeat()
                    for response in board.changed(reader.drain()):
                        yield response

    async def _missed(
        self, board: _Board, wanted: Wanted, known: Iterable[Window], point: int
    ) -> list[pb.WatchKpisResponse]:
        """What has changed since the point."""
        missed: list[Window] = []
        while more := await self._store.changed(point, limit=CHANGES_MAX):
            missed += [window for window in more if wanted.fits(window.key)]
            point = more[-1].revision
        responses = board.changed(missed)
        board.load(known)
        return [*responses, board.heartbeat()]

    def _point(self, token: str) -> int | None:
        """The revision a token stands for; None for no token, and for one from before a rebuild."""
        if not token:
            return None
        generation, _, revision = token.partition(".")
        if not (generation.isdecimal() and revision.isdecimal()):
            description = "the resume token cannot be read; watch without a token"
            raise InvalidArgument(description, violations=[Violation("resume_token", description)])
        return int(revision) if int(generation) == self._store.generation else None


class _Board:
    """What one stream has been told: windows of the last hour, and the indicators over them."""

    def __init__(self, clock: Clock, generation: int) -> None:
        self._clock = clock
        self._generation = generation
        self._windows: dict[WindowKey, Window] = {}
        self._told: tuple[Indicator, ...] = ()
        self.revision = 0

    def load(self, windows: Iterable[Window]) -> None:
        """Know windows without telling of them."""
        self._windows |= {window.key: window for window in windows}

    def snapshot(self, windows: Iterable[Window]) -> pb.WatchKpisResponse:
        """All windows at once."""
        self.load(windows)
        response = pb.WatchKpisResponse(replace=True)
        response.snapshot.windows.extend(window_message(window) for window in windows)
        response.snapshot.complete = True
        return self._finished(response)

    def changed(self, windows: Iterable[Window]) -> list[pb.WatchKpisResponse]:
        """One response a window, by rising revision; what is known already is left out."""
        responses = []
        for window in windows:
            known = self._windows.get(window.key)
            if known is None or window.revision > known.revision:
                self._windows[window.key] = window
                self.revision = max(self.revision, window.revision)
                response = pb.WatchKpisResponse(change=window_message(window))
                response.resume_token = self._token(window.revision)
                responses.append(response)
        if responses:
            self._finished(responses[-1])
        return responses

    def heartbeat(self) -> pb.WatchKpisResponse:
        """Nothing has changed, except perhaps which windows are of the last hour."""
        now = pb.KpisHeartbeat(now_ms=self._clock.now_ms())
        return self._finished(pb.WatchKpisResponse(heartbeat=now))

    def _finished(self, response: pb.WatchKpisResponse) -> pb.WatchKpisResponse:
        """With the indicators, where they have changed, and the token of all told so far."""
        response.indicators.extend(indicator_messages(self._news()))
        response.resume_token = self._token(self.revision)
        return response

    def _token(self, revision: int) -> str:
        return f"{self._generation}.{revision}"

    def _news(self) -> tuple[Indicator, ...]:
        since = self._clock.now_ms() - HOUR_MS
        self._windows = {key: w for key, w in self._windows.items() if key.start_ms >= since}
        found = indicators(total(window.counts for window in self._windows.values()))
        if found == self._told:
            return ()
        self._told = found
        return found
