"""A tail: every record of an event topic as it comes, for the watches of one process.

It reads all partitions, in no group, and only while somebody watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.chassis.bus.engine import Placed
from services.chassis.bus.fates import BusError, BusUnavailable
from services.chassis.bus.record import Record

WAITING_MAX = 10_000  # records a watcher may be behind before it is dropped
RETRY_SECONDS = 0.5
GATHER_SECONDS = 0.05  # a watcher may be so late: a fetch for each record costs more than records

log = structlog.get_logger(__name__)


class Overrun(BusError):
    """The watcher was too slow: it must begin again from its resume token or a snapshot."""


class Reader:
    """One watcher's view of a tail: the records from its subscription on, in order."""

    def __init__(self, offsets: Mapping[Placed, int]) -> None:
        self.offsets = dict(offsets)  # where the subscription begins
        self._records: asyncio.Queue[Record] = asyncio.Queue(WAITING_MAX)
        self._overrun = False

    def offer(self, record: Record) -> None:
        """Queue a record, or mark the reader as overrun."""
        if self._records.full():
            self._overrun = True
        else:
            self._records.put_nowait(record)

    async def next(self) -> Record:
        """The next record. Raises `Overrun`."""
        if self._overrun:
            raise Overrun("too slow for its topic")
        return await self._records.get()


class Tail:
    """The end of one topic, shared by all who watch it in this process."""

    def __init__(self, topic: str, *, bootstrap: str, partitions: int) -> None:
        self.name = f"tail of {topic}"
        self.topic = topic
        self._bootstrap = bootstrap
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._readers: set[Reader] = set()
        self._offsets: dict[Placed, int] = {}
        self._ready: asyncio.Event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Nothing yet: reading begins with the first watcher."""

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Reader]:
        """Every record that is appended from now on. Raises `BusUnavailable`."""
        if self._task is None:
            self._ready.clear()
            self._task = asyncio.create_task(self._run(), name=self.name)
        try:
            await asyncio.wait_for(self._ready.wait(), 10)
        except TimeoutError:
            raise BusUnavailable(f"{self.topic} cannot be read") from None
        reader = Reader(self._offsets)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    async def holds(self, offsets: Mapping[Placed, int]) -> bool:
        """Whether everything from `offsets` on is still there: retention takes the old."""
        consumer = await self._consumer()
        try:
            starts = await consumer.beginning_offsets(self._places)
            return all(starts[place] <= offsets[place] for place in self._places)
        finally:
            await consumer.stop()

    async def since(
        self, offsets: Mapping[Placed, int], until: Mapping[Placed, int]
    ) -> AsyncIterator[Record]:
        """The records between two positions that the log still `holds`."""
        behind = {place for place in self._places if offsets[place] < until[place]}
        if not behind:  # aiokafka 0.14 raises CancelledError from a stop right after the start
            return
        consumer = await self._consumer()
        try:
            for place in self._places:
                consumer.seek(place, offsets[place])
            while behind:
                for place, batch in (await consumer.getmany(timeout_ms=500)).items():
                    for got in batch:
                        if got.offset < until[place]:
                            yield Record.of(got)
                behind = {p for p in behind if await consumer.position(p) < until[p]}
        finally:
            await consumer.stop()

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.warning("tail_interrupted", topic=self.topic, exc_info=error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        consumer = await self._consumer()
        try:
            ends = await consumer.end_offsets(self._places)
            for place in self._places:
                self._offsets.setdefault(place, ends[place])
                consumer.seek(place, self._offsets[place])
            self._ready.set()
            while True:
                for place, batch in (await consumer.getmany(timeout_ms=5000)).items():
                    self._offsets[place] = batch[-1].offset + 1
                    for got in batch:
                        for reader in self._readers:
                            reader.offer(Record.of(got))
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            await consumer.stop()

    async def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=500,
        )
        try:
            await consumer.start()
        except KafkaError:
            await consumer.stop()
            raise
        consumer.assign(self._places)
        return consumer
