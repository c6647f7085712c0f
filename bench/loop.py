"""The loop one would write by hand: aiokafka, a transaction a batch, the records out. No more.

It has no relay, no timers, no dead letters, no bisection, no metrics and no traces, and would lose
what it was publishing when it is killed; it is the limit that the engine is measured against. What
a record means is said by who inherits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from switchboard.engine.v1.records_pb2 import OutboxBatch, OutboxRecord

from services.chassis.bus import headers
from services.chassis.bus.store import Stamp

Published = tuple[bytes, bytes, list[tuple[str, bytes]]]  # key, value, headers


@dataclass(frozen=True, slots=True)
class Course:
    """Where a loop runs."""

    dsn: str
    bootstrap: str
    inputs: str
    partitions: int
    batch: int  # records it takes at once, at the most


class Loop(ABC):
    """The state of a loop, and of the batch at hand."""

    def __init__(self, writer: str, partitions: int) -> None:
        self.writer = writer
        self.partitions = partitions
        self._sequences: dict[tuple[int, str, int], int] = defaultdict(int)
        self._versions = dict.fromkeys(range(partitions), 0)
        self.begin()

    @abstractmethod
    def take(self, record: Any, number: int) -> None:
        """Do what a record of partition `number` asks for: `put`, `answer`, `say`."""

    async def read(self, connection: asyncpg.Connection, records: list[Any]) -> None:  # noqa: B027 - for those who read
        """Read what the records of a batch are about; what is in memory needs no reading."""

    def begin(self) -> None:
        """Start a batch."""
        sections = ("shards", "offsets", "cursors", "sequences", "timers", "outbox", "requests")
        self._document: dict[str, Any] = {name: [] for name in sections}
        self._document["processor"] = self.writer
        self._document["published"] = [[n, version] for n, version in self._versions.items()]
        self._rows: dict[str, dict[Any, Mapping[str, Any]]] = {}
        self._payloads: list[bytes] = []
        self._outbox: list[OutboxRecord] = []
        self.publish: dict[tuple[str, int], list[Published]] = {}

    def apply(self, topic: str, number: int, records: list[Any]) -> None:
        """Take the records of one partition."""
        self._outbox = []
        for record in records:
            self.take(record, number)
        last = {(said.topic, said.partition): said.sequence for said in self._outbox}
        self._document["sequences"] += ([number, *to, sequence] for to, sequence in last.items())
        if (read := headers.ReadStamp.of(records[-1].headers)) is not None:
            at = (read.writer, read.shard, read.incarnation, read.sequence)
            self._document["cursors"].append([topic, number, *at])
        version = self._versions[number]
        self._document["shards"].append([number, 1, version, records[-1].timestamp])
        self._document["offsets"].append([topic, number, records[-1].offset + 1, ""])
        if self._outbox:
            row = self._payload(OutboxBatch(records=self._outbox).SerializeToString())
            self._document["outbox"].append([number, version + 1, row])
        self._versions[number] = version + 1

    def put(self, table: str, key: Any, row: Mapping[str, Any]) -> None:
        """Insert or replace a row."""
        self._rows.setdefault(table, {})[key] = row

    def timer(self, number: int, key: str, due_ms: int) -> None:
        """Remember when something is to be looked at again."""
        self._document["timers"].append([number, key, due_ms])

    def answer(self, request: str, now_ms: int, outcome: bytes | None) -> None:
        """Remember that a request was made, and what came of it."""
        payload = None if outcome is None else self._payload(outcome)
        self._document["requests"].append([request, now_ms, payload])

    def say(
        self, number: int, topic: str, key: bytes, type_name: str, value: bytes, now_ms: int
    ) -> None:
        """Publish after the commit, in the sequence of partition `number`."""
        partition = headers.partition_for(key, self.partitions)
        self._sequences[number, topic, partition] += 1
        sequence = self._sequences[number, topic, partition]
        sent = headers.event(
            type_name,
            event_id=f"{self.writer}/{number}/{topic}/{partition}/0.{sequence}",
            source=self.writer,
            time_ms=now_ms,
        )
        sent += headers.stamp(self.writer, number, Stamp(0, sequence))
        self.publish.setdefault((topic, partition), []).append((key, value, sent))
        self._outbox.append(
            OutboxRecord(
                topic=topic,
                partition=partition,
                key=key,
                value=value,
                type_name=type_name,
                time_ms=now_ms,
                sequence=sequence,
            )
        )

    def finished(self) -> tuple[dict[str, Any], list[bytes]]:
        """The batch as one document and its payloads."""
        rows = {table: list(rows.values()) for table, rows in self._rows.items()}
        document = {name: of for name, of in self._document.items() if of}
        return {**document, "rows": rows}, self._payloads

    def _payload(self, value: bytes) -> int:
        self._payloads.append(value)
        return len(self._payloads)


async def run(loop: Loop, course: Course) -> None:
    """Read, decide, commit, publish, for ever."""
    consumer, producer, connection = await _start(loop, course)
    while True:
        fetched = await consumer.getmany(timeout_ms=500, max_records=course.batch)
        if not fetched:
            continue
        await loop.read(connection, [record for batch in fetched.values() for record in batch])
        loop.begin()
        for place, records in fetched.items():
            loop.apply(place.topic, place.partition, records)
        await connection.fetchval("SELECT commit_batch($1, $2)", *loop.finished())
        await _publish(producer, loop.publish)


async def _publish(
    producer: AIOKafkaProducer, publish: Mapping[tuple[str, int], list[Published]]
) -> None:
    sent = []
    for (topic, partition), records in publish.items():
        builder = producer.create_batch()
        for key, value, carried in records:
            while builder.append(key=key, value=value, timestamp=None, headers=carried) is None:
                sent.append(await producer.send_batch(builder, topic, partition=partition))
                builder = producer.create_batch()
        sent.append(await producer.send_batch(builder, topic, partition=partition))
    await asyncio.gather(*sent)


async def _start(loop: Loop, course: Course) -> tuple[AIOKafkaConsumer, AIOKafkaProducer, Any]:
    connection = await asyncpg.connect(course.dsn)
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda value: orjson.loads(value[1:]),
        format="binary",
    )
    await connection.execute(
        "INSERT INTO shard (processor, shard, epoch, owner)"
        " SELECT $1, n, 1, 'bare' FROM generate_series(0, $2::integer - 1) n",
        loop.writer,
        course.partitions,
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=course.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(course.inputs, n) for n in range(course.partitions)])
    producer = AIOKafkaProducer(
        bootstrap_servers=course.bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=900_000,
    )
    await producer.start()
    return consumer, producer, connection
