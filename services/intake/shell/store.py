"""Reads of committed state for the APIs and for delivery. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Connection, Postgres
from services.intake.core.model import Conversation, Customer, Delivery, Message
from services.intake.shell import rows
from services.intake.shell.filters import Filter, where


@dataclass(frozen=True, slots=True)
class Change:
    """What happened in a conversation besides a message. `detail` is as the threader wrote it."""

    sequence: int
    kind: str
    actor: str
    occurred_at_ms: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A message in its conversation, with how far it has come if it is one of ours."""

    sequence: int
    message: Message
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class After:
    """Where a list by latest change goes on: behind this conversation."""

    updated_at_ms: int
    conversation_id: str


class ConversationStore:
    """Reads of one tenant at a time; another's rows do not exist for the caller."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def conversation(self, tenant_id: str, conversation_id: str) -> Conversation | None:
        """One conversation."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_CONVERSATION, conversation_id, tenant_id)
        return rows.conversation_of(dict(row)) if row else None

    async def customer(self, tenant_id: str, customer_id: str) -> Customer | None:
        """One customer."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_CUSTOMER, customer_id, tenant_id)
        return rows.customer_of(dict(row)) if row else None

    async def page(
        self, tenant_id: str, conditions: Filter, *, after: After | None, limit: int
    ) -> Sequence[Conversation]:
        """Conversations, the latest change first, `limit` of them from `after` on."""
        tests, values = where(conditions, first=5)
        query = _PAGE.format(tests=tests)
        place = after or After(2**62, "")
        async with translated():
            found = await self._postgres.pool.fetch(
                query, tenant_id, place.updated_at_ms, place.conversation_id, limit, *values
            )
        return [rows.conversation_of(dict(row)) for row in found]

    async def timeline(
        self, conversation_id: str, *, after: int, limit: int
    ) -> Sequence[Said | Change]:
        """What happened in a conversation, by sequence, `limit` of it behind `after`."""
        async with translated(), self._postgres.pool.acquire() as connection:
            said = await connection.fetch(_SAID, conversation_id, after, limit)
            changes = await connection.fetch(_CHANGES, conversation_id, after, limit)
        entries: list[Said | Change] = [*map(_said, said), *map(_change, changes)]
        return sorted(entries, key=lambda entry: entry.sequence)[:limit]

    async def all_open(
        self, connection: Connection, tenant_id: str, conditions: Filter
    ) -> Sequence[Conversation]:
        """Every live conversation that meets the conditions, inside a snapshot's transaction."""
        tests, values = where(conditions, first=2)
        found = await connection.fetch(_LIVE.format(tests=tests), tenant_id, *values)
        return [rows.conversation_of(dict(row)) for row in found]

    async def sent_ids(self, account_id: str, home_id: str, *, since_ms: int) -> frozenset[str]:
        """Provider ids of what was sent from an account to a recipient since.

        Behind a backlog an attempt is dated when it was asked for, long before its call: then the
        end of the call tells.
        """
        async with translated():
            found = await self._postgres.pool.fetch(_SENT_IDS, home_id, account_id, since_ms)
        return frozenset(row["provider_message_id"] for row in found)


def _said(row: asyncpg.Record) -> Said:
    delivery = None
    if row["progress"] is not None:
        delivery = rows.delivery_of(dict(row) | {"provider_message_id": row["delivered_as"]})
    return Said(row["sequence"], rows.message_of(dict(row)), delivery)


def _change(row: asyncpg.Record) -> Change:
    return Change(
        sequence=row["sequence"],
        kind=row["kind"],
        actor=row["actor"],
        occurred_at_ms=row["occurred_at_ms"],
        detail=row["detail"],
    )


_CONVERSATION = "SELECT * FROM conversation WHERE conversation_id = $1 AND tenant_id = $2"
_CUSTOMER = "SELECT * FROM customer WHERE customer_id = $1 AND tenant_id = $2"
_PAGE = """
SELECT * FROM conversation
WHERE tenant_id = $1 AND (updated_at_ms, conversation_id) < ($2, $3){tests}
ORDER BY updated_at_ms DESC, conversation_id DESC LIMIT $4"""
_LIVE = """
SELECT * FROM conversation WHERE tenant_id = $1 AND live{tests}
ORDER BY updated_at_ms, conversation_id"""
_SAID = """
SELECT m.*, d.progress, d.reason, d.at_ms, d.provider_message_id AS delivered_as
FROM message m LEFT JOIN message_delivery d USING (message_id)
WHERE m.conversation_id = $1 AND m.sequence > $2 ORDER BY m.sequence LIMIT $3"""
_CHANGES = """
SELECT * FROM conversation_change
WHERE conversation_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"""
_SENT_IDS = """
SELECT provider_message_id FROM dispatch
WHERE home_id = $1 AND account_id = $2 AND greatest(attempted_at_ms, settled_at_ms) >= $3
AND provider_message_id <> ''"""
