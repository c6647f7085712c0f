"""The engine: applies the log to a service's state, each record once, a batch a transaction.

One engine runs one processor in one process. It is passive: `assign` when shards are given to it,
`process` when records arrive. What it decides it commits whole: fence, offsets, cursors, state,
timers, outcomes, dead letters and outbox. Kafka hears of it only afterwards, from the relay.

- A record that was seen is skipped: by its offset, by its writer's sequence, by its request key.
- A record that cannot work is set aside with its error, and its entity is parked behind it.
- A database that is away is waited for; a fence that is lost ends the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar

from services.chassis.bus.batch import Batch
from services.chassis.bus.deadletters import DeadLetterLimit
from services.chassis.bus.decision import Decider, Guilt, Parsed, Trace
from services.chassis.bus.fates import (
    BusUnavailable,
    Fenced,
    LogMoved,
    StoreUnavailable,
    WriteRefused,
)
from services.chassis.bus.headers import TRACEPARENT
from services.chassis.bus.processor import Processor
from services.chassis.bus.record import Record
from services.chassis.bus.relay import Relay
from services.chassis.bus.shard import Shard
from services.chassis.bus.store import Commit, Store, Taken
from services.chassis.failpoint import declare, failpoint

S = TypeVar("S")
T = TypeVar("T")

TAKEOVERS_SUSPECT = 3  # takeovers without a commit after which records are applied one by one
ATTEMPTS_MAX = 3  # times a suspected record may take its process with it
RETRY_SECONDS_MAX = 2.0
UNPUBLISHED_MAX = 20_000  # records that may wait for Kafka before the engine waits too

TAKEN = declare("engine.taken", "shards are fenced, their state is not loaded")
BEFORE_COMMIT = declare("engine.before_commit", "a batch is decided, the database has not seen it")
AFTER_COMMIT = declare("engine.after_commit", "a batch is committed, Kafka has not seen it")

INNOCENT = Guilt()
Placed = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is and how its topics are cut."""

    bootstrap: str
    partitions: int
    partitions_of: Callable[[str], int]
    owner: str  # names this process in logs, groups and shard rows


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a topic partition begins and ends, and which topic it is."""

    topic_id: str
    start: int
    end: int


class Log(Protocol):
    """What the engine asks the log at assignment."""

    async def bounds(self, places: Iterable[Placed]) -> Mapping[Placed, Bounds]:
        """First and next offset and topic id of each partition."""


class Watcher(Protocol):
    """Who wants to know how batches fare: metrics and readiness."""

    def committed(self, batch: Batch[Any], seconds: float) -> None:
        """A batch was committed."""

    def failing(self, error: Exception | None) -> None:
        """Database or broker is away, or (None) back."""


def forwarded(record: Record) -> AbstractContextManager[bytes | None]:
    """Pass the trace context on without a span of its own."""
    return nullcontext(record.header(TRACEPARENT))


class Engine(Generic[S]):
    """One processor of one process, over the shards it owns."""

    def __init__(
        self,
        processor: Processor[S],
        *,
        store: Store,
        log: Log,
        relay: Relay,
        cluster: Cluster,
        watcher: Watcher,
        trace: Trace = forwarded,
    ) -> None:
        self.processor = processor
        self.store = store
        self.shards: dict[int, Shard[S]] = {}
        self.listeners: list[Callable[[object], None]] = []
        self._log = log
        self._relay = relay
        self._cluster = cluster
        self._watcher = watcher
        self._failing = False
        self._committing: Callable[[], object] | None = None
        self._limit = DeadLetterLimit()
        self._decider = Decider(processor, store, cluster.partitions_of, trace)
        self._lock = asyncio.Lock()

    async def assign(self, numbers: Sequence[int]) -> dict[Placed, int]:
        """Take the shards, load their state, and return where to read each co-read topic from.

        A batch in flight is finished first: it belongs to the fence that is about to be replaced.
        """
        async with self._lock:
            # There may be more processes than shards.
            taken = await self._take(numbers) if numbers else []
            self._relay.restart(taken)
            kept, self.shards = self.shards, {}
            for shard in taken:
                self.shards[shard.shard] = await self._loaded(shard, kept.get(shard.shard))
            return self.offsets()

    def offsets(self) -> dict[Placed, int]:
        """The next offset of every partition of the owned shards."""
        return {
            (topic, number): offset
            for number, shard in self.shards.items()
            for topic, offset in shard.offsets.items()
        }

    async def process(
        self, records: Sequence[Record], *, committing: Callable[[], object] | None = None
    ) -> None:
        """Apply what was fetched. Returns once it is committed; raises only to end the process.

        `committing` is called when the batch is decided. The next one may be handed in from then
        on: it is parsed while this one is committed, and waits for it.
        """
        parsed = [self._decider.parse(record) for record in _in_time(records)]
        await self._relay.below(UNPUBLISHED_MAX)
        async with self._lock:
            self._committing = committing
            fresh = [item for item in parsed if self._is_next(item.record)]
            if any(self._is_suspect(item.record) for item in fresh):
                for item in fresh:
                    await self._apply_alone(item)
            elif fresh:
                await self._apply(fresh)
        if committing is not None:
            committing()

    def next_due_ms(self) -> int | None:
        """When the earliest timer of any owned shard is due."""
        due = (shard.timers.next_due_ms() for shard in self.shards.values())
        return min((at for at in due if at is not None), default=None)

    async def _take(self, numbers: Sequence[int]) -> list[Taken]:
        take = partial(
            self.store.take,
            self.processor.name,
            layout=self.processor.layout,
            partitions=self._cluster.partitions,
            shards=numbers,
            owner=self._cluster.owner,
        )
        taken = await self._until_available(take)
        failpoint(TAKEN)
        places = [(topic, number) for topic in self.processor.topics for number in numbers]
        bounds = await self._until_available(lambda: self._log.bounds(places))
        return [_checked(shard, self.processor.topics, bounds) for shard in taken]

    async def _loaded(self, taken: Taken, kept: Shard[S] | None) -> Shard[S]:
        # Nobody has committed since: what is in memory is what is in the database.
        if kept is not None and kept.version == taken.version:
            return Shard.of(taken, kept.state)

        load = partial(self.processor.load, self.store.rows, taken.shard)
        return Shard.of(taken, await self._until_available(load))

    def _is_next(self, record: Record) -> bool:
        shard = self.shards.get(record.partition)
        return shard is not None and record.offset >= shard.offsets[record.topic]

    def _is_suspect(self, record: Record) -> bool:
        return self.shards[record.partition].takeovers > TAKEOVERS_SUSPECT

    async def _apply_alone(self, item: Parsed) -> None:
        """One record a transaction; one that may be what kills us is counted before it is tried."""
        record = item.record
        if not self._is_suspect(record):  # an earlier one of its shard went through
            await self._apply([item])
            return
        attempt = partial(self.store.attempt, self.processor.name, record)
        attempts = await self._until_available(attempt)
        killed = WriteRefused(f"ended its process {ATTEMPTS_MAX} times")
        await self._apply([item], Guilt(record=killed) if attempts > ATTEMPTS_MAX else Guilt())

    async def _apply(self, parsed: Sequence[Parsed], guilt: Guilt = INNOCENT) -> None:
        started = time.perf_counter()
        repeats: frozenset[str] = frozenset()
        while True:
            decide = partial(
                self._decider.decide, self.shards, parsed, repeats=repeats, guilt=guilt
            )
            batch = await self._until_available(decide)
            published = self._relay.published()
            try:
                known = await self._commit(batch.commit(published))
            except WriteRefused as error:
                self._relay.not_deleted(published)
                await self._apply_less(parsed, guilt, error)
                return
            if not known:
                self._adopt(batch, time.perf_counter() - started)
                return
            self._relay.not_deleted(published)
            repeats |= known

    async def _apply_less(
        self, parsed: Sequence[Parsed], guilt: Guilt, error: WriteRefused
    ) -> None:
        """Halve a refused batch until the record that the database refuses stands alone."""
        half = len(parsed) // 2
        if not half:
            await self._apply(parsed, guilt.next(error))
            return
        await self._apply(parsed[:half])
        await self._apply(parsed[half:])

    async def _commit(self, commit: Commit) -> frozenset[str]:
        """Commit, however often the database goes away; the write set stays the same."""
        failpoint(BEFORE_COMMIT)
        if self._committing is not None:
            self._committing()
            self._committing = None

        async def commit_or_settle() -> frozenset[str]:
            try:
                return await self.store.commit(commit)
            except StoreUnavailable:
                if await self._until_available(lambda: self._was_committed(commit)):
                    return frozenset()
                raise

        known = await self._until_available(commit_or_settle)
        failpoint(AFTER_COMMIT)
        return known

    async def _was_committed(self, commit: Commit) -> bool:
        """Settle an unknown outcome by the fence: moved by one is ours, unmoved is not yet."""
        numbers = [row[0] for row in commit.shards]
        held = await self.store.positions(commit.processor, numbers)
        moved = {held[number][1] - version for number, _, version, _ in commit.shards}
        if any(held[number][0] != epoch for number, epoch, _, _ in commit.shards):
            raise Fenced("the shard was taken while the outcome of a commit was unknown")
        if moved not in ({0}, {1}):
            raise Fenced(f"shards {numbers} moved by {sorted(moved)} commits under our epoch")
        return moved == {1}

    def _adopt(self, batch: Batch[S], seconds: float) -> None:
        for number, draft in batch.drafts.items():
            self.shards[number].adopt(draft)
            self._relay.add(number, draft.shard.version, batch.outbox.get(number, []))
        self._limit.count(records=batch.records, letters=len(batch.letters))
        self._watcher.committed(batch, seconds)
        for fact in batch.told:
            for listener in self.listeners:
                listener(fact)

    async def _until_available(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat `attempt` while database or broker is away, waiting longer each time."""
        pause = 0.05
        while True:
            try:
                result = await attempt()
            except (StoreUnavailable, BusUnavailable) as error:
                self._failing = True
                self._watcher.failing(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
            else:
                if self._failing:
                    self._failing = False
                    self._watcher.failing(None)
                return result


def _in_time(records: Iterable[Record]) -> list[Record]:
    """Co-read topics by append time; within a partition as the log has them, whatever its clock."""
    latest: dict[Placed, int] = {}
    timed: list[tuple[int, str, int, int, Record]] = []
    for record in records:
        place = (record.topic, record.partition)
        at = latest[place] = max(latest.get(place, 0), record.append_ms)
        timed.append((at, record.topic, record.partition, record.offset, record))
    timed.sort(key=itemgetter(0, 1, 2, 3))
    return [entry[-1] for entry in timed]


def _checked(taken: Taken, topics: Iterable[str], bounds: Mapping[Placed, Bounds]) -> Taken:
    """`taken` with an offset for every co-read topic that its log still holds.

    A topic that is read for the first time is read from its start. Raises `LogMoved` rather than
    let the client reset in silence, which would skip records or apply them twice.
    """
    offsets, topic_ids = dict(taken.offsets), dict(taken.topic_ids)
    for topic in topics:
        log = bounds[topic, taken.shard]
        following = offsets.setdefault(topic, log.start)
        known_id = topic_ids.setdefault(topic, log.topic_id)
        if known_id != log.topic_id:
            raise LogMoved(f"{topic} is another topic ({log.topic_id}) than before ({known_id})")
        if not log.start <= following <= log.end:
            raise LogMoved(
                f"{topic}/{taken.shard} holds {log.start} to {log.end}, but {following} is next"
            )
    return replace(taken, offsets=offsets, topic_ids=topic_ids)
