"""The relay: publishes what was committed, in order, and forgets it once Kafka has it.

Committed batches come straight from the engine; only after a take-over are they read back from the
outbox. One batch is in flight, so one unacknowledged batch a destination partition. After a send
that failed the producer is replaced, since a used one stays out of sequence for ever, and all that
is not acknowledged is sent again; readers drop by sequence what they already have.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from switchboard.engine.v1.records_pb2 import OutboxBatch, OutboxRecord

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.bus.outbox import Outgoing, outgoing
from services.chassis.bus.store import Store, Taken
from services.chassis.failpoint import declare, failpoint

BEFORE_PUBLISH = declare("relay.before_publish", "committed records wait, none is sent")
AFTER_PUBLISH = declare("relay.after_publish", "Kafka has the records, the outbox still does too")

Partitioned = Mapping[tuple[str, int], Sequence[Outgoing]]

FORGET_SECONDS = 2.0  # published rows that no commit took along are deleted after so long
RETRY_SECONDS_MAX = 2.0
IN_FLIGHT_MAX = 4_000  # records of one publication


class Publisher(Protocol):
    """The way into Kafka for one relay."""

    async def publish(self, records: Partitioned) -> None:
        """Publish in order to each partition; returns once all are acknowledged by all replicas.

        Raises `BusUnavailable`; then any part may have been published.
        """

    async def renew(self) -> None:
        """Replace the producer after a failure."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What one batch left in the outbox of one shard."""

    shard: int
    version: int
    records: Sequence[OutboxRecord]


class Relay:
    """Publishes the outbox of one processor."""

    def __init__(self, processor: str, *, publisher: Publisher, store: Store) -> None:
        self._processor = processor
        self._publisher = publisher
        self._store = store
        self._waiting: deque[Committed] = deque()
        self._unpublished = 0
        self._published: dict[int, int] = {}
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def unpublished(self) -> int:
        """Records that are committed and not yet acknowledged."""
        return self._unpublished

    def restart(self, taken: Iterable[Taken]) -> None:
        """Begin anew with what the outbox of the shards just taken holds."""
        self._waiting.clear()
        self._unpublished = 0
        self._published.clear()
        for shard in taken:
            for version, payload in shard.outbox:
                self.add(shard.shard, version, OutboxBatch.FromString(payload).records)
        self._settle()

    def add(self, shard: int, version: int, records: Sequence[OutboxRecord]) -> None:
        """Take over the outbox of a batch that was just committed."""
        if records:
            self._waiting.append(Committed(shard, version, records))
            self._unpublished += len(records)
            self._settle()

    def published(self) -> dict[int, int]:
        """Shard to the version up to which the outbox may be deleted; the caller deletes it."""
        published, self._published = self._published, {}
        return published

    def not_deleted(self, published: Mapping[int, int]) -> None:
        """Take back what `published` gave: the commit that was to delete it wrote nothing."""
        self._published = {**published, **self._published}

    async def below(self, most: int) -> None:
        """Wait until at most `most` records are unpublished."""
        while self._unpublished > most:
            self._drained.clear()
            await self._drained.wait()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._wake.wait()
            await self.publish_waiting()

    async def run_forget(self) -> None:
        """Empty the outbox of what no commit takes along, for ever."""
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            if not self._waiting:
                await self.forget()

    async def publish_waiting(self) -> None:
        """Publish until nothing waits."""
        pause = 0.05
        while self._waiting:
            try:
                await self._publish_some()
            except BusUnavailable:
                await self._publisher.renew()
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
            else:
                pause = 0.05

    async def forget(self) -> None:
        """Delete what is published from the outbox, where no commit came by to take it along."""
        published = self.published()
        if not published:
            return
        try:
            await self._store.forget_published(self._processor, published)
        except StoreUnavailable:
            self.not_deleted(published)

    async def _publish_some(self) -> None:
        some: list[Committed] = []
        count = 0
        for committed in self._waiting:
            if some and count + len(committed.records) > IN_FLIGHT_MAX:
                break
            some.append(committed)
            count += len(committed.records)
        failpoint(BEFORE_PUBLISH)
        for turn in _turns(some):
            await self._publisher.publish(self._by_partition(turn))
        failpoint(AFTER_PUBLISH)
        for committed in some:
            # A restart meanwhile has emptied the queue: those records are published once more.
            if self._waiting and self._waiting[0] is committed:
                self._waiting.popleft()
                self._unpublished -= len(committed.records)
                self._published[committed.shard] = committed.version
        self._settle()

    def _settle(self) -> None:
        if self._waiting:
            self._wake.set()
        else:
            self._wake.clear()
        self._drained.set()

    def _by_partition(self, turn: Iterable[tuple[int, OutboxRecord]]) -> Partitioned:
        partitioned: dict[tuple[str, int], list[Outgoing]] = {}
        for shard, record in turn:
            sent = outgoing(record, writer=self._processor, shard=shard)
            partitioned.setdefault((record.topic, record.partition), []).append(sent)
        return partitioned


def _turns(some: Iterable[Committed]) -> list[list[tuple[int, OutboxRecord]]]:
    """What may go out at once: a record that goes after all others begins a turn."""
    turns: list[list[tuple[int, OutboxRecord]]] = [[]]
    for committed in some:
        for record in committed.records:
            if record.after_all:
                turns.append([])
            turns[-1].append((committed.shard, record))
    return turns
