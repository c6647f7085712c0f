"""The loop one would write by hand: aiokafka, the same transaction, the same records out. No more.

It has no relay, no timers, no dead letters, no bisection, no metrics and no traces, and would lose
what it was publishing when it is killed; it is the limit that the engine is measured against.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from typing import Any

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome, OutboxBatch, OutboxRecord

from services.chassis.bus import headers
from services.chassis.bus.store import Stamp
from tests.support.counter import Count

WRITER = "bare.sum"
TOTALS = os.environ["COUNTER_TOTALS"]
PARTITIONS = int(os.environ["COUNTER_PARTITIONS"])
BATCH = int(os.environ["BARE_BATCH"])


class Loop:
    """The state of the loop: totals, sequences and fences by partition."""

    def __init__(self) -> None:
        self.totals: dict[str, tuple[int, int]] = {}
        self.sequences: dict[tuple[int, int], int] = defaultdict(int)
        self.versions = dict.fromkeys(range(PARTITIONS), 0)
        self.document: dict[str, Any] = {}
        self.payloads: list[bytes] = []
        self.publish: dict[int, list[tuple[bytes, bytes, list[tuple[str, bytes]]]]] = {}

    def begin(self) -> None:
        """Start a batch."""
        sections = ("shards", "offsets", "sequences", "outbox", "requests")
        self.document = {"processor": WRITER} | {name: [] for name in sections}
        self.document["published"] = [[n, version] for n, version in self.versions.items()]
        self.document["rows"] = {"total": {}}
        self.payloads = []
        self.publish = {}

    def apply(self, topic: str, number: int, records: list[Any]) -> None:
        """Add up the records of one partition."""
        outbox = [self._count(record, number) for record in records]
        now_ms = records[-1].timestamp
        given = {(record.partition, record.sequence) for record in outbox}
        for partition, sequence in dict(sorted(given)).items():
            self.document["sequences"].append([number, TOTALS, partition, sequence])
        version = self.versions[number]
        self.document["shards"].append([number, 1, version, now_ms])
        self.document["offsets"].append([topic, number, records[-1].offset + 1, ""])
        self.payloads.append(OutboxBatch(records=outbox).SerializeToString())
        self.document["outbox"].append([number, version + 1, len(self.payloads)])
        self.versions[number] = version + 1

    def _count(self, record: Any, number: int) -> OutboxRecord:
        count = Count.FromString(record.value)
        total, seen = self.totals.get(count.entity, (0, 0))
        total, seen = total + count.amount, seen + 1
        self.totals[count.entity] = (total, seen)
        self.document["rows"]["total"][count.entity] = {
            "entity": count.entity,
            "shard": number,
            "total": total,
            "seen": seen,
        }
        if count.request:
            self._answer(count.request, record.timestamp, total)
        said: Message = Count(
            entity=count.entity, amount=count.amount, total=total, trace=count.trace
        )
        return self._said(count.entity.encode(), said, number, record.timestamp)

    def _answer(self, request: str, now_ms: int, total: int) -> None:
        answer = CommandOutcome(request_key=request, accepted=True, result=str(total).encode())
        self.payloads.append(answer.SerializeToString())
        self.document["requests"].append([request, now_ms, len(self.payloads)])

    def _said(self, key: bytes, said: Message, number: int, now_ms: int) -> OutboxRecord:
        value, name = said.SerializeToString(), said.DESCRIPTOR.full_name
        partition = headers.partition_for(key, PARTITIONS)
        self.sequences[number, partition] += 1
        sequence = self.sequences[number, partition]
        sent = headers.event(
            name,
            event_id=f"{WRITER}/{number}/{TOTALS}/{partition}/0.{sequence}",
            source=WRITER,
            time_ms=now_ms,
        )
        sent += headers.stamp(WRITER, number, Stamp(0, sequence))
        self.publish.setdefault(partition, []).append((key, value, sent))
        return OutboxRecord(
            topic=TOTALS,
            partition=partition,
            key=key,
            value=value,
            type_name=name,
            time_ms=now_ms,
            sequence=sequence,
        )

    def finished(self) -> tuple[dict[str, Any], list[bytes]]:
        """The batch as one document and its payloads."""
        self.document["rows"]["total"] = list(self.document["rows"]["total"].values())
        return self.document, self.payloads


async def main() -> None:
    """Read, add up, commit, publish, for ever."""
    consumer, producer, connection = await _start()
    loop = Loop()
    while True:
        fetched = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        if not fetched:
            continue
        loop.begin()
        for place, records in fetched.items():
            loop.apply(place.topic, place.partition, records)
        await connection.fetchval("SELECT commit_batch($1, $2)", *loop.finished())
        await _publish(producer, loop.publish)


async def _publish(
    producer: AIOKafkaProducer, publish: dict[int, list[tuple[bytes, bytes, Any]]]
) -> None:
    sent = []
    for partition, records in publish.items():
        builder = producer.create_batch()
        for key, value, carried in records:
            while builder.append(key=key, value=value, timestamp=None, headers=carried) is None:
                sent.append(await producer.send_batch(builder, TOTALS, partition=partition))
                builder = producer.create_batch()
        sent.append(await producer.send_batch(builder, TOTALS, partition=partition))
    await asyncio.gather(*sent)


async def _start() -> tuple[AIOKafkaConsumer, AIOKafkaProducer, Any]:
    connection = await asyncpg.connect(os.environ["COUNTER_DSN"])
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
        WRITER,
        PARTITIONS,
    )
    bootstrap = os.environ["COUNTER_KAFKA"]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(os.environ["COUNTER_INPUTS"], n) for n in range(PARTITIONS)])
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=900_000
    )
    await producer.start()
    return consumer, producer, connection


if __name__ == "__main__":
    uvloop.run(main())
