"""The store in Postgres: one schema a service, one round trip a commit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.fates import Fenced, LayoutRefused, StoreUnavailable, WriteRefused
from services.chassis.bus.record import Record
from services.chassis.bus.store import REQUEST_DAYS, Commit, Place, Stamp, Taken
from services.chassis.postgres.pool import AWAY, Postgres

FENCED_SQLSTATE = "SBF01"
LOAD_SECONDS = 30.0
COMMIT_SECONDS = 10.0  # after which a commit counts as unknown, and is settled

# A row is refused: it will be refused again.
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise the database's errors as the bus's."""
    try:
        yield
    except AWAY as error:
        raise StoreUnavailable(type(error).__name__) from error
    except _REFUSED as error:
        name = getattr(error, "constraint_name", None) or error.sqlstate
        raise WriteRefused(f"{type(error).__name__} {name}") from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == FENCED_SQLSTATE:
            raise Fenced(str(error)) from error
        raise


class PostgresRows:
    """Reads of a service's own tables. Table and column names come from code, never from input."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def select(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows whose columns equal the given values; a list or tuple means any of them."""
        tests = [
            f"{name} = ANY(${at})" if isinstance(value, (list, tuple)) else f"{name} = ${at}"
            for at, (name, value) in enumerate(where.items(), start=1)
        ]
        query = f"SELECT * FROM {table}" + (f" WHERE {' AND '.join(tests)}" if tests else "")  # noqa: S608 - names from code
        async with translated():
            found = await self._postgres.pool.fetch(query, *where.values(), timeout=LOAD_SECONDS)
        return [dict(row) for row in found]


class PostgresStore:
    """Shards, outbox, timers, requests and dead letters in a service's schema."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.rows = PostgresRows(postgres)

    @property
    def _pool(self) -> asyncpg.Pool:
        return self._postgres.pool

    async def take(
        self, processor: str, *, layout: int, partitions: int, shards: Sequence[int], owner: str
    ) -> list[Taken]:
        """Raise the epoch of each shard and return how it stands. Raises `LayoutRefused`."""
        async with translated(), self._pool.acquire() as connection, connection.transaction():
            stored = await connection.fetchrow(_LAYOUT, processor, layout, partitions)
            assert stored is not None
            if stored["layout"] > layout or stored["partitions"] != partitions:
                raise LayoutRefused(
                    f"{processor} is stored with layout {stored['layout']} and "
                    f"{stored['partitions']} partitions, not {layout} and {partitions}"
                )
            numbers = sorted(shards)
            taken = await connection.fetch(_TAKE, processor, numbers, owner)
            parts = {
                name: await connection.fetch(query, processor, numbers)
                for name, query in _PARTS.items()
            }
        return [_taken(row, stored["incarnation"], parts) for row in taken]

    async def commit(self, commit: Commit) -> frozenset[str]:
        """Apply the commit in one statement. Returns request keys that were answered before."""
        async with translated():
            known = await self._pool.fetchval(
                _COMMIT, commit.document(), commit.payloads, timeout=COMMIT_SECONDS
            )
        return frozenset(known or ())

    async def positions(
        self, processor: str, shards: Sequence[int]
    ) -> Mapping[int, tuple[int, int]]:
        """Epoch and version of each shard."""
        async with translated():
            rows = await self._pool.fetch(_POSITIONS, processor, list(shards))
        return {row["shard"]: (row["epoch"], row["version"]) for row in rows}

    async def forget_published(self, processor: str, published: Mapping[int, int]) -> None:
        """Delete outbox rows up to a version of each shard."""
        async with translated():
            await self._pool.execute(_FORGET, processor, list(published), list(published.values()))

    async def attempt(self, processor: str, record: Record) -> int:
        """Count an attempt at a suspected record."""
        async with translated():
            place = record.partition, record.topic, record.offset
            made = await self._pool.fetchval(_ATTEMPT, processor, *place)
        return int(made)

    async def letters(self, letter_id: str) -> list[DeadLetter]:
        """All open dead letters of the entity of an open one, oldest first."""
        async with translated():
            found = await self._pool.fetch(_LETTERS, letter_id)
        return [DeadLetter.FromString(row["payload"]) for row in found]

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        """The encoded outcomes of those requests that are known."""
        async with translated():
            rows = await self._pool.fetch(_OUTCOMES, list(request_keys))
        return {row["key"]: row["outcome"] or b"" for row in rows}

    async def keep_days(self, now_ms: int) -> None:
        """Forget requests older than `REQUEST_DAYS`, and make room for the coming days'."""
        today = now_ms // 86_400_000
        async with translated():
            await self._pool.execute(_KEEP, today, REQUEST_DAYS, timeout=COMMIT_SECONDS)


def _taken(row: asyncpg.Record, incarnation: int, parts: Mapping[str, Any]) -> Taken:
    number = row["shard"]
    mine = {name: [r for r in rows if r["shard"] == number] for name, rows in parts.items()}
    return Taken(
        shard=number,
        epoch=row["epoch"],
        version=row["version"],
        now_ms=row["now_ms"],
        takeovers=row["takeovers"],
        incarnation=incarnation,
        offsets={r["topic"]: r["next"] for r in mine["offsets"]},
        topic_ids={r["topic"]: r["topic_id"] for r in mine["offsets"]},
        cursors={Place(*at): Stamp(inc, seq) for _, *at, inc, seq in mine["cursors"]},
        sequences={(r["topic"], r["partition"]): r["sequence"] for r in mine["sequences"]},
        timers=[(r["key"], r["due_ms"]) for r in mine["timers"]],
        parked=frozenset(r["entity"] for r in mine["parked"]),
        outbox=[(r["version"], r["payload"]) for r in mine["outbox"]],
    )


_OUTCOMES = "SELECT key, outcome FROM request WHERE key = ANY($1)"
_KEEP = "SELECT engine_keep_days($1, $2)"
_COMMIT = "SELECT commit_batch($1, $2)"
_LAYOUT = """
INSERT INTO engine_layout (processor, layout, partitions) VALUES ($1, $2, $3)
ON CONFLICT (processor) DO UPDATE SET layout = greatest(engine_layout.layout, excluded.layout)
RETURNING layout, partitions, incarnation"""
_TAKE = """
INSERT INTO shard (processor, shard, epoch, owner, takeovers)
SELECT $1, number, 1, $3, 1 FROM unnest($2::integer[]) number
ON CONFLICT (processor, shard) DO UPDATE
SET epoch = shard.epoch + 1, owner = excluded.owner, takeovers = shard.takeovers + 1
RETURNING shard, epoch, version, now_ms, takeovers"""
_PARTS = {
    "offsets": "SELECT *, partition AS shard FROM shard_offset"
    " WHERE processor = $1 AND partition = ANY($2)",
    "cursors": "SELECT partition AS shard, topic, writer, writer_shard, incarnation, sequence"
    " FROM shard_cursor WHERE processor = $1 AND partition = ANY($2)",
    "sequences": "SELECT * FROM shard_sequence WHERE processor = $1 AND shard = ANY($2)",
    "timers": "SELECT * FROM timer WHERE processor = $1 AND shard = ANY($2)",
    "parked": "SELECT * FROM parked WHERE processor = $1 AND shard = ANY($2)",
    "outbox": "SELECT * FROM outbox WHERE processor = $1 AND shard = ANY($2)"
    " ORDER BY shard, version",
}
_POSITIONS = "SELECT shard, epoch, version FROM shard WHERE processor = $1 AND shard = ANY($2)"
_FORGET = """
DELETE FROM outbox o USING unnest($2::integer[], $3::bigint[]) p(shard, version)
WHERE o.processor = $1 AND o.shard = p.shard AND o.version <= p.version"""
_ATTEMPT = """
UPDATE shard SET attempted_topic = $3, attempted_offset = $4,
    attempts = CASE WHEN attempted_topic = $3 AND attempted_offset = $4 THEN attempts ELSE 0 END + 1
WHERE processor = $1 AND shard = $2 RETURNING attempts"""
_LETTERS = """
SELECT its.payload FROM dead_letter named JOIN dead_letter its USING (processor, entity, status)
WHERE named.letter_id = $1 AND status = 'open' ORDER BY its.ordinal"""
