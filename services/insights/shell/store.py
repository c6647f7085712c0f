"""Parts, cursors and windows in Postgres: one round trip a flush."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis.bus.postgres_store import translated
from services.chassis.clock import Clock
from services.chassis.postgres.pool import Postgres
from services.insights.core.cursor import Cursor, Stamp
from services.insights.core.model import Part, PartKey, Place, Window, WindowKey
from services.insights.ports import Batch, StaleParts

COMMIT_SECONDS = 10.0
REBUILD_SECONDS = 60.0
PRUNE_ROWS_MAX = 20_000
LATEST = 1_000  # windows told again at a start: a batch touches fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which windows to read; empty pool or channel means all, `to_ms` is not included."""

    tenant_id: str
    from_ms: int = 0
    to_ms: int = 1 << 62
    pool: str = ""
    channel: str = ""

    def fits(self, key: WindowKey) -> bool:
        """Whether the window is wanted."""
        return (
            key.tenant_id == self.tenant_id
            and self.from_ms <= key.start_ms < self.to_ms
            and self.pool in ("", key.pool)
            and self.channel in ("", key.channel)
        )


class PostgresStore:
    """The schema of insights."""

    def __init__(self, postgres: Postgres, *, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock
        self.generation = 0

    async def join(self) -> int:
        """Count for the present generation from now on; saving for another one is refused.

        Raises `StoreUnavailable`.
        """
        async with translated():
            found = await self._postgres.pool.fetchval("SELECT generation FROM kpi_generation")
        self.generation = int(found)
        return self.generation

    async def cursors(self, places: Iterable[Place]) -> Mapping[Place, Cursor]:
        """How far each place has been read."""
        wanted = list(places)
        async with translated():
            rows = await self._postgres.pool.fetch(
                _CURSORS, [place.topic for place in wanted], [place.shard for place in wanted]
            )
        return {
            Place(row["topic"], row["shard"]): Cursor(
                row["next_offset"],
                {writer: Stamp(*stamp) for writer, stamp in row["writers"].items()},
            )
            for row in rows
        }

    async def save(self, batch: Batch) -> Sequence[Window]:
        """Save all of a batch and return the windows it touches."""
        document = _document(batch, self.generation, self._clock.now_ms())
        async with translated():
            answer = await self._postgres.pool.fetchval(
                "SELECT save_parts($1)", document, timeout=COMMIT_SECONDS
            )
        if "stale" in answer:
            raise StaleParts({_part_key(row): _part(row) for row in answer["stale"]})
        return [_window(row) for row in answer["windows"]]

    async def latest(self) -> Sequence[Window]:
        """The windows saved last, oldest first."""
        return await self.changed(await self.revision() - LATEST, limit=LATEST)

    async def windows(
        self, wanted: Wanted, *, after: WindowKey | None = None, limit: int
    ) -> list[Window]:
        """Windows by start, pool and channel, at most `limit`, those after a key if one is given.

        Raises `StoreUnavailable`.
        """
        last = (after.start_ms, after.pool, after.channel) if after else (-1, "", "")
        async with translated():
            rows = await self._postgres.pool.fetch(_WINDOWS, *_filter(wanted), *last, limit)
        return [_window(dict(row)) for row in rows]

    async def sums(self, wanted: Wanted) -> Mapping[str, int]:
        """The counts of all windows wanted, added up. Raises `StoreUnavailable`."""
        async with translated():
            rows = await self._postgres.pool.fetch(_SUMS, *_filter(wanted))
        return {row["name"]: row["number"] for row in rows}

    async def changed(self, after_revision: int, *, limit: int) -> list[Window]:
        """Windows of all tenants changed after a revision, in that order.

        Raises `StoreUnavailable`.
        """
        async with translated():
            rows = await self._postgres.pool.fetch(_CHANGED, after_revision, limit)
        return [_window(dict(row)) for row in rows]

    async def revision(self) -> int:
        """The highest revision given so far, 0 before any. Raises `StoreUnavailable`."""
        async with translated():
            return int(await self._postgres.pool.fetchval(_REVISION))

    async def rebuild(self) -> int:
        """Drop all windows, and fence whoever still counts; returns the new generation.

        Raises `StoreUnavailable`.
        """
        async with translated():
            raised = await self._postgres.pool.fetchval("SELECT rebuild()", timeout=REBUILD_SECONDS)
        return int(raised)

    async def prune(self, before_ms: int) -> int:
        """Delete windows that began before; returns how many rows went, some at a time.

        Raises `StoreUnavailable`.
        """
        async with translated():
            parts = await self._postgres.pool.fetchval(_PRUNE_PARTS, before_ms, PRUNE_ROWS_MAX)
            windows = await self._postgres.pool.fetchval(_PRUNE_WINDOWS, before_ms, PRUNE_ROWS_MAX)
        return int(parts) + int(windows)


def _document(batch: Batch, generation: int, now_ms: int) -> dict[str, Any]:
    return {
        "generation": generation,
        "now_ms": now_ms,
        "moves": [
            {
                "topic": place.topic,
                "shard": place.shard,
                "saved_offset": move.saved_offset,
                "next_offset": move.cursor.next_offset,
                "writers": {writer: list(stamp) for writer, stamp in move.cursor.writers.items()},
            }
            for place, move in batch.moves.items()
        ],
        "changes": [
            {
                **_row(key),
                "base_offset": change.base_offset,
                "next_offset": change.part.next_offset,
                "counts": change.part.counts,
            }
            for key, change in batch.changes.items()
        ],
    }


def _row(key: PartKey) -> dict[str, Any]:
    return {
        "tenant_id": key.window.tenant_id,
        "start_ms": key.window.start_ms,
        "pool": key.window.pool,
        "channel": key.window.channel,
        "topic": key.place.topic,
        "shard": key.place.shard,
    }


def _window_key(row: Mapping[str, Any]) -> WindowKey:
    return WindowKey(row["tenant_id"], row["start_ms"], row["pool"], row["channel"])


def _part_key(row: Mapping[str, Any]) -> PartKey:
    return PartKey(Place(row["topic"], row["shard"]), _window_key(row))


def _part(row: Mapping[str, Any]) -> Part:
    return Part(row["next_offset"], row["counts"])


def _window(row: Mapping[str, Any]) -> Window:
    return Window(_window_key(row), row["counts"], row["revision"], row["updated_ms"])


def _filter(wanted: Wanted) -> tuple[Any, ...]:
    return wanted.tenant_id, wanted.from_ms, wanted.to_ms, wanted.pool, wanted.channel


_CURSORS = """
SELECT topic, shard, next_offset, writers FROM kpi_cursor
JOIN unnest($1::text[], $2::int[]) AS p(topic, shard) USING (topic, shard)"""

_WANTED = """tenant_id = $1 AND start_ms >= $2 AND start_ms < $3
  AND ($4 = '' OR pool = $4) AND ($5 = '' OR channel = $5)"""

_WINDOWS = f"""
SELECT * FROM kpi_window WHERE {_WANTED} AND (start_ms, pool, channel) > ($6, $7, $8)
ORDER BY start_ms, pool, channel LIMIT $9"""  # noqa: S608 - both halves are constants

_SUMS = f"""
SELECT c.key AS name,
       CASE WHEN c.key LIKE '%\\_max' THEN max(c.value::bigint)
            ELSE sum(c.value::bigint)::bigint END AS number
FROM kpi_window, jsonb_each_text(counts) c WHERE {_WANTED} GROUP BY c.key"""  # noqa: S608 - as above

_CHANGED = "SELECT * FROM kpi_window WHERE revision > $1 ORDER BY revision LIMIT $2"

_REVISION = "SELECT coalesce(max(revision), 0) FROM kpi_window"

_PRUNE_PARTS = """
WITH gone AS (DELETE FROM kpi_part WHERE ctid IN (
    SELECT ctid FROM kpi_part WHERE start_ms < $1 LIMIT $2) RETURNING 1)
SELECT count(*) FROM gone"""

_PRUNE_WINDOWS = """
WITH gone AS (DELETE FROM kpi_window WHERE ctid IN (
    SELECT ctid FROM kpi_window WHERE start_ms < $1 LIMIT $2) RETURNING 1)
SELECT count(*) FROM gone"""
