"""A small world: a bus, a store and a clock in memory, and engines that can be killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from switchboard.engine.v1.control_pb2 import Control, Tick

from services.chassis.bus.batch import Batch
from services.chassis.bus.engine import Cluster, Engine
from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.outbox import Outgoing
from services.chassis.bus.processor import Processor
from services.chassis.bus.relay import Relay
from services.chassis.bus.store import Store
from services.chassis.bus.ticker import Ticker
from tests.support.memory_bus import MemoryBus
from tests.support.memory_store import MemoryStore


class Seen:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.letters: list[str] = []
        self.failures: list[str] = []

    def committed(self, batch: Batch[Any], seconds: float) -> None:
        self.batches.append(batch.records)
        self.letters += [letter.error for letter in batch.letters]

    def failing(self, error: Exception | None) -> None:
        self.failures.append(str(error or ""))


class Surroundings(Protocol):
    """What a node lives in."""

    @property
    def bus(self) -> MemoryBus:
        """The one bus."""

    def clock(self) -> int:
        """The time, unix milliseconds."""


class FlakyPublisher:
    """Publishes to the bus, or fails after any part of it, as told."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.fail_after: int | None = None  # records published before the next failure
        self.failure: BaseException = BusUnavailable("told to")
        self.renewed = 0

    async def publish(self, records: Mapping[tuple[str, int], Sequence[Outgoing]]) -> None:
        if self.fail_after is None:
            return await self.bus.publish(records)
        left, self.fail_after = self.fail_after, None
        for place, batch in records.items():
            await self.bus.publish({place: batch[:left]})
            left -= min(left, len(batch))
        raise self.failure

    async def renew(self) -> None:
        self.renewed += 1


class Node:
    """One process of one processor."""

    def __init__(
        self, world: Surroundings, processor: Processor[Any], store: Store, owner: str
    ) -> None:
        self.world = world
        self.processor = processor
        self.seen = Seen()
        self.publisher = FlakyPublisher(world.bus)
        self.relay = Relay(processor.name, publisher=self.publisher, store=store)
        self.engine = Engine(
            processor,
            store=store,
            log=world.bus,
            relay=self.relay,
            cluster=Cluster("memory", world.bus.partitions, world.bus.partitions_of, owner),
            watcher=self.seen,
        )
        self.ticker = Ticker(self.engine, ends=world.bus, tick=self._tick, now_ms=world.clock)

    async def take(self, *numbers: int) -> None:
        await self.engine.assign(numbers or range(self.world.bus.partitions))

    async def fetch(self, most: int = 1000) -> int:
        """Process up to `most` records of each owned partition; returns how many there were."""
        records = [
            record
            for number, shard in self.engine.shards.items()
            for topic, offset in shard.offsets.items()
            for record in self.world.bus.read(topic, number, offset, most)
        ]
        if records:
            await self.engine.process(records)
        return len(records)

    async def settle(self) -> None:
        """Process and publish until nothing moves."""
        moved = True
        while moved:
            moved = bool(await self.fetch())
            moved = moved or self.relay.unpublished > 0
            await self.relay.publish_waiting()

    async def _tick(self, shard: int, due_ms: int) -> None:
        mailbox = self.processor.mailbox
        envelope: Any = self.processor.topics[mailbox]
        message = envelope(control=Control(tick=Tick(due_ms=due_ms, shard=shard)))
        self.world.bus.append(mailbox, b"tick", message.SerializeToString(), partition=shard)


class World:
    """A bus and a store that outlive their nodes."""

    def __init__(self, processor: Callable[[], Processor[Any]], *, partitions: int = 4) -> None:
        self.now_ms = 1_000_000
        self.bus = MemoryBus(partitions, self.clock)
        self.make = processor
        self.store = MemoryStore(processor().tables)
        self._born = 0

    def clock(self) -> int:
        return self.now_ms

    def node(self, store: Store | None = None) -> Node:
        self._born += 1
        return Node(self, self.make(), store or self.store, f"node-{self._born}")

    async def started(self, store: Store | None = None) -> Node:
        node = self.node(store)
        await node.take()
        return node

    def send(self, message: Any, *, topic: str = "counts", key: str | None = None) -> Any:
        """Append a count under its entity."""
        where = message.entity if key is None else key
        return self.bus.append(topic, where.encode(), message.SerializeToString())

    async def totals(self) -> dict[str, int]:
        return {row["entity"]: row["total"] for row in await self.store.rows.select("total")}

    def published(self, topic: str = "totals") -> list[Any]:
        """Every record of a topic, partition by partition."""
        logs = sorted((place, log) for place, log in self.bus.logs.items() if place[0] == topic)
        return [record for _, log in logs for record in log]
