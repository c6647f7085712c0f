"""What waits in the outbox: records with their partition and sequence given, encoded as one row.

What is the same in all records of a row, or follows from the rest, is not kept: the headers are
made when the record is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from switchboard.engine.v1.records_pb2 import OutboxBatch

from services.chassis.bus import headers
from services.chassis.bus.record import Header
from services.chassis.bus.store import Stamp


class OutboxRecord(NamedTuple):
    """A record that has its place in a sequence and only waits to be published."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    type_name: str
    subject: str
    time_ms: int
    traceparent: bytes
    incarnation: int
    sequence: int


class Outgoing(NamedTuple):
    """A record as it goes into Kafka."""

    key: bytes
    value: bytes
    headers: Sequence[Header]


def encode(records: Iterable[OutboxRecord]) -> bytes:
    """The records of one shard and batch as an `engine.v1.OutboxBatch`."""
    batch = OutboxBatch()
    add = batch.records.add
    for topic, partition, key, value, name, subject, time_ms, trace, inc, sequence in records:
        add(
            topic=topic,
            partition=partition,
            key=key,
            value=value,
            type_name=name,
            subject=subject,
            time_ms=time_ms,
            traceparent=trace,
            incarnation=inc,
            sequence=sequence,
        )
    return batch.SerializeToString()


def decode(payload: bytes) -> list[OutboxRecord]:
    """The records of an encoded `engine.v1.OutboxBatch`."""
    return [
        OutboxRecord(
            record.topic,
            record.partition,
            record.key,
            record.value,
            record.type_name,
            record.subject,
            record.time_ms,
            record.traceparent,
            record.incarnation,
            record.sequence,
        )
        for record in OutboxBatch.FromString(payload).records
    ]


def outgoing(record: OutboxRecord, *, writer: str, shard: int) -> Outgoing:
    """`record` with its headers. Its event id names its place, so it is the same on every try."""
    place = f"{writer}/{shard}/{record.topic}/{record.partition}"
    sent = headers.event(
        record.type_name,
        event_id=f"{place}/{record.incarnation}.{record.sequence}",
        source=writer,
        time_ms=record.time_ms,
        subject=record.subject,
        traceparent=record.traceparent,
    )
    sent += headers.stamp(writer, shard, Stamp(record.incarnation, record.sequence))
    return Outgoing(record.key, record.value, sent)
