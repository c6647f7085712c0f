"""The store in memory: for simulation, and for tests of cores that want no database.

It passes the same contract suite as `postgres_store`, and keeps rows as the JSON they would be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.fates import Fenced, LayoutRefused, WriteRefused
from services.chassis.bus.processor import Table
from services.chassis.bus.record import Record
from services.chassis.bus.store import Commit, JsonRows, Place, Stamp, Taken


@dataclass(slots=True)
class _Held:
    epoch: int = 0
    version: int = 0
    now_ms: int = 0
    takeovers: int = 0
    attempts: int = 0
    attempted: tuple[str, int] | None = None
    offsets: dict[str, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    cursors: dict[Place, Stamp] = field(default_factory=dict)
    sequences: dict[tuple[str, int], int] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    outbox: dict[int, bytes] = field(default_factory=dict)


class MemoryRows:
    """Tables as dictionaries of JSON, by primary key."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables: dict[str, dict[tuple[Any, ...], bytes]] = {t.name: {} for t in tables}
        self._keys = {table.name: table.key for table in tables}

    async def select(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows whose columns equal the given values; a list or tuple means any of them."""
        rows = (orjson.loads(row) for row in self.tables[table].values())
        return [row for row in rows if all(_holds(row[name], where[name]) for name in where)]

    def check(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Raise `WriteRefused` for what Postgres would refuse too: text with a NUL."""
        if b"\\u0000" in orjson.dumps(rows):
            raise WriteRefused("text holds a NUL")

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        """Insert or replace."""
        key = tuple(row[column] for column in self._keys[table])
        self.tables[table][key] = orjson.dumps(row)


class MemoryStore:
    """Shards, outbox, timers, requests and dead letters of one service, in memory."""

    def __init__(self, tables: Sequence[Table] = ()) -> None:
        self.rows = MemoryRows(tables)
        self.requests: dict[str, bytes] = {}
        self._held: dict[tuple[str, int], _Held] = {}
        self._layouts: dict[str, tuple[int, int]] = {}
        self._letters: dict[str, DeadLetter] = {}

    async def take(
        self, processor: str, *, layout: int, partitions: int, shards: Sequence[int], owner: str
    ) -> list[Taken]:
        """Raise the epoch of each shard and return how it stands."""
        del owner  # kept for people to read; nobody reads a dictionary
        stored = self._layouts.setdefault(processor, (layout, partitions))
        if stored[0] > layout or stored[1] != partitions:
            raise LayoutRefused(f"{processor} is stored with layout and partitions {stored}")
        self._layouts[processor] = (layout, partitions)
        return [self._take(processor, number) for number in shards]

    def _take(self, processor: str, number: int) -> Taken:
        held = self._held.setdefault((processor, number), _Held())
        held.epoch += 1
        held.takeovers += 1
        return Taken(
            shard=number,
            epoch=held.epoch,
            version=held.version,
            now_ms=held.now_ms,
            takeovers=held.takeovers,
            incarnation=0,
            offsets=dict(held.offsets),
            topic_ids=dict(held.topic_ids),
            cursors=dict(held.cursors),
            sequences=dict(held.sequences),
            timers=list(held.timers.items()),
            parked=frozenset(held.parked),
            outbox=sorted(held.outbox.items()),
        )

    async def commit(self, commit: Commit) -> frozenset[str]:
        """Apply the commit, or return the request keys already answered."""
        known = frozenset(row[0] for row in commit.requests if row[0] in self.requests)
        if known:
            return known
        held = {row[0]: self._held[commit.processor, row[0]] for row in commit.shards}
        if any(held[n].epoch != e or held[n].version != v for n, e, v, _ in commit.shards):
            raise Fenced("another process owns a shard of this batch")
        self.rows.check(commit.rows)
        for number, _, version, now_ms in commit.shards:
            shard = held[number]
            shard.version, shard.now_ms = version + 1, now_ms
            shard.takeovers = shard.attempts = 0
        self._apply_log(commit, held)
        self._apply_timers(commit, held)
        self._apply_letters(commit, held)
        for key, _, payload in commit.requests:
            self.requests[key] = commit.payloads[payload - 1] if payload else b""
        for table, rows in commit.rows.items():
            for row in rows:
                self.rows.put(table, row)
        return frozenset()

    def _apply_log(self, commit: Commit, held: Mapping[int, _Held]) -> None:
        for topic, number, following, topic_id in commit.offsets:
            held[number].offsets[topic] = following
            held[number].topic_ids[topic] = topic_id
        for topic, number, writer, shard, incarnation, sequence in commit.cursors:
            held[number].cursors[Place(topic, writer, shard)] = Stamp(incarnation, sequence)
        for number, topic, partition, sequence in commit.sequences:
            held[number].sequences[topic, partition] = sequence
        for number, version, payload in commit.outbox:
            held[number].outbox[version] = commit.payloads[payload - 1]
        self._forget(commit.processor, commit.published)

    def _apply_timers(self, commit: Commit, held: Mapping[int, _Held]) -> None:
        for number, key in commit.cancelled:
            held[number].timers.pop(key, None)
        for number, key, due_ms in commit.timers:
            held[number].timers[key] = due_ms

    def _apply_letters(self, commit: Commit, held: Mapping[int, _Held]) -> None:
        for letter_id, _ in commit.settled:
            self._letters.pop(letter_id, None)
        for letter_id, *_, payload in commit.letters:
            self._letters[letter_id] = DeadLetter.FromString(commit.payloads[payload - 1])
        for number, entity in commit.parked:
            held[number].parked.add(entity)
        for number, entity in commit.unparked:
            held[number].parked.discard(entity)

    def _forget(self, processor: str, published: JsonRows) -> None:
        for number, up_to in published:
            outbox = self._held[processor, number].outbox
            for version in [version for version in outbox if version <= up_to]:
                del outbox[version]

    async def positions(
        self, processor: str, shards: Sequence[int]
    ) -> Mapping[int, tuple[int, int]]:
        """Epoch and version of each shard."""
        held = {number: self._held[processor, number] for number in shards}
        return {number: (shard.epoch, shard.version) for number, shard in held.items()}

    async def forget_published(self, processor: str, published: Mapping[int, int]) -> None:
        """Delete outbox rows up to a version of each shard."""
        self._forget(processor, [list(entry) for entry in published.items()])

    async def attempt(self, processor: str, record: Record) -> int:
        """Count an attempt at a suspected record."""
        held, place = self._held[processor, record.partition], (record.topic, record.offset)
        if held.attempted != place:
            held.attempted, held.attempts = place, 0
        held.attempts += 1
        return held.attempts

    async def letters(self, letter_id: str) -> list[DeadLetter]:
        """All open dead letters of the entity of an open one, oldest first."""
        named = self._letters.get(letter_id, DeadLetter())
        of = named.processor, named.entity
        return [it for it in self._letters.values() if (it.processor, it.entity) == of]

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        """The encoded outcomes of those requests that are known."""
        return {key: self.requests[key] for key in request_keys if key in self.requests}

    async def keep_days(self, now_ms: int) -> None:
        """A simulation is shorter than a day."""

    def open_letters(self) -> list[DeadLetter]:
        """Every open dead letter, for tests to look at."""
        return list(self._letters.values())


def _holds(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, (list, tuple)) else bool(value == wanted)
