"""Record headers: CloudEvents 1.0 in Kafka's binary mode, W3C trace context, the writer's stamp.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md

Written by hand because they are on the path of every record; the CloudEvents rules are a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from aiokafka.partitioner import murmur2

from services.chassis.bus.record import Header
from services.chassis.bus.store import Stamp

TRACEPARENT = "traceparent"
WRITER, SHARD, SEQUENCE = "sb_writer", "sb_shard", "sb_seq"

_FIXED: tuple[Header, ...] = (("ce_specversion", b"1.0"), ("content-type", b"application/protobuf"))


@dataclass(frozen=True, slots=True)
class ReadStamp:
    """The writer's stamp of a record: whose sequence it is in, and where."""

    writer: str
    shard: int
    incarnation: int
    sequence: int

    @classmethod
    def of(cls, headers: Iterable[Header]) -> ReadStamp | None:
        """The stamp in `headers`; None where the writer keeps no sequence, as edges do."""
        found = dict(headers)
        if WRITER not in found:
            return None
        incarnation, _, sequence = found[SEQUENCE].partition(b".")
        return cls(found[WRITER].decode(), int(found[SHARD]), int(incarnation), int(sequence))


def event(
    type_name: str,
    *,
    event_id: str,
    source: str,
    time_ms: int,
    subject: str = "",
    traceparent: bytes | None = None,
) -> list[Header]:
    """The CloudEvents headers of a message; `type_name` is its full protobuf name."""
    headers = [
        ("ce_id", event_id.encode()),
        ("ce_type", type_name.encode()),
        ("ce_source", source.encode()),
        ("ce_time", rfc3339(time_ms)),
        *_FIXED,
    ]
    if subject:
        headers.append(("ce_subject", subject.encode()))
    if traceparent:
        headers.append((TRACEPARENT, traceparent))
    return headers


def stamp(writer: str, shard: int, given: Stamp) -> list[Header]:
    """The headers that put a record into its writer's sequence."""
    return [(WRITER, writer.encode()), (SHARD, b"%d" % shard), (SEQUENCE, b"%d.%d" % given)]


def rfc3339(time_ms: int) -> bytes:
    """Unix milliseconds as RFC 3339 in UTC, as CloudEvents wants its time."""
    return b"%s.%03dZ" % (_to_the_second(time_ms // 1000), time_ms % 1000)


@lru_cache(maxsize=64)
def _to_the_second(time_s: int) -> bytes:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


@lru_cache(maxsize=1024)
def partition_for(key: bytes, partitions: int) -> int:
    """The partition Kafka's default partitioner gives `key`, so that every client agrees."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
