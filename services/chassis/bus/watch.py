"""Watches: a snapshot, then every change after it, none lost and none twice.

First the topic is subscribed to, then the snapshot is read with the sequences it covers, in one
REPEATABLE READ transaction. What was published before the subscription was committed before the
snapshot; what comes after it is dropped as far as those sequences reach. A resume token holds the
offsets and the sequences, so a reconnect goes on where the last connection ended, on any replica.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from google.protobuf.message import DecodeError
from switchboard.engine.v1.records_pb2 import ResumeToken

from services.chassis.bus.engine import Placed
from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.postgres_store import translated
from services.chassis.bus.record import Record
from services.chassis.bus.store import Stamp
from services.chassis.bus.tail import Reader, Tail
from services.chassis.postgres.pool import Postgres

T = TypeVar("T")

Writer = tuple[str, int, int]  # writer, its shard, destination partition
Snapshot = Callable[["PoolConnectionProxy[asyncpg.Record]"], Awaitable[T]]


class BadToken(ValueError):
    """The resume token is not one of ours, or is of another filter: watch without it."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """The state of everything watched; `replace` says to forget what was seen before.

    `token` makes the resume token of this point; it is to be called before the next item is taken.
    """

    value: T
    token: Callable[[], bytes]
    replace: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """One record after the snapshot; `token` as in `Seen`."""

    record: Record
    token: Callable[[], bytes]


@dataclass(slots=True)
class _Position:
    """How far a watch has come; what a resume token says."""

    offsets: dict[Placed, int]
    covered: dict[Writer, Stamp]
    filter_hash: str

    def passes(self, record: Record) -> bool:
        """Move past `record`; False where the watcher has seen it."""
        place = (record.topic, record.partition)
        if record.offset < self.offsets.get(place, 0):
            return False
        self.offsets[place] = record.offset + 1
        read = ReadStamp.of(record.headers)
        if read is None:
            return True
        writer = (read.writer, read.shard, record.partition)
        given = Stamp(read.incarnation, read.sequence)
        if given <= self.covered.get(writer, Stamp(-1, 0)):
            return False
        self.covered[writer] = given
        return True

    def token(self) -> bytes:
        """The position as bytes to hand out."""
        token = ResumeToken(filter_hash=self.filter_hash)
        for (topic, partition), offset in self.offsets.items():
            token.partitions.add(topic=topic, partition=partition, offset=offset)
        for (writer, shard, partition), at in self.covered.items():
            token.writers.add(
                writer=writer,
                shard=shard,
                partition=partition,
                incarnation=at.incarnation,
                sequence=at.sequence,
            )
        return token.SerializeToString()

    @classmethod
    def of(cls, encoded: bytes, filter_hash: str) -> _Position:
        """The position a token was made of. Raises `BadToken`."""
        try:
            token = ResumeToken.FromString(encoded)
        except DecodeError:
            raise BadToken("the resume token cannot be read") from None
        if token.filter_hash != filter_hash:
            raise BadToken("the resume token belongs to another filter")
        return cls(
            {(at.topic, at.partition): at.offset for at in token.partitions},
            {
                (at.writer, at.shard, at.partition): Stamp(at.incarnation, at.sequence)
                for at in token.writers
            },
            filter_hash,
        )


class Watch:
    """Snapshot and changes of one event topic of this service."""

    def __init__(self, tail: Tail, postgres: Postgres) -> None:
        self._tail = tail
        self._postgres = postgres

    async def stream(
        self, snapshot: Snapshot[T], *, token: bytes = b"", filter_hash: str = ""
    ) -> AsyncGenerator[Seen[T] | Changed, None]:
        """The snapshot, unless `token` still leads on, then changes for as long as it is read.

        Raises `BadToken`, `BusUnavailable`, `StoreUnavailable`, and `Overrun` for a slow reader.
        """
        async with self._tail.subscribe() as reader:
            position = _Position.of(token, filter_hash) if token else None
            if position is not None and await self._resumable(position, reader):
                async with aclosing(self._missed(position, reader)) as missed:
                    async for changed in missed:
                        yield changed
            else:
                replaces = position is not None
                async with self._snapshot(reader, filter_hash) as (position, connection):
                    value = await snapshot(connection)
                yield Seen(value, position.token, replaces)
            while True:
                record = await reader.next()
                if position.passes(record):
                    yield Changed(record, position.token)

    @asynccontextmanager
    async def _snapshot(
        self, reader: Reader, filter_hash: str
    ) -> AsyncIterator[tuple[_Position, PoolConnectionProxy[asyncpg.Record]]]:
        async with (
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(_SEQUENCES, self._tail.topic)
            covered = {tuple(at): Stamp(inc, seq) for *at, inc, seq in rows}
            yield _Position(dict(reader.offsets), covered, filter_hash), connection

    async def _resumable(self, position: _Position, reader: Reader) -> bool:
        return position.offsets.keys() == reader.offsets.keys() and await self._tail.holds(
            position.offsets
        )

    async def _missed(self, position: _Position, reader: Reader) -> AsyncGenerator[Changed, None]:
        async for record in self._tail.since(dict(position.offsets), reader.offsets):
            if position.passes(record):
                yield Changed(record, position.token)


_SEQUENCES = """
SELECT s.processor, s.shard, s.partition, l.incarnation, s.sequence
FROM shard_sequence s JOIN engine_layout l USING (processor) WHERE s.topic = $1"""
