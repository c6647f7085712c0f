"""The loop one would write by hand: aiokafka, the same transaction, the same publish. No more.

It has no relay, no dedup, no timers, no dead letters and no metrics, and would lose what it was
publishing when it is killed; it is the limit that the engine is measured against.
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
from aiokafka.partitioner import murmur2
from google.protobuf.message import Message

from switchboard.engine.v1.records_pb2 import OutboxBatch
from tests.support.counter import Count

Totals = dict[str, tuple[int, int]]


async def main() -> None:
    """Read, add up, commit, publish, for ever."""
    partitions = int(os.environ["COUNTER_PARTITIONS"])
    consumer, producer, connection, shards = await _start(partitions)
    totals: dict[int, Totals] = defaultdict(dict)
    sequences: dict[tuple[int, int], int] = defaultdict(int)
    while True:
        fetched = await consumer.getmany(timeout_ms=500, max_records=int(os.environ["BARE_BATCH"]))
        if not fetched:
            continue
        document: dict[str, Any] = {"processor": "bare.sum", "shards": [], "offsets": []}
        document |= {"sequences": [], "outbox": [], "rows": {"total": []}}
        payloads: list[bytes] = []
        publish: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        for place, records in fetched.items():
            number = place.partition
            epoch, version = shards[number]
            changed: dict[str, Any] = {}
            outbox = OutboxBatch()
            said: dict[int, int] = defaultdict(int)
            for record in records:
                at = _apply(
                    totals[number], record.value, number, changed, outbox, publish, partitions
                )
                said[at] += 1
            for at, count in said.items():
                sequences[number, at] += count
                document["sequences"].append([number, "totals", at, sequences[number, at]])
            last = records[-1]
            document["shards"].append([number, epoch, version, last.timestamp])
            document["offsets"].append([place.topic, number, last.offset + 1, ""])
            payloads.append(outbox.SerializeToString())
            document["outbox"].append([number, version + 1, len(payloads)])
            document["rows"]["total"] += changed.values()
            shards[number] = (epoch, version + 1)
        document["published"] = [[n, v - 1] for n, (_, v) in shards.items()]
        await connection.fetchval("SELECT commit_batch($1, $2)", document, payloads)
        await _publish(producer, publish)


def _apply(
    totals: Totals,
    value: bytes,
    number: int,
    changed: dict[str, Any],
    outbox: OutboxBatch,
    publish: dict[int, list[tuple[bytes, bytes]]],
    partitions: int,
) -> int:
    count = Count.FromString(value)
    total, seen = totals.get(count.entity, (0, 0))
    total, seen = total + count.amount, seen + 1
    totals[count.entity] = (total, seen)
    changed[count.entity] = {
        "entity": count.entity, "shard": number, "total": total, "seen": seen,
    }
    said: Message = Count(entity=count.entity, amount=count.amount, total=total, trace=count.trace)
    key, body = count.entity.encode(), said.SerializeToString()
    at = (murmur2(key) & 0x7FFFFFFF) % partitions
    outbox.records.add(topic=os.environ["COUNTER_TOTALS"], partition=at, key=key, value=body)
    publish[at].append((key, body))
    return at


async def _publish(
    producer: AIOKafkaProducer, publish: dict[int, list[tuple[bytes, bytes]]]
) -> None:
    sent = []
    for partition, records in publish.items():
        builder = producer.create_batch()
        for key, value in records:
            if builder.append(key=key, value=value, timestamp=None) is None:
                topic = os.environ["COUNTER_TOTALS"]
                sent.append(await producer.send_batch(builder, topic, partition=partition))
                builder = producer.create_batch()
                builder.append(key=key, value=value, timestamp=None)
        topic = os.environ["COUNTER_TOTALS"]
        sent.append(await producer.send_batch(builder, topic, partition=partition))
    await asyncio.gather(*sent)


async def _start(partitions: int) -> Any:
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
        " SELECT 'bare.sum', n, 1, 'bare' FROM generate_series(0, $1::integer - 1) n",
        partitions,
    )
    bootstrap = os.environ["COUNTER_KAFKA"]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(os.environ["COUNTER_INPUTS"], n) for n in range(partitions)])
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=900_000
    )
    await producer.start()
    return consumer, producer, connection, {n: (1, 0) for n in range(partitions)}


if __name__ == "__main__":
    uvloop.run(main())
