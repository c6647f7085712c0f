"""What waits in the outbox, as it goes into Kafka.

A row of the outbox is an `engine.v1.OutboxBatch`: records with their partition and sequence given.
What is the same in all of them, or follows from the rest, is not kept: the headers are made when a
record is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from switchboard.engine.v1.records_pb2 import OutboxRecord

from services.chassis.bus import headers
from services.chassis.bus.record import Header
from services.chassis.bus.store import Stamp


class Outgoing(NamedTuple):
    """A record as it goes into Kafka."""

    key: bytes
    value: bytes
    headers: Sequence[Header]


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
