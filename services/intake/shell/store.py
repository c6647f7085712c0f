"""Reads of committed state for the APIs and for delivery. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Connection, Postgres
from services.intake.core.model import Attachment, Conversation, Customer, Delivery, Message
from services.intake.shell import rows
from services.intake.shell.filters import Filter, where

Place = tuple[int, str, int]
"""Where an entry of a timeline stands: its time (unix ms), its conversation, its number there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened in a conversation besides a message. `detail` is as the threader wrote it."""

    place: Place
    kind: str
    actor: str
    occurred_at_ms: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A message in its conversation, with how far it has come if it is one of ours."""

    place: Place
    message: Message
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that a search has found; `snippet` is the part of it that matches."""

    conversation: Conversation
    message_id: str
    occurred_at_ms: int
    snippet: str


@dataclass(frozen=True, slots=True)
class After:
    """Where a list by latest change goes on: behind this one."""

    at_ms: int
    key: str


class ConversationStore:
    """Reads of one tenant at a time; another's rows do not exist for the caller."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def conversation(self, tenant_id: str, conversation_id: str) -> Conversation | None:
        """One conversation."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_CONVERSATION, conversation_id, tenant_id)
        return rows.conversation_of(dict(row)) if row else None

    async def live_of(self, customer: Customer, *, but: str, limit: int) -> Sequence[Conversation]:
        """The customer's conversations that are not closed, `but` one, the latest change first."""
        async with translated():
            found = await self._postgres.pool.fetch(
                _LIVE_OF, customer.home_id, customer.tenant_id, but, limit
            )
        return [rows.conversation_of(dict(row)) for row in found]

    async def page(
        self, tenant_id: str, conditions: Filter, *, after: After | None, limit: int
    ) -> Sequence[Conversation]:
        """Conversations, the latest change first, `limit` of them from `after` on."""
        tests, values = where(conditions, first=5)
        query = _PAGE.format(tests=tests)
        place = after or After(2**62, "")
        async with translated():
            found = await self._postgres.pool.fetch(
                query, tenant_id, place.at_ms, place.key, limit, *values
            )
        return [rows.conversation_of(dict(row)) for row in found]

    async def timeline(
        self, conversation_id: str, *, after: Place | None, limit: int
    ) -> Sequence[Said | Change]:
        """What happened in a conversation and in those merged into it, `limit` behind `after`.

        In the order in which it happened: by the provider's time where that tells, which many give
        in whole seconds only; within one of those, as it arrived.
        """
        behind = after or (-1, "", 0)
        async with translated(), self._postgres.pool.acquire() as connection:
            said = await connection.fetch(_SAID, conversation_id, *behind, limit)
            changes = await connection.fetch(_CHANGES, conversation_id, *behind, limit)
        entries: list[Said | Change] = [*map(_said, said), *map(_change, changes)]
        return sorted(entries, key=lambda entry: entry.place)[:limit]

    async def search(
        self, tenant_id: str, text: str, conditions: Filter, *, after: After | None, limit: int
    ) -> Sequence[Hit]:
        """Messages that hold all words of `text`, the latest first.

        `text` is as people write it into a search box: "words in a row", or, -not.
        """
        tests, values = where(conditions, first=6, of="c")
        place = after or After(2**62, "")
        async with translated():
            found = await self._postgres.pool.fetch(
                _SEARCH.format(tests=tests), tenant_id, text, place.at_ms, place.key, limit, *values
            )
        return [_hit(row) for row in found]

    async def threading(
        self, tenant_id: str, message_id: str
    ) -> tuple[str, Mapping[str, Any]] | None:
        """The conversation of a message, and why it is there, as the threader wrote it."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_THREADING, message_id, tenant_id)
        return (row["conversation_id"], row["threading"]) if row else None

    async def attachment(
        self, tenant_id: str, message_id: str, attachment_id: str
    ) -> Attachment | None:
        """A file of a message of this tenant."""
        async with translated():
            found = await self._postgres.pool.fetchval(_ATTACHMENTS, message_id, tenant_id)
        files = (rows.attachment_of(item) for item in found or ())
        return next((file for file in files if file.attachment_id == attachment_id), None)

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
    return Said(_place(row), rows.message_of(dict(row)), delivery)


def _change(row: asyncpg.Record) -> Change:
    return Change(
        place=_place(row),
        kind=row["kind"],
        actor=row["actor"],
        occurred_at_ms=row["occurred_at_ms"],
        detail=row["detail"],
    )


def _place(row: asyncpg.Record) -> Place:
    return (row["placed_at_ms"], row["conversation_id"], row["sequence"])


def _hit(row: asyncpg.Record) -> Hit:
    values = dict(row)
    message_id, snippet = values.pop("message_id"), values.pop("snippet")
    at_ms = values.pop("found_at_ms")
    return Hit(rows.conversation_of(values), message_id, at_ms, snippet)


_CONVERSATION = "SELECT * FROM conversation WHERE conversation_id = $1 AND tenant_id = $2"
_LIVE_OF = """
SELECT * FROM conversation
WHERE home_id = $1 AND live AND tenant_id = $2 AND conversation_id <> $3
ORDER BY updated_at_ms DESC, conversation_id DESC LIMIT $4"""
_PAGE = """
SELECT * FROM conversation
WHERE tenant_id = $1 AND (updated_at_ms, conversation_id) < ($2, $3){tests}
ORDER BY updated_at_ms DESC, conversation_id DESC LIMIT $4"""
_LIVE = """
SELECT * FROM conversation WHERE tenant_id = $1 AND live{tests}
ORDER BY updated_at_ms, conversation_id"""
_SAID = """
SELECT * FROM (
    SELECT m.*, d.home_id, d.progress, d.reason, d.at_ms, d.provider_message_id AS delivered_as,
        d.detour, d.instead_of,
        CASE WHEN m.occurred_at_ms % 1000 = 0 THEN least(m.received_at_ms, m.occurred_at_ms + 999)
             ELSE m.occurred_at_ms END AS placed_at_ms
    FROM conversations_in($1) conversation_id JOIN message m USING (conversation_id)
    LEFT JOIN message_delivery d USING (message_id)
) said
WHERE (placed_at_ms, conversation_id, sequence) > ($2, $3, $4)
ORDER BY placed_at_ms, conversation_id, sequence LIMIT $5"""
_CHANGES = """
SELECT h.*, h.occurred_at_ms AS placed_at_ms
FROM conversations_in($1) conversation_id JOIN conversation_change h USING (conversation_id)
WHERE (h.occurred_at_ms, h.conversation_id, h.sequence) > ($2, $3, $4)
ORDER BY h.occurred_at_ms, h.conversation_id, h.sequence LIMIT $5"""
_SEARCH = """
SELECT c.*, m.message_id, m.occurred_at_ms AS found_at_ms,
    ts_headline('simple', m.subject || ' ' || m.text, wanted,
        'StartSel="", StopSel="", MinWords=8, MaxWords=24') AS snippet
FROM websearch_to_tsquery('simple', $2) wanted
JOIN message m ON to_tsvector('simple', m.subject || ' ' || m.text) @@ wanted
JOIN conversation c USING (conversation_id)
WHERE m.tenant_id = $1 AND (m.occurred_at_ms, m.message_id) < ($3, $4){tests}
ORDER BY m.occurred_at_ms DESC, m.message_id DESC LIMIT $5"""
_THREADING = (
    "SELECT conversation_id, threading FROM message WHERE message_id = $1 AND tenant_id = $2"
)
_ATTACHMENTS = "SELECT attachments FROM message WHERE message_id = $1 AND tenant_id = $2"
_SENT_IDS = """
SELECT provider_message_id FROM dispatch
WHERE home_id = $1 AND account_id = $2 AND greatest(attempted_at_ms, settled_at_ms) >= $3
AND provider_message_id <> ''"""
