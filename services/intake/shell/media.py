"""Fetches the files that messages name at their provider, keeps them, and tells the threader.

Which files are wanted is written down with the message; so what a process leaves behind is taken up
by the next owner of the shard. A fetch is a GET, and what it found is told by message and
attachment: fetching twice changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.lifecycle import Background
from services.intake.core.account import Account
from services.intake.core.blobs import reference_of
from services.intake.core.media import WantedMedia
from services.intake.metrics import MediaMetrics
from services.intake.ports import BlobStore
from services.intake.shell.accounts import AccountBook
from services.intake.shell.blobs.sniffing import media_type_of
from services.intake.shell.channels.protocol import MediaSource
from services.intake.shell.consumers.wanting import MediaWanted
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable
from services.intake.shell.media_queue import Errand, MediaQueue
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import media as wire

AT_ONCE_MAX: Final = 6
"""Files that are held in memory at a time."""
PER_ACCOUNT_MAX: Final = 3
RETRY_FIRST_SECONDS: Final = 2.0
RETRY_SECONDS_MAX: Final = 900.0
RETRY_AFTER_SECONDS_MAX: Final = 3600.0
GIVE_UP_MS: Final = 24 * 3_600_000
REPORT_RETRY_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


class Bus(Protocol):
    """Where word of a file goes."""

    async def publish(self, topic: str, key: str, message: Message) -> None:
        """Return once all replicas have it; raises `BusUnavailable`."""


class Getter(Protocol):
    """The client that sources fetch with."""

    async def start(self) -> None:
        """Open it."""

    async def stop(self) -> None:
        """Close it."""


class MediaFetcher:
    """A component: hears of wanted files, fetches, keeps, reports."""

    name = "media"

    def __init__(
        self,
        *,
        accounts: AccountBook,
        getter: Getter,
        sources: Mapping[str, MediaSource],
        blobs: BlobStore,
        bus: Bus,
        clock: Clock,
        metrics: MediaMetrics,
        background: Background,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sources`: by provider, where its files are; they fetch with `getter`."""
        self._accounts = accounts
        self._getter = getter
        self._sources = sources
        self._blobs = blobs
        self._bus = bus
        self._clock = clock
        self._metrics = metrics
        self._background = background
        self._monotonic = monotonic
        self._queue = MediaQueue(at_once=AT_ONCE_MAX, per_account=PER_ACCOUNT_MAX)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, fact: object) -> None:
        """An engine's listener: a message that names a file was just committed."""
        if isinstance(fact, MediaWanted):
            self.adopt([fact.wanted])

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        """Files that were wanted before this process had their shard, or are since now."""
        self._queue.add(wanted, self._monotonic())
        self._metrics.waiting.set(len(self._queue))
        self._wake.set()

    async def start(self) -> None:
        """Open the client and begin."""
        await self._getter.start()
        self._spawn(self._serve())

    async def stop(self) -> None:
        """Leave what is under way: it is still wanted, and the next owner takes it up."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._getter.stop()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._background.spawn(work, name="media")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        while True:
            self._wake.clear()
            now_s = self._monotonic()
            while (errand := self._queue.take(now_s)) is not None:
                self._spawn(self._run(errand))
            due_s = self._queue.next_due_s()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due_s is None else max(0.0, due_s - now_s)):
                    await self._wake.wait()

    async def _run(self, errand: Errand) -> None:
        """One attempt. A bug in a source is like a provider that is away, and is logged."""
        said: commands_pb2.IntakeInput | None
        try:
            said = await self._attempt(errand.wanted)
        except Forbidden as never:
            said = self._failed(errand.wanted, never.reason)
        except Unfetchable as error:
            said = self._later(errand, error.reason, error.retry_after_ms)
        except StoreUnavailable:
            said = self._later(errand, "store_away", None)
        except Exception:
            log.exception("media_fetch_broke")
            said = self._later(errand, "fetch_broke", None)
        if said is not None:
            await self._publish(errand.wanted.home_id, said)
            self._queue.done(errand)
            self._metrics.waiting.set(len(self._queue))
        self._wake.set()

    async def _attempt(self, wanted: WantedMedia) -> commands_pb2.IntakeInput:
        account = await self._accounts.get(wanted.account_id)
        if account is None or account.tenant_id != wanted.tenant_id:
            raise Forbidden("account_unknown")
        if not account.enabled:
            raise Unfetchable("account_disabled")
        found = await self._fetched(wanted, account)
        digest = await self._blobs.put(wanted.tenant_id, found.content)
        self._count(account.provider, "stored")
        late_ms = self._clock.now_ms() - wanted.wanted_at_ms
        self._metrics.seconds.observe(max(0, late_ms) / 1000)
        claimed = wanted.attachment.media_type or found.media_type
        return wire.stored(
            wanted,
            reference=reference_of(digest),
            media_type=media_type_of(found.content, claimed),
            size_bytes=len(found.content),
            file_name=found.file_name,
            now_ms=self._clock.now_ms(),
        )

    async def _fetched(self, wanted: WantedMedia, account: Account) -> Fetched:
        source = self._sources.get(account.provider)
        if source is None:
            raise Forbidden("provider_keeps_no_files")
        try:
            return await source.fetch(wanted.attachment, account)
        except Forbidden:
            self._count(account.provider, "refused")
            raise
        except Unfetchable:
            self._count(account.provider, "failed")
            raise

    def _later(
        self, errand: Errand, reason: str, retry_after_ms: int | None
    ) -> commands_pb2.IntakeInput | None:
        """Try again, or tell why not: it has been tried for long enough."""
        if self._clock.now_ms() - errand.wanted.wanted_at_ms >= GIVE_UP_MS:
            return self._failed(errand.wanted, reason)
        wait_s = min(RETRY_FIRST_SECONDS * 2 ** min(errand.attempts, 20), RETRY_SECONDS_MAX)
        wait_s *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        asked_s = min((retry_after_ms or 0) / 1000, RETRY_AFTER_SECONDS_MAX)
        self._queue.again(errand, self._monotonic() + max(wait_s, asked_s))
        return None

    def _failed(self, wanted: WantedMedia, error: str) -> commands_pb2.IntakeInput:
        log.info("media_given_up", reason=error)
        return wire.failed(wanted, error=error, now_ms=self._clock.now_ms())

    async def _publish(self, home_id: str, said: commands_pb2.IntakeInput) -> None:
        while True:
            try:
                await self._bus.publish(INPUTS, home_id, said)
            except BusUnavailable:
                await asyncio.sleep(REPORT_RETRY_SECONDS)
            else:
                return

    def _count(self, provider: str, result: str) -> None:
        self._metrics.fetches.labels(provider, result).inc()
