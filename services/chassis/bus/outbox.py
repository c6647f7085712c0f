"""What waits in the outbox: records with their partition and sequence given, encoded as one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from switchboard.engine.v1.records_pb2 import OutboxBatch
from switchboard.engine.v1.records_pb2 import OutboxRecord as OutboxRecordMessage

from services.chassis.bus.record import Header


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A record that has its place in a sequence and only waits to be published."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Sequence[Header]


def encode(records: Iterable[OutboxRecord]) -> bytes:
    """The records of one shard and batch as an `engine.v1.OutboxBatch`."""
    batch = OutboxBatch()
    for record in records:
        added = batch.records.add(
            topic=record.topic, partition=record.partition, key=record.key, value=record.value
        )
        for name, value in record.headers:
            added.headers.add(name=name, value=value)
    return batch.SerializeToString()


def decode(payload: bytes) -> list[OutboxRecord]:
    """The records of an encoded `engine.v1.OutboxBatch`."""
    return [_decoded(record) for record in OutboxBatch.FromString(payload).records]


def _decoded(record: OutboxRecordMessage) -> OutboxRecord:
    sent = [(header.name, header.value) for header in record.headers]
    return OutboxRecord(record.topic, record.partition, record.key, record.value, sent)
