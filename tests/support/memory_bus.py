"""Kafka in memory: topics, partitions and append times, for simulation and contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from services.chassis.bus.engine import Bounds
from services.chassis.bus.headers import partition_for
from services.chassis.bus.outbox import Outgoing
from services.chassis.bus.record import Header, Record

Placed = tuple[str, int]


class MemoryBus:
    """Logs that live as long as the object; `now_ms` stamps what is appended."""

    def __init__(self, partitions: int, now_ms: Callable[[], int]) -> None:
        self.partitions = partitions
        self.logs: dict[Placed, list[Record]] = {}
        self.ids: dict[str, str] = {}  # topics that were made again
        self._now_ms = now_ms

    def partitions_of(self, _topic: str) -> int:
        """How many partitions a topic has: the same for all."""
        return self.partitions

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Sequence[Header] = (),
        *,
        partition: int | None = None,
    ) -> Record:
        """Append as a broker does: next offset, LogAppendTime."""
        where = partition_for(key, self.partitions) if partition is None else partition
        log = self.logs.setdefault((topic, where), [])
        record = Record(topic, where, len(log), self._now_ms(), key, value, tuple(headers))
        log.append(record)
        return record

    def read(self, topic: str, partition: int, offset: int, most: int) -> list[Record]:
        """Records from `offset` on."""
        return self.logs.get((topic, partition), [])[offset : offset + most]

    async def bounds(self, places: Iterable[Placed]) -> Mapping[Placed, Bounds]:
        """First and next offset of each partition."""
        return {
            at: Bounds(self.ids.get(at[0], "first"), 0, len(self.logs.get(at, ()))) for at in places
        }

    async def ends(self, places: Iterable[Placed]) -> Mapping[Placed, int]:
        """The next offset of each partition."""
        return {at: len(self.logs.get(at, ())) for at in places}

    async def publish(self, records: Mapping[Placed, Sequence[Outgoing]]) -> None:
        """Append each record to its partition, in order."""
        for (topic, partition), batch in records.items():
            for record in batch:
                self.append(topic, record.key, record.value, record.headers, partition=partition)

    async def renew(self) -> None:
        """Nothing can go out of sequence here."""
