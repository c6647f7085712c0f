"""The threader's reads among few and among very many people: each is one indexed query."""

from __future__ import annotations

import itertools
import random
import time
from statistics import median
from typing import Final

import asyncpg

from local.postgres import migrate
from local.provision import migration_folders

FEW: Final = 10_000
MANY: Final = 1_000_000
BATCHES: Final = (1, 50)
"""A lookup, and those of a batch of the threader: each of them one query."""
TURNS: Final = 400
QUERIES: Final = {
    "customer": "SELECT * FROM customer WHERE home_id = ANY($1::text[])",
    "conversation": "SELECT * FROM conversation WHERE home_id = ANY($1::text[]) AND live = true",
}
# Each has two addresses: the home that they live at, and one that yields to it.
_PEOPLE: Final = """
INSERT INTO customer (customer_id, tenant_id, home_id, tier, language, display_name, identities,
    attributes, created_at_ms, updated_at_ms, version, yields_to, search_text)
SELECT md5(n::text), 'bench', CASE WHEN own THEN md5(n::text) ELSE md5('also' || n) END, 'BASIC',
    'en', 'Person ' || n,
    jsonb_build_array(
        jsonb_build_object('channel', 'SMS', 'address', '+49' || n, 'home_id', md5(n::text),
            'linked_at_ms', 0, 'verified', false, 'opted_out_at_ms', 0),
        jsonb_build_object('channel', 'EMAIL', 'address', n || '@example.com',
            'home_id', md5('also' || n), 'linked_at_ms', 0, 'verified', false,
            'opted_out_at_ms', 0)),
    '{}', 0, 0, 1, CASE WHEN own THEN '' ELSE md5(n::text) END, ''
FROM generate_series(1, $1) n, (VALUES (true), (false)) AS side(own)"""
_CONVERSATIONS: Final = """
INSERT INTO conversation (conversation_id, tenant_id, customer_id, home_id, account_id, channel,
    address, account_address, tier, language, status, live, opened_at_ms, updated_at_ms, subject,
    pool_hint, tags, attributes, follows_id, last_agent_id, messages, sequence, reopened,
    last_inbound_at_ms, last_outbound_at_ms, resolved_at_ms, closed_at_ms)
SELECT md5('c' || n), 'bench', md5(n::text), md5(n::text), 'sms', 'SMS', '+49' || n, '+1555',
    'BASIC', 'en', 'OPEN', true, n, n, '', '', '{}', '{}', '', '', 1, 1, 0, n, 0, 0, 0
FROM generate_series(1, $1) n"""


async def filled(dsn: str, people: int) -> asyncpg.Connection:
    """A database with so many people, each with two addresses and a live conversation."""
    await migrate.migrate(dsn, "intake", migration_folders("intake"), password="bench")
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "intake"})
    for statement in (_PEOPLE, _CONVERSATIONS):
        await connection.execute(statement, people)
    await connection.execute("VACUUM ANALYZE customer")
    await connection.execute("VACUUM ANALYZE conversation")
    return connection


async def costs_ms(
    few: asyncpg.Connection, many: asyncpg.Connection
) -> dict[tuple[str, int], list[float]]:
    """By query and people looked up, the median milliseconds among few, and among many."""
    found: dict[tuple[str, int], list[float]] = {}
    for (name, query), batch in itertools.product(QUERIES.items(), BATCHES):
        took: list[list[float]] = [[], []]
        for turn in range(TURNS):
            for side, (connection, people) in enumerate(((few, FEW), (many, MANY))):
                homes = await _homes(connection, people, batch, turn)
                began = time.perf_counter()
                rows = await connection.fetch(query, homes)
                took[side].append((time.perf_counter() - began) * 1000)
                assert len(rows) == batch, "everybody is found"
        found[name, batch] = [median(times[TURNS // 4 :]) for times in took]
    return found


async def plan(connection: asyncpg.Connection, query: str) -> str:
    """How Postgres finds the rows."""
    rows = await connection.fetch(f"EXPLAIN {query.replace('$1', 'ARRAY[md5(1::text)]')}")
    return " / ".join(row[0].strip() for row in rows)


async def _homes(connection: asyncpg.Connection, people: int, batch: int, turn: int) -> list[str]:
    dice = random.Random(turn)
    numbers = dice.sample(range(1, people + 1), batch)
    query = "SELECT md5(n::text) FROM unnest($1::integer[]) n"
    return [row[0] for row in await connection.fetch(query, numbers)]
