"""The component that counts: runs the Faust app, flushes what it took, and watches over it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import NotReady
from faust.types import TP

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.bus.faust_transport import FaustLog
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.insights.core.model import Place
from services.insights.handlers import Folding
from services.insights.metrics import Metrics
from services.insights.shell.feed import KafkaFeed
from services.insights.shell.store import PostgresStore
from services.insights.shell.stream import Inbox

CHECK: Final = "windows"
RETRY_SECONDS: Final = 1.0
UNREADY_AFTER_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 1.0
LAG_SECONDS: Final = 10.0
STUCK_SECONDS: Final = 60.0
GATHER_BYTES: Final = 64 * 1024
GATHER_MS_MAX: Final = 250
"""KPIs may be so late: a fetch for each event would cost more than the events."""

log = structlog.get_logger(__name__)


class ConsumerLog:
    """What is asked of the topics, asked through the consumer of an app."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def starts(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The first offset that each place still has. Raises `BusUnavailable`."""
        return await self._asked(places, self._app.consumer.earliest_offsets)

    async def ends(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The next offset of each place. Raises `BusUnavailable`."""
        return await self._asked(places, self._app.consumer.highwaters)

    async def rewind(self, place: Place, offset: int) -> None:
        """Read on from `offset`. Raises `BusUnavailable`."""
        log.warning("reads_again", topic=place.topic, partition=place.shard, offset=offset)
        with _translated():
            await self._app.consumer.seek(TP(place.topic, place.shard), offset)

    async def _asked(self, places: Iterable[Place], question: Any) -> Mapping[Place, int]:
        asked = {TP(place.topic, place.shard): place for place in places}
        with _translated():
            found: Mapping[Any, int] = await question(*asked)
        return {asked[TP(*tp)]: offset for tp, offset in found.items()}


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, NotReady) as error:
        raise BusUnavailable(type(error).__name__) from error


Assembly = tuple[faust.App, Folding, Inbox]


class Counting:
    """Runs from start to stop; what fails for good ends the process."""

    name = "counting"

    def __init__(
        self,
        *,
        store: PostgresStore,
        assemble: Callable[[int], Assembly],
        feed: KafkaFeed,
        flush_seconds: float,
        health: Health,
        background: Background,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._assemble = assemble
        self._feed = feed
        self._flush_seconds = flush_seconds
        self._health = health
        self._background = background
        self._metrics = metrics
        self._flushing = asyncio.Lock()
        self._failing_since: float | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.saved: list[Callable[[], None]] = []
        health.failing(CHECK, "has not joined its group")

    async def start(self) -> None:
        """Join the group; the working copy is read back before the first record is taken."""
        await self._feed.start()
        self._app, self._folding, self._inbox = self._assemble(await self._store.join())
        self._log = ConsumerLog(self._app)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.on_partitions_assigned.connect(self._revoked)
        self._tasks = [
            self._background.spawn(self._flush_by_and_by(), name="insights flush"),
            self._background.spawn(self._watch(), name="insights watchdog"),
        ]
        await self._app.start()
        FaustLog(self._app).gather(bytes_min=GATHER_BYTES, wait_ms_max=GATHER_MS_MAX)

    async def stop(self) -> None:
        """Save what was taken, let Faust commit it, leave the group."""
        for task in self._tasks:
            task.cancel()
        await self.flush()
        await self._app.stop()

    async def flush(self) -> None:
        """Save and acknowledge what was taken; where something is away, leave it for later."""
        async with self._flushing:
            began = time.perf_counter()
            try:
                letters = list(self._inbox.letters)
                await self._feed.set_aside(letters)
                del self._inbox.letters[: len(letters)]
                flushed = await self._folding.flush()
            except (BusUnavailable, StoreUnavailable) as error:
                self._failed(error)
                return
            self._inbox.acknowledge(flushed.records)
            self._failing_since = None
            self._metrics.windows.inc(len(flushed.windows))
            self._metrics.flush.observe(time.perf_counter() - began)
        for listener in self.saved:
            listener()

    async def _flush_by_and_by(self) -> None:
        while True:
            await self._inbox.filled.wait()
            await asyncio.sleep(self._flush_seconds)
            await self.flush()
            if self._failing_since is not None:
                await asyncio.sleep(RETRY_SECONDS)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """Partitions move: give up what is not saved, after the save under way has ended."""
        self._health.failing(CHECK, "its group is being balanced")
        async with self._flushing:
            self._folding.forget()
            self._inbox.clear()

    async def _watch(self) -> None:
        """Say whether it counts, and end the process where Faust has died in silence."""
        progress, faust_log = _Progress(), FaustLog(self._app)
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if faust_log.is_dead():
                raise RuntimeError("Faust no longer consumes")
            if not self._app.started or self._app.rebalancing:
                continue
            self._report()
            if progress.is_due():
                taken = dict(self._inbox.next_offsets)
                lag = await self._lag(taken)
                self._metrics.lag.set(lag)
                progress.note(lag, sum(taken.values()), excused=self._failing_since is not None)

    async def _lag(self, taken: Mapping[Place, int]) -> int:
        try:
            ends = await self._log.ends(taken)
        except BusUnavailable:
            return 0
        return sum(max(0, ends[place] - offset) for place, offset in taken.items())

    def _report(self) -> None:
        since = self._failing_since
        if since is None:
            self._health.passing(CHECK)
        elif time.monotonic() - since > UNREADY_AFTER_SECONDS:
            self._health.failing(CHECK, "cannot save")

    def _failed(self, error: Exception) -> None:
        log.warning("flush_postponed", exc_info=error)
        if self._failing_since is None:
            self._failing_since = time.monotonic()


class _Progress:
    """Notices a consumer that fetches no more although records wait."""

    def __init__(self) -> None:
        self._asked_at = self._moved_at = time.monotonic()
        self._seen = -1

    def is_due(self) -> bool:
        """Whether it is time to ask the brokers again."""
        if time.monotonic() - self._asked_at < LAG_SECONDS:
            return False
        self._asked_at = time.monotonic()
        return True

    def note(self, lag: int, taken: int, *, excused: bool) -> None:
        """Raise RuntimeError once `lag` records have waited for long and none was taken."""
        if lag == 0 or taken != self._seen or excused:
            self._moved_at, self._seen = time.monotonic(), taken
        elif time.monotonic() - self._moved_at > STUCK_SECONDS:
            raise RuntimeError(f"{lag} records wait, and none is taken")
