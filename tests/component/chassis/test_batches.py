"""How records become batches, and what a real broker makes of the largest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from structlog.testing import capture_logs
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus import processing as processing_module
from services.chassis.bus.engine import Cluster
from services.chassis.bus.observer import EngineMetrics, Observer
from services.chassis.bus.processing import Processing
from services.chassis.bus.store import Commit, Taken
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from tests.support.counter import Count, Counter
from tests.support.memory_store import MemoryStore
from tests.support.stack import Kafka
from tests.support.waiting import until

PARTITIONS = 4
DEADLINE_S = 60.0
APART_S = 10_000.0


class SlowStore(MemoryStore):
    """A store whose commits wait to be let through; it notes how many records each has."""

    def __init__(self) -> None:
        super().__init__(Counter.tables)
        self.batches: list[int] = []
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()
        self.asked, self.takes = asyncio.Event(), asyncio.Event()
        self.takes.set()

    async def take(self, processor: str, **about: Any) -> list[Taken]:
        self.asked.set()
        await self.takes.wait()
        return await super().take(processor, **about)

    async def commit(self, commit: Commit) -> frozenset[str]:
        self.batches.append(len(commit.rows.get("total", ())))
        self.begun.set()
        await self.allowed.wait()
        return await super().commit(commit)


def processing_of(
    kafka: Kafka,
    store: SlowStore,
    inputs: str,
    totals: str,
    background: Background,
    health: Health,
    partitions: int = PARTITIONS,
) -> Processing:
    return Processing(
        Counter(inputs=[inputs], totals=totals),
        store=store,
        cluster=Cluster(kafka.bootstrap, partitions, lambda _: partitions, owner="test"),
        observer=Observer("counter", metrics=EngineMetrics(Catalogue("counter")), health=health),
        background=background,
    )


@asynccontextmanager
async def counting(
    kafka: Kafka, store: SlowStore, inputs: str, totals: str, *, partitions: int = PARTITIONS
) -> AsyncIterator[Health]:
    health = Health()
    processing = processing_of(kafka, store, inputs, totals, Background(), health, partitions)
    await processing.start()
    try:
        yield health
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


async def test_what_comes_while_batches_are_kept_apart_makes_one_batch(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = await kafka.topic("counts", partitions=PARTITIONS)
    totals = await kafka.topic("totals", partitions=PARTITIONS)
    store, resting, rested, sleep = SlowStore(), asyncio.Event(), asyncio.Event(), asyncio.sleep
    store.allowed.set()

    async def rest(seconds: float) -> None:
        if seconds < APART_S / 2:
            return await sleep(seconds)
        resting.set()
        await rested.wait()
        return None

    monkeypatch.setattr(asyncio, "sleep", rest)
    processing = processing_of(kafka, store, inputs, totals, Background(), Health())
    processing.apart_seconds = APART_S
    async with (
        asyncio.timeout(DEADLINE_S),
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer,
    ):
        await processing.start()
        await producer.send_and_wait(inputs, Count(entity="e", amount=1).SerializeToString(), b"e")
        await resting.wait()
        for number in range(40):
            message = Count(entity=f"later-{number}", amount=1)
            await producer.send_and_wait(inputs, message.SerializeToString(), b"%d" % number)
        store.begun.clear()
        rested.set()
        await store.begun.wait()
        await processing.stop()
    assert store.batches == [1, 40]


async def test_a_record_as_large_as_the_broker_takes_holds_up_nobody(kafka: Kafka) -> None:
    inputs = await kafka.topic("counts", partitions=PARTITIONS)
    totals = await kafka.topic("totals", partitions=PARTITIONS)
    letters = "counter.dlq.v1"
    await kafka.acreate_topics(letters, partitions=PARTITIONS)
    store = SlowStore()
    store.allowed.set()
    async with (
        asyncio.timeout(DEADLINE_S),
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer,
        AIOKafkaConsumer(
            letters, totals, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
        ) as reader,
        counting(kafka, store, inputs, totals),
    ):
        poison = b"\xff" * 1_048_400  # with what Kafka adds, the largest record it takes
        await producer.send_and_wait(inputs, poison, b"poison", partition=0)
        good = Count(entity="good", amount=1).SerializeToString()
        await producer.send_and_wait(inputs, good, b"good", partition=0)
        came = {record.topic: record async for record in _first(reader, 2)}
    assert DeadLetter.FromString(came[letters].value).record_omitted
    assert Count.FromString(came[totals].value).entity == "good"


async def test_a_topic_that_the_broker_does_not_know_yet_is_waited_for(kafka: Kafka) -> None:
    inputs, totals = kafka.name("counts"), await kafka.topic("totals", partitions=PARTITIONS)
    store, health = SlowStore(), Health()
    store.allowed.set()
    processing = processing_of(kafka, store, inputs, totals, Background(), health)
    async with (
        asyncio.timeout(DEADLINE_S),
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer,
    ):
        starting = asyncio.create_task(processing.start())
        await store.asked.wait()  # the partitions are given out, whatever the broker says of them
        await kafka.acreate_topics(
            inputs, partitions=PARTITIONS, message_timestamp_type="LogAppendTime"
        )
        await producer.send_and_wait(inputs, Count(entity="e", amount=1).SerializeToString(), b"e")
        await store.begun.wait()
        await starting
        await processing.stop()
    assert store.batches == [1]


async def test_a_topic_that_is_cut_otherwise_than_declared_is_not_read(kafka: Kafka) -> None:
    inputs = await kafka.topic("counts", partitions=PARTITIONS - 1)
    totals = await kafka.topic("totals", partitions=PARTITIONS)
    async with asyncio.timeout(DEADLINE_S), counting(kafka, SlowStore(), inputs, totals) as health:
        assert not health.ready
        assert f"'{inputs}'" in health.checks["processor counter"]
        assert f"other than the {PARTITIONS} partitions" in health.checks["processor counter"]


async def test_a_process_that_starts_before_its_broker_waits_for_it(kafka: Kafka) -> None:
    inputs = await kafka.topic("counts", partitions=PARTITIONS)
    totals = await kafka.topic("totals", partitions=PARTITIONS)
    store = SlowStore()
    store.allowed.set()

    async def count() -> None:
        async with (
            counting(kafka, store, inputs, totals),
            AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer,
        ):
            value = Count(entity="first", amount=1).SerializeToString()
            await producer.send_and_wait(inputs, value, b"first")
            await store.begun.wait()

    kafka.server.kill()
    counted = asyncio.create_task(count())
    try:
        with capture_logs() as lines:
            await until(lambda: lines or counted.done(), what="it says that it waits")
        assert not counted.done()
    finally:
        kafka.server.start()
    await asyncio.wait_for(counted, DEADLINE_S)
    assert store.batches == [1]


async def test_a_process_for_which_no_shard_is_left_is_ready(kafka: Kafka) -> None:
    inputs = await kafka.topic("counts")
    totals = await kafka.topic("totals")
    async with (
        counting(kafka, SlowStore(), inputs, totals, partitions=1) as one,
        counting(kafka, SlowStore(), inputs, totals, partitions=1) as other,
    ):
        await until(lambda: one.ready and other.ready, what="both are ready", deadline_s=DEADLINE_S)
        assert (one.checks, other.checks) == ({"processor counter": ""},) * 2


async def test_a_coordinator_that_dies_in_the_start_ends_the_process(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing_module, "WATCHDOG_SECONDS", 0.05)
    inputs = await kafka.topic("counts", partitions=PARTITIONS)
    store, background = SlowStore(), Background()
    store.takes.clear()  # the start waits for its shards
    processing = processing_of(kafka, store, inputs, inputs, background, Health())
    starting = asyncio.create_task(processing.start())
    await asyncio.wait_for(store.asked.wait(), DEADLINE_S)
    consumer = processing._app.consumer._thread._ensure_consumer()
    consumer._coordinator._coordination_task.cancel()
    error = await asyncio.wait_for(background.crashed(), DEADLINE_S)
    assert "no longer consumes" in str(error)
    assert not starting.done()
    store.takes.set()
    starting.cancel()
    await processing.stop()


async def _first(reader: AIOKafkaConsumer, count: int) -> AsyncIterator[ConsumerRecord]:
    for _ in range(count):
        yield await reader.getone()
