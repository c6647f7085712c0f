"""How records become batches, on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from services.chassis.bus.observer import EngineMetrics, Observer
from services.chassis.bus.processing import Cluster, Processing
from services.chassis.bus.store import Commit
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from tests.support.counter import Count, Counter
from tests.support.memory_store import MemoryStore
from tests.support.stack import Kafka

PARTITIONS = 4
DEADLINE_S = 60.0


class SlowStore(MemoryStore):
    """A store whose commits wait to be let through; it notes how many records each has."""

    def __init__(self) -> None:
        super().__init__(Counter.tables)
        self.batches: list[int] = []
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()

    async def commit(self, commit: Commit) -> frozenset[str]:
        self.batches.append(len(commit.rows["total"]))
        self.begun.set()
        await self.allowed.wait()
        return await super().commit(commit)


@asynccontextmanager
async def counting(kafka: Kafka, store: SlowStore, inputs: str, totals: str) -> AsyncIterator[None]:
    health, background = Health(), Background()
    processing = Processing(
        Counter(inputs=[inputs], totals=totals),
        store=store,
        cluster=Cluster(kafka.bootstrap, PARTITIONS, lambda _: PARTITIONS, owner="test"),
        observer=Observer("counter", metrics=EngineMetrics(Catalogue("counter")), health=health),
        background=background,
    )
    await processing.start()
    try:
        yield
    finally:
        store.allowed.set()
        await processing.stop()


async def test_what_comes_while_a_batch_is_at_hand_makes_one_batch(kafka: Kafka) -> None:
    inputs = await kafka.topic("counts", partitions=PARTITIONS)
    totals = await kafka.topic("totals", partitions=PARTITIONS)
    store = SlowStore()
    async with (
        asyncio.timeout(DEADLINE_S),
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer,
        counting(kafka, store, inputs, totals),
    ):

        async def send(entity: str) -> None:
            message = Count(entity=entity, amount=1)
            await producer.send_and_wait(inputs, message.SerializeToString(), entity.encode())

        await send("first")
        await store.begun.wait()
        for number in range(40):  # one by one: each could have been the answer to a fetch
            await send(f"later-{number}")
        store.begun.clear()
        store.allowed.set()
        await store.begun.wait()
    assert store.batches == [1, 40]
