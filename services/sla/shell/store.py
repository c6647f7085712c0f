"""Reads of committed clocks for the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres
from services.sla.core.model import Metric
from services.sla.ports import Listed, Place
from services.sla.shell.rows import clock_of


class ClockStore:
    """The `ClockReader` in Postgres."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def of_conversation(self, tenant_id: str, conversation_id: str) -> Sequence[Listed]:
        """Every clock of a conversation by start, but those that never were."""
        async with translated():
            rows = await self._postgres.pool.fetch(_OF_CONVERSATION, tenant_id, conversation_id)
        return [_listed(row) for row in rows]

    async def at_risk(
        self,
        tenant_id: str,
        *,
        until_ms: int | None,
        metric: Metric | None,
        after: Place | None,
        limit: int,
    ) -> Sequence[Listed]:
        """Running clocks by deadline, the next first."""
        place = after or Place(-1, "", "", 0)
        async with translated():
            rows = await self._postgres.pool.fetch(
                _AT_RISK,
                tenant_id,
                until_ms,
                metric,
                place.due_at_ms,
                place.conversation_id,
                place.metric,
                place.cycle,
                limit,
            )
        return [_listed(row) for row in rows]

    async def open(self, connection: Any, tenant_id: str) -> Sequence[Listed]:
        """Every clock that awaits something, inside a snapshot's transaction."""
        return [_listed(row) for row in await connection.fetch(_OPEN, tenant_id)]


def _listed(row: asyncpg.Record) -> Listed:
    return Listed(row["tenant_id"], row["conversation_id"], clock_of(dict(row)))


_OF_CONVERSATION = """
SELECT * FROM clock WHERE tenant_id = $1 AND conversation_id = $2 AND NOT void
ORDER BY started_at_ms, metric, cycle"""
_AT_RISK = """
SELECT * FROM clock
WHERE tenant_id = $1 AND state = 'RUNNING'
  AND ($2::bigint IS NULL OR due_at_ms <= $2) AND ($3::text IS NULL OR metric = $3)
  AND (due_at_ms, conversation_id, metric, cycle) > ($4, $5, $6, $7)
ORDER BY due_at_ms, conversation_id, metric, cycle LIMIT $8"""
_OPEN = """
SELECT * FROM clock WHERE tenant_id = $1 AND awaits ORDER BY due_at_ms, conversation_id, metric"""
