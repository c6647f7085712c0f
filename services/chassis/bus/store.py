"""The engine's port to its database: take shards, commit batches, read what was set aside.

One commit is one document and a list of payloads, so that it is one round trip whatever it holds.
`postgres_store` and `memory_store` implement the port and pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol

from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.processor import Rows
from services.chassis.bus.record import Record

REQUEST_DAYS = 9  # providers repeat a message for up to seven days

JsonRows = list[list[Any]]


class Place(NamedTuple):
    """Who wrote into a topic partition: the unit within which a sequence is contiguous."""

    topic: str
    writer: str
    shard: int


class Stamp(NamedTuple):
    """A position in a writer's sequence; a restored database raises the incarnation."""

    incarnation: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A shard as it stood when this process took it, with everything but the service's state."""

    shard: int
    epoch: int
    version: int
    now_ms: int
    takeovers: int  # in a row without a committed batch since
    incarnation: int
    offsets: Mapping[str, int]  # topic -> next offset
    topic_ids: Mapping[str, str]  # topic -> id it had when the offset was first stored
    cursors: Mapping[Place, Stamp]
    sequences: Mapping[tuple[str, int], int]  # destination topic, partition -> last given
    timers: Sequence[tuple[str, int]]
    parked: frozenset[str]
    outbox: Sequence[tuple[int, bytes]]  # version, encoded OutboxBatch; oldest first


@dataclass(slots=True)
class Commit:
    """Everything one batch changes; applied whole, or not at all."""

    processor: str
    shards: JsonRows = field(default_factory=list)  # shard, epoch, version, now_ms
    offsets: JsonRows = field(default_factory=list)  # topic, partition, next, topic_id
    cursors: JsonRows = field(default_factory=list)  # topic, partition, writer, shard, inc, seq
    sequences: JsonRows = field(default_factory=list)  # shard, topic, partition, seq
    outbox: JsonRows = field(default_factory=list)  # shard, version, payload
    published: JsonRows = field(default_factory=list)  # shard, version: these rows may go
    timers: JsonRows = field(default_factory=list)  # shard, key, due_ms
    cancelled: JsonRows = field(default_factory=list)  # shard, key
    requests: JsonRows = field(default_factory=list)  # key, now_ms, payload or null
    letters: JsonRows = field(default_factory=list)  # id, shard, entity, topic, offset, error, ...
    settled: JsonRows = field(default_factory=list)  # letter id, "replayed" or "discarded"
    parked: JsonRows = field(default_factory=list)  # shard, entity
    unparked: JsonRows = field(default_factory=list)  # shard, entity
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    payloads: list[bytes] = field(default_factory=list)

    def payload(self, value: bytes) -> int:
        """Where `value` will be found among the payloads, counted from 1 as SQL does."""
        self.payloads.append(value)
        return len(self.payloads)

    def document(self) -> dict[str, Any]:
        """The JSON document of the commit, without its empty sections."""
        sections = {name: getattr(self, name) for name in _SECTIONS}
        return {"processor": self.processor} | {k: v for k, v in sections.items() if v}


_SECTIONS = [part.name for part in fields(Commit) if part.name not in {"processor", "payloads"}]


class Store(Protocol):
    """Where shards live. Every method raises `StoreUnavailable` while the database is away."""

    @property
    def rows(self) -> Rows:
        """Reads of the service's own tables."""

    async def take(
        self, processor: str, *, layout: int, partitions: int, shards: Sequence[int], owner: str
    ) -> list[Taken]:
        """Raise the epoch of each shard and return how it stands. Raises `LayoutRefused`."""

    async def commit(self, commit: Commit) -> frozenset[str]:
        """Apply the commit. Returns the request keys already answered: then nothing was written.

        Raises `Fenced`, `WriteRefused`, or `StoreUnavailable` with an unknown outcome.
        """

    async def positions(
        self, processor: str, shards: Sequence[int]
    ) -> Mapping[int, tuple[int, int]]:
        """Epoch and version of each shard, to settle a commit whose outcome is unknown."""

    async def forget_published(self, processor: str, published: Mapping[int, int]) -> None:
        """Delete outbox rows up to a version of each shard: Kafka has acknowledged them."""

    async def attempt(self, processor: str, record: Record) -> int:
        """Count an attempt at a suspected record before it is made; returns how many there were."""

    async def letters(self, letter_id: str) -> list[DeadLetter]:
        """All open dead letters of the entity of an open one, oldest first; none of a settled."""

    async def keep_days(self, now_ms: int) -> None:
        """Forget requests older than `REQUEST_DAYS`, and make room for the coming days'."""

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        """The encoded `CommandOutcome`s of those requests that are known; empty where one had none.

        Raises `StoreUnavailable`.
        """
