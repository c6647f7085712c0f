"""What a run leaves behind: who owned what, what was applied, and one hash of all of it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import orjson

from services.chassis.bus.engine import _in_time
from services.chassis.bus.record import Record
from services.chassis.bus.store import Commit
from tests.simulation.group import Violation
from tests.support.memory_bus import MemoryBus
from tests.support.memory_store import MemoryStore


class History:
    """The `Witness` of every connection."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        self._owners: dict[tuple[str, int], str] = {}
        self._applied: dict[tuple[str, str, int], int] = defaultdict(int)
        self.records: dict[str, list[Record]] = defaultdict(list)
        """What each processor has applied, in its order: by batch, and in a batch by time."""

    def taken(self, owner: str, processor: str, shards: Sequence[int]) -> None:
        """`owner` has the shards now."""
        self._owners |= {(processor, shard): owner for shard in shards}

    def owns(self, owner: str, processor: str, shards: Iterable[int]) -> bool:
        """Whether nobody has taken any of the shards since `owner` did."""
        return all(self._owners.get((processor, shard)) == owner for shard in shards)

    def committed(self, owner: str, commit: Commit) -> None:
        """The database took a commit of `owner`."""
        shards = {row[0] for row in commit.shards}
        if not self.owns(owner, commit.processor, shards):
            raise Violation(f"{owner} committed to {sorted(shards)}, which others have taken")
        applied: list[Record] = []
        for topic, partition, following, _ in commit.offsets:
            place = (commit.processor, topic, partition)
            first, self._applied[place] = self._applied[place], following
            applied += self._bus.read(topic, partition, first, following - first)
        self.records[commit.processor] += _in_time(applied)


class Trace:
    """Every step of a run, as lines and as one hash; equal runs have equal hashes."""

    def __init__(self, *, aloud: bool = False) -> None:
        self._hash = hashlib.sha256()
        self._aloud = aloud
        self.steps = 0

    def note(self, now_ms: int, what: str) -> None:
        """One step."""
        self.steps += 1
        self.add(f"{now_ms} {what}".encode())
        if self._aloud:
            print(f"{self.steps:5d} {now_ms} {what}")

    def add(self, data: bytes) -> None:
        """Something that a run ends with."""
        self._hash.update(len(data).to_bytes(4, "big") + data)

    def seal(self, bus: MemoryBus, stores: Mapping[str, MemoryStore]) -> None:
        """Add every record and every row."""
        for _, log in sorted(bus.logs.items()):
            for record in log:
                self.add(repr(record).encode())
        for _, store in sorted(stores.items()):
            for table, kept in sorted(store.rows.tables.items()):
                for key, row in sorted(kept.items()):
                    values = orjson.dumps(orjson.loads(row), option=orjson.OPT_SORT_KEYS)
                    self.add(f"{table} {key}".encode() + values)

    def digest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()
