"""Two counters in a chain, two processes each, under a load whose every count is remembered."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.kafka import EdgeProducer
from tests.support.counter import Count, counter_dsn
from tests.support.fleet import Fleet, Member
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until

PARTITIONS = 8
RATE = 150  # counts a second
ENTITIES = [f"entity-{n}" for n in range(40)]
DRAIN_S = 120.0


@dataclass(slots=True)
class EngineCourse:
    """The chain `counts → counter.sum → totals → counter.far → end`, and what went into it."""

    kafka: Kafka
    postgres: Postgres
    fleet: Fleet
    inputs: str
    end: str
    dsns: dict[str, str]
    accepted: Tally[str] = field(default_factory=Tally)
    sent: int = 0

    def processes(self, name: str) -> list[Member]:
        """The processes of one counter."""
        return [member for member in self.fleet.members if member.name.startswith(name)]

    async def load(self, stop: asyncio.Event) -> None:
        """Send counts at a steady rate; what is not acknowledged is sent again, as providers do."""
        producer = EdgeProducer(self.kafka.bootstrap, "load")
        begin = asyncio.get_running_loop().time()
        try:
            while not stop.is_set():
                await until(partial(_is_past, begin + self.sent / RATE), what="the next count")
                await self._send(producer)
        finally:
            await producer.stop()

    async def _send(self, producer: EdgeProducer) -> None:
        self.sent += 1
        entity = ENTITIES[self.sent % len(ENTITIES)]
        count = Count(entity=entity, amount=1, request=f"count-{self.sent}")
        accepted = False
        while not accepted:
            try:
                value = count.SerializeToString()
                await producer.publish(self.inputs, entity.encode(), value, [])
                accepted = True
            except BusUnavailable:
                continue
        self.accepted[entity] += 1

    async def totals(self, name: str) -> dict[str, tuple[int, int]]:
        """Entity to total and counts seen, as one counter has them in its database."""
        connection = await asyncpg.connect(self.dsns[name])
        try:
            rows = await connection.fetch("SELECT entity, total, seen FROM total")
            return {row["entity"]: (row["total"], row["seen"]) for row in rows}
        finally:
            await connection.close()

    async def drained(self) -> None:
        """Wait until the far counter has seen as many counts as were accepted."""
        wanted = sum(self.accepted.values())

        async def seen() -> bool:
            far = await self.totals("counter.far")
            return sum(seen for _, seen in far.values()) >= wanted

        await until(seen, what=f"{wanted} counts at the far end", deadline_s=DRAIN_S)

    async def published_sequences(self) -> dict[str, list[int]]:
        """Per entity, the totals at the far end's topic, in order and without repeats."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            places = [TopicPartition(self.end, number) for number in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            return await _read(consumer, ends)
        finally:
            await consumer.stop()


def _is_past(moment: float) -> bool:
    return asyncio.get_running_loop().time() >= moment


async def _read(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    seen: set[bytes] = set()
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        for batch in (await consumer.getmany(timeout_ms=500)).values():
            for record in batch:
                event_id = dict(record.headers)["ce_id"]
                if event_id not in seen:
                    seen.add(event_id)
                    count = Count.FromString(record.value)
                    found.setdefault(count.entity, []).append(count.total)
    return found


@asynccontextmanager
async def engine_course(
    kafka: Kafka, postgres: Postgres, folder: Path
) -> AsyncIterator[EngineCourse]:
    """Start the chain; every process is kept running until the end."""
    topics = [kafka.name(stem) for stem in ("counts", "totals", "end")]
    await kafka.acreate_topics(
        *topics, partitions=PARTITIONS, message_timestamp_type="LogAppendTime"
    )
    dsns, members = {}, []
    for name, reads, writes in (
        ("counter.sum", topics[0], topics[1]),
        ("counter.far", topics[1], topics[2]),
    ):
        dsns[name] = await counter_dsn(await postgres.adatabase("chaos"))
        environment = {
            "COUNTER_DSN": dsns[name],
            "COUNTER_INPUTS": reads,
            "COUNTER_KAFKA": kafka.bootstrap,
            "COUNTER_NAME": f"{name}.{topics[0]}",
            "COUNTER_PARTITIONS": str(PARTITIONS),
            "COUNTER_TOTALS": writes,
        }
        members += [
            Member(
                f"{name}/{n}",
                "tests.support.counter_service",
                environment,
                folder / f"{name}-{n}.log",
            )
            for n in range(2)
        ]
    async with Fleet(*members) as fleet:
        yield EngineCourse(kafka, postgres, fleet, topics[0], topics[2], dsns)


async def kill(member: Member) -> None:
    """Kill -9, and wait until another process stands in its place."""
    exits = len(member.exits)
    member.send(signal.SIGKILL)
    await until(lambda: len(member.exits) > exits, what=f"{member.name} killed")
