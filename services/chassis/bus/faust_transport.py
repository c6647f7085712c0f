"""A Faust transport whose event is a whole fetch, and whose next fetch waits for its commit.

Stock Faust keeps offsets in Kafka, apart from the state, and runs a record at a time through its
conductor; both are replaced here, in six places of faust-streaming 0.15:

1. Offsets belong to the engine: it takes the shards at assignment and says where to read on.
2. A fetch is one event. One that was fetched before the last seek is dropped, and the next is asked
   for when this one is acked, so batches grow with the load and only then.
3. The consumer runs in the application's loop; its own thread would wait for the GIL at each step.
4. The range assignor: partition n of every co-read topic has the same owner. It counts partitions
   as our topics are declared: a broker that has just started may know of no topic yet, then nobody
   would get a partition, and aiokafka looks again after five minutes.
5. A coordinator that died raises; stock Faust would idle in silence.
6. An assignment takes as long as it takes: stock Faust gives up after a request's time, without a
   word and for good, and would keep shards that it never reads (a database away for 30 s does it).

Beside aiokafka's connection, which `kafka.py` mends, it is the one file that reaches into private
parts of Faust and aiokafka, and both are pinned to exact versions. What it overrides is typed for
stock Faust, where an event is one record.
"""

# mypy: disable-error-code="arg-type, assignment, attr-defined, misc, override"

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Protocol

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.utils.futures import maybe_async, notify

from services.chassis.bus.engine import Bounds, Placed
from services.chassis.bus.fates import BusUnavailable, LayoutRefused
from services.chassis.bus.kafka import RETRY_BACKOFF_MS
from services.chassis.bus.record import Record
from services.chassis.bus.topic_ids import topic_ids

FETCH_WAIT_MS_MAX = 500


class Feed(Protocol):
    """Who is fed."""

    partitions: int
    """Of each of the topics that are read."""
    apart_seconds: float
    """At least so long from one batch to the next: what comes meanwhile is applied at once."""

    async def assign(self, places: Iterable[Placed]) -> Mapping[Placed, int]:
        """Take these partitions, and no others; returns the next offset of each."""


def range_over(partitions: int) -> type[RangePartitionAssignor]:
    """The range assignor over topics of so many partitions, whatever the metadata say."""
    declared = SimpleNamespace(partitions_for_topic=lambda _: set(range(partitions)))

    class Declared(RangePartitionAssignor):
        @classmethod
        def assign(cls, _: Any, members: Any) -> Any:
            return super().assign(declared, members)

    return Declared


class Fetched(dict[TP, list[Any]]):
    """What one fetch brought, with the number of seeks there had been."""

    seeks = 0

    def records(self) -> list[Record]:
        """All of it, as the engine reads records."""
        return [Record.of(read) for batch in self.values() for read in batch]


class Gate:
    """Keeps aiokafka from asking for more while a batch is at hand.

    A request that waits at the broker meanwhile would be answered with the first record that comes,
    and what comes after that one would wait for a batch more.
    """

    def __init__(self) -> None:
        self._opened: asyncio.Future[None] | None = None

    def guard(self, fetcher: Any) -> None:
        """Stand before what decides about requests."""
        decide = fetcher._get_actions_per_node

        def decide_when_open(assignment: Any) -> Any:
            if self._opened is None:
                return decide(assignment)
            return [], {}, fetcher._fetcher_timeout, False, [self._opened]

        fetcher._get_actions_per_node = decide_when_open

    def close(self) -> None:
        """Let no request through from now on."""
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()

    def open(self) -> None:
        """Let requests through, at once."""
        if self._opened is not None:
            self._opened.set_result(None)
            self._opened = None


class InLoopConsumer(driver.AIOKafkaConsumerThread):
    """Stands where Faust expects its consumer thread, without a thread."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, thread_loop=asyncio.get_running_loop(), **options)
        self.seeks = 0
        self.gate = Gate()

    async def start(self) -> None:
        """Start as an ordinary service."""
        self._thread_started.set()
        await self._default_start()

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        self.gate.guard(self._ensure_consumer()._fetcher)

    async def stop(self) -> None:
        """Stop as an ordinary service."""
        if self._started.is_set():
            await self._shutdown_thread()

    async def call_thread(self, function: Any, *args: Any, **options: Any) -> Any:
        """Call directly: there is no other thread."""
        return await maybe_async(function(*args, **options))

    cast_thread = call_thread

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS_MAX
        consumer._retry_backoff_ms = RETRY_BACKOFF_MS
        consumer._partition_assignment_strategy = (range_over(self.app.feed.partitions),)
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After every assignment: let the engine take the shards, and read on where it says."""
        consumer = self._ensure_consumer()
        feed: Feed = self.app.feed
        placed = [(tp.topic, tp.partition) for tp in consumer.assignment()]
        offsets = await feed.assign(placed)
        self.seeks += 1
        for (topic, partition), offset in offsets.items():
            consumer.seek(driver.ensure_aiokafka_TP(TP(topic, partition)), offset)
        return {TP(*at): offset for at, offset in offsets.items()}

    async def _fetch_records(self, consumer: Any, *args: Any, **options: Any) -> Fetched:
        consumer._coordinator.check_errors()
        fetched = Fetched(await super()._fetch_records(consumer, *args, **options))
        fetched.seeks = self.seeks
        if fetched:
            self.gate.close()
        return fetched


class BatchConsumer(driver.Consumer):
    """Hands a fetch to the agent, and takes the next when the agent has acked it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._turn = asyncio.Event()
        super().__init__(*args, **options)

    def _new_consumer_thread(self) -> InLoopConsumer:
        return InLoopConsumer(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        """As Faust does; who gets no partition has nothing to seek, so its engine hears it here."""
        await super().on_partitions_assigned(assigned, generation_id)
        if not assigned:
            await self.app.feed.assign([])

    async def _drain_messages(self, fetcher: Any) -> None:
        while not (self._stopped.is_set() or fetcher._stopped.is_set()):
            fetched, _ = await self._wait_next_records(1.0)
            generation = self.app.consumer_generation_id
            rest = 0.0
            if fetched and self.flow_active and fetched.seeks == self._thread.seeks:
                again_at = self.loop.time() + self.app.feed.apart_seconds
                await self._hand_over(_as_message(fetched, generation))
                rest = again_at - self.loop.time()
            if rest >= 0.0:  # a turn of the loop before the next fetch would cost a busy one dear
                await asyncio.sleep(rest)
            self._thread.gate.open()

    async def _hand_over(self, message: ConsumerMessage) -> None:
        """Give the agent a batch and wait for its ack, or until a rebalance suspends the flow.

        The callback is a task of its own: one that blocks across a rebalance must not go on.
        """
        self._turn.clear()
        delivering: asyncio.Task[None] = self.loop.create_task(self.callback(message))
        delivering.add_done_callback(self._delivered)
        await self._turn.wait()
        if delivering.done():
            delivering.result()
        else:
            delivering.cancel()

    def _delivered(self, delivering: asyncio.Task[None]) -> None:
        if not delivering.cancelled() and delivering.exception() is not None:
            self._turn.set()

    def stop_flow(self) -> None:
        """As Faust does at the start of a rebalance; nobody waits for an ack then."""
        super().stop_flow()
        self._turn.set()

    def ack(self, message: ConsumerMessage) -> bool:
        """End the batch. Offsets live in the database, so nothing else is to be remembered."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._turn.set()
        notify(self._waiting_for_ack)
        return True


class Transport(driver.Transport):
    """The transport to give to an app."""

    Consumer = BatchConsumer


class PatientRecovery(Recovery):
    """Leads Faust through an assignment, until the next one or a stop ends it, never a clock."""

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002 - no clock
        await super()._wait(coro)


class Tables(TableManager):
    """Faust's tables, or none: it resumes its streams through what would recover them."""

    @property
    def recovery(self) -> Recovery:
        """The service that resumes the streams."""
        if self._recovery is None:
            self._recovery = PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class FaustLog:
    """What the engine asks of the log, asked through the consumer of its app."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def bounds(self, places: Iterable[Placed]) -> Mapping[Placed, Bounds]:
        """First and next offset and topic id of each partition.

        Raises `BusUnavailable`, and `LayoutRefused` where a topic is cut otherwise than declared.
        """
        asked, declared = [TP(*place) for place in places], self._app.feed.partitions
        consumer, topics = self._consumer(), {tp.topic for tp in asked}
        try:
            found = await topic_ids(consumer._client, topics)
            if missing := topics - found.keys():  # so says a broker that has just started, too
                raise BusUnavailable(f"no topic {missing}")
            if wrong := [topic for topic, (_, count) in found.items() if count != declared]:
                raise LayoutRefused(f"{wrong} have other than the {declared} partitions declared")
            starts = await consumer.beginning_offsets(asked)
            ends = await consumer.end_offsets(asked)
        except KafkaError as error:
            raise BusUnavailable(type(error).__name__) from error
        return {tuple(tp): Bounds(found[tp.topic][0], starts[tp], ends[tp]) for tp in asked}

    async def ends(self, places: Iterable[Placed]) -> Mapping[Placed, int]:
        """The next offset of each partition. Raises `BusUnavailable`."""
        try:
            found = await self._consumer().end_offsets([TP(*place) for place in places])
        except KafkaError as error:
            raise BusUnavailable(type(error).__name__) from error
        return {tuple(tp): offset for tp, offset in found.items()}

    def gather(self, *, bytes_min: int, wait_ms_max: int) -> None:
        """Have brokers hold back an answer until it has so many bytes, or so long at the most."""
        fetcher = self._consumer()._fetcher
        fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = bytes_min, wait_ms_max

    def lag(self, offsets: Mapping[Placed, int]) -> int:
        """Records that the brokers have and that are not applied."""
        consumer = self._consumer()
        assigned = consumer.assignment()
        return sum(
            max(0, (consumer.highwater(TP(*place)) or offset) - offset)
            for place, offset in offsets.items()
            if TP(*place) in assigned
        )

    def is_dead(self) -> bool:
        """Whether the app or the coordinator of its group has died in silence, maybe in its start.

        A start waits for the first assignment, and so for good where the coordinator has died.
        """
        coordinator = getattr(self._app.consumer._thread._consumer, "_coordinator", None)
        task = coordinator and coordinator._coordination_task
        return bool(self._app.crashed or (task and task.done()))

    def _consumer(self) -> Any:
        return self._app.consumer._thread._ensure_consumer()


def _as_message(fetched: Fetched, generation: int) -> ConsumerMessage:
    """One Faust message for all of a fetch; Faust wants a partition, the value has them all."""
    place, batch = next(iter(fetched.items()))
    tp, last = ensure_TP(place), batch[-1]
    head = *tp, last.offset, last.timestamp / 1000, last.timestamp_type, None, None
    return ConsumerMessage(*head, fetched, None, 0, 0, tp, generation_id=generation)
