"""What travels on the bus, seen from a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic partition, as the log holds it."""

    topic: str
    partition: int
    offset: int
    append_ms: int  # LogAppendTime, unix milliseconds: the only clock a processor sees
    key: bytes
    value: bytes
    headers: tuple[Header, ...] = ()

    @classmethod
    def of(cls, read: Any) -> Record:
        """The record in an aiokafka `ConsumerRecord`; absent keys and values are empty."""
        place = read.topic, read.partition, read.offset
        return cls(*place, read.timestamp, read.key or b"", read.value or b"", read.headers)

    def header(self, name: str) -> bytes | None:
        """The first header called `name`, or None."""
        return next((value for key, value in self.headers if key == name), None)
