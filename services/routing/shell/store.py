"""Reads of committed state for the APIs and the sessions. Nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from switchboard.routing.v1 import model_pb2 as pb

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres
from services.routing.shell import rows
from services.routing.shell.filters import Filter, where
from services.routing.shell.wire import nouns
from services.routing.shell.wire.nouns import Place

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Position = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent with all that is open, as it was after event `sequence` of the domain."""

    agent: pb.Agent
    offers: Sequence[pb.Offer]
    assignments: Sequence[pb.Assignment]
    sequence: int


class RoutingStore:
    """Reads of one tenant at a time; another's rows do not exist for the caller."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def agent(self, tenant_id: str, agent_id: str) -> pb.Agent | None:
        """One agent."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_AGENT, tenant_id, agent_id)
        return _agent(row) if row else None

    async def domain_of_agent(self, tenant_id: str, agent_id: str) -> str | None:
        """Where an agent is, or was before they were removed."""
        async with translated():
            found: str | None = await self._postgres.pool.fetchval(
                _DOMAIN_OF_AGENT, tenant_id, agent_id
            )
        return found

    async def agents(
        self, tenant_id: str, domain_id: str, conditions: Filter, *, after: str, limit: int
    ) -> Sequence[pb.Agent]:
        """Agents by id, `limit` of them behind `after`."""
        tests, values = where(conditions, first=5)
        query = _AGENTS.format(tests=tests)
        async with translated():
            found = await self._postgres.pool.fetch(
                query, tenant_id, domain_id, after, limit, *values
            )
        return [_agent(row) for row in found]

    async def desk(self, tenant_id: str, agent_id: str) -> Desk | None:
        """An agent with their open offers and work, all of one moment."""
        async with (
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await connection.fetchrow(_AGENT, tenant_id, agent_id)
            if row is None:
                return None
            sequence = await connection.fetchval(_SEQUENCE, tenant_id, row["domain_id"])
            offers = await connection.fetch(_OPEN_OFFERS, tenant_id, agent_id)
            held = await connection.fetch(_OPEN_ASSIGNMENTS, tenant_id, agent_id)
        return Desk(
            _agent(row), [_offer(o) for o in offers], [_assignment(a) for a in held], sequence
        )

    async def work(self, tenant_id: str, work_id: str) -> pb.WorkItem | None:
        """One piece of work."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_WORK, work_id, tenant_id)
        return _work(row) if row else None

    async def work_page(
        self,
        tenant_id: str,
        domain_id: str,
        conditions: Filter,
        *,
        after: Position | None,
        limit: int,
    ) -> Sequence[pb.WorkItem]:
        """Open work, next first, `limit` of it behind `after` (priority, arrival, id)."""
        tests, values = where(conditions, first=7)
        query = _WORK_PAGE.format(tests=tests)
        priority, arrived_ms, work_id = after or (2**31 - 1, 0, "")
        async with translated():
            found = await self._postgres.pool.fetch(
                query, tenant_id, domain_id, -priority, arrived_ms, work_id, limit, *values
            )
        return [_work(row) for row in found]

    async def offers_of(self, work_id: str) -> Sequence[pb.Offer]:
        """Every offer of a piece of work, latest first."""
        async with translated():
            found = await self._postgres.pool.fetch(_OFFERS_OF, work_id)
        return [_offer(row) for row in found]

    async def decision(self, tenant_id: str, decision_id: str) -> pb.Decision | None:
        """One decision."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_DECISION, decision_id, tenant_id)
        return nouns.decision_message(dict(row)) if row else None

    async def decisions_of(self, tenant_id: str, work_id: str) -> Sequence[str]:
        """The ids of the decisions about a piece of work, latest first."""
        async with translated():
            found = await self._postgres.pool.fetch(_DECISIONS_OF, work_id, tenant_id)
        return [row["decision_id"] for row in found]

    async def queues(
        self, tenant_id: str, domain_id: str, pools: Sequence[str]
    ) -> Sequence[pb.QueueStats]:
        """The queues of a domain by pool; all of them where no pools are named."""
        async with translated(), self._postgres.pool.acquire() as connection:
            return await self.queues_in(connection, tenant_id, domain_id, pools)

    async def queues_in(
        self, connection: Connection, tenant_id: str, domain_id: str, pools: Sequence[str]
    ) -> Sequence[pb.QueueStats]:
        """As `queues`, inside a snapshot's transaction."""
        found: dict[str, pb.QueueStats] = {}
        for query in (_QUEUED, _STAFFED):
            for row in await connection.fetch(query, tenant_id, domain_id, list(pools)):
                empty = pb.QueueStats(domain=domain_id, pool=row["pool"])
                found.setdefault(row["pool"], empty).MergeFrom(_stats(row))
        return [found[pool] for pool in sorted(found)]

    async def open_work_in(
        self, connection: Connection, tenant_id: str, domain_id: str, pools: Sequence[str]
    ) -> Sequence[pb.WorkItem]:
        """All open work, next first, inside a snapshot's transaction."""
        found = await connection.fetch(_ALL_OPEN, tenant_id, domain_id, list(pools))
        return [_work(row) for row in found]


def _place(row: Any) -> Place:
    return Place(row["tenant_id"], row["domain_id"])


def _agent(row: Any) -> pb.Agent:
    message = nouns.agent_message(rows.agent_of(row), _place(row))
    message.used_capacity = row["used"]
    return message


def _work(row: Any) -> pb.WorkItem:
    return nouns.work_message(rows.work_of(row), _place(row))


def _offer(row: Any) -> pb.Offer:
    """An offer; its row is joined with what its agent needs to know of the work."""
    message = nouns.offer_message(rows.offer_of(row))
    message.conversation_id = row["conversation_id"]
    message.pool = row["pool"]
    message.priority = row["priority"]
    return message


def _assignment(row: Any) -> pb.Assignment:
    return nouns.assignment_message(rows.assignment_of(row))


def _stats(row: Any) -> pb.QueueStats:
    return pb.QueueStats(**{name: value for name, value in row.items() if name != "pool"})


_AGENT = "SELECT * FROM agent WHERE tenant_id = $1 AND agent_id = $2 AND NOT is_removed"
_DOMAIN_OF_AGENT = "SELECT domain_id FROM agent WHERE tenant_id = $1 AND agent_id = $2"
_AGENTS = """
SELECT * FROM agent
WHERE tenant_id = $1 AND domain_id = $2 AND agent_id > $3 AND NOT is_removed{tests}
ORDER BY agent_id LIMIT $4"""
_SEQUENCE = "SELECT sequence FROM domain WHERE tenant_id = $1 AND domain_id = $2"
_OPEN_OFFERS = """
SELECT o.*, w.conversation_id, w.pool, w.priority FROM offer o JOIN work w USING (work_id)
WHERE o.tenant_id = $1 AND o.agent_id = $2 AND o.state = 'PENDING'
ORDER BY o.offered_ms, o.offer_id"""
_OPEN_ASSIGNMENTS = """
SELECT * FROM assignment
WHERE tenant_id = $1 AND agent_id = $2 AND is_open ORDER BY assigned_ms, assignment_id"""
_OFFERS_OF = """
SELECT o.*, w.conversation_id, w.pool, w.priority FROM offer o JOIN work w USING (work_id)
WHERE o.work_id = $1 ORDER BY o.offered_ms DESC"""
_WORK = "SELECT * FROM work WHERE work_id = $1 AND tenant_id = $2"
_WORK_PAGE = """
SELECT * FROM work
WHERE tenant_id = $1 AND domain_id = $2 AND is_open
  AND (-priority, arrived_ms, work_id) > ($3, $4, $5){tests}
ORDER BY -priority, arrived_ms, work_id LIMIT $6"""
_ALL_OPEN = """
SELECT * FROM work
WHERE tenant_id = $1 AND domain_id = $2 AND is_open
  AND (cardinality($3::text[]) = 0 OR pool = ANY($3))
ORDER BY -priority, arrived_ms, work_id"""
_DECISION = "SELECT * FROM decision WHERE decision_id = $1 AND tenant_id = $2"
_DECISIONS_OF = """
SELECT decision_id FROM decision WHERE work_id = $1 AND tenant_id = $2
ORDER BY decided_ms DESC,
  array_position('{OFFER,ESCALATE,MANUAL,TRIAGE}'::text[], kind), decision_id LIMIT 100"""
_QUEUED = """
SELECT pool,
  count(*) FILTER (WHERE state = 'QUEUED') AS queued,
  count(*) FILTER (WHERE state = 'OFFERED') AS offered,
  count(*) FILTER (WHERE state = 'ASSIGNED') AS assigned,
  coalesce(min(arrived_ms) FILTER (WHERE state = 'QUEUED'), 0) AS oldest_arrived_at_ms
FROM work
WHERE tenant_id = $1 AND domain_id = $2 AND is_open
  AND (cardinality($3::text[]) = 0 OR pool = ANY($3))
GROUP BY pool"""
_STAFFED = """
SELECT pool,
  count(*) FILTER (WHERE presence = 'AVAILABLE' AND sessions <> '[]') AS agents_available,
  count(*) FILTER (WHERE presence <> 'OFFLINE') AS agents_signed_in
FROM agent, unnest(pools) AS pool
WHERE tenant_id = $1 AND domain_id = $2 AND NOT is_removed
  AND (cardinality($3::text[]) = 0 OR pool = ANY($3))
GROUP BY pool"""
