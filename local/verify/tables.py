"""Reads what the services' tables say. Read-only: the reconciler repairs nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from local import provision
from local.verify.checks.lives import Timers
from local.verify.judge import Tables

TIMEOUT_S = 10.0
TIMER_GRACE_MS = 15_000
"""A timer that is due fires once a tick has gone through the log; later than this it is stuck."""

COMPARED = {
    "message": "SELECT message_id, conversation_id FROM intake.message WHERE kind <> 'NOTE'",
    "conversation": "SELECT conversation_id, status FROM intake.conversation",
    "offer": "SELECT offer_id, state FROM routing.offer",
    "agent": "SELECT agent_id, used FROM routing.agent",
    "clock": (
        "SELECT conversation_id || '/' || lower(metric) || '/' || cycle,"
        " CASE state WHEN 'VOID' THEN 'CANCELLED' ELSE state END FROM sla.clock"
    ),
    "survey": "SELECT survey_id, state FROM feedback.survey",
}
"""By name: queries for what the log tells as well."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a processor has come in a partition: the next offset it will read."""

    processor: str
    topic: str
    partition: int
    next: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What services have committed and not yet published, and how far they have read."""

    unpublished: int
    positions: tuple[Position, ...]


async def connect(admin_dsn: str) -> asyncpg.Connection:
    """Open a connection that can't write."""
    return await asyncpg.connect(
        admin_dsn, timeout=TIMEOUT_S, server_settings={"default_transaction_read_only": "on"}
    )


async def backlog(connection: asyncpg.Connection) -> Backlog:
    """Read how far every processor is."""
    unpublished = 0
    positions: list[Position] = []
    for service in provision.processing_with_schema():
        await _use(connection, service)
        unpublished += await connection.fetchval("SELECT count(*) FROM outbox")
        rows = await connection.fetch("SELECT processor, topic, partition, next FROM shard_offset")
        positions += [Position(*row) for row in rows]
    return Backlog(unpublished, tuple(positions))


async def read(connection: asyncpg.Connection) -> Tables:
    """Read what is compared with the log."""
    services = provision.processing_with_schema()
    timers = {service: await _timers(connection, service) for service in services}
    return Tables(
        timers=timers,
        work=await _open_work(connection),
        rows={name: await _values(connection, query) for name, query in COMPARED.items()},
    )


async def _timers(connection: asyncpg.Connection, service: str) -> Timers:
    await _use(connection, service)
    rows = await connection.fetch("SELECT key, due_ms FROM timer")
    now_ms = time.time_ns() // 1_000_000
    return Timers({row["key"]: row["due_ms"] for row in rows}, now_ms - TIMER_GRACE_MS)


async def _values(connection: asyncpg.Connection, query: str) -> Mapping[str, str]:
    return {row[0]: str(row[1]) for row in await connection.fetch(query)}


async def _open_work(connection: asyncpg.Connection) -> Mapping[str, str]:
    query = "SELECT work_id, lower(state) FROM routing.work WHERE is_open AND state <> 'WRAP_UP'"
    return await _values(connection, query)


async def _use(connection: asyncpg.Connection, service: str) -> None:
    """Let the following statements speak of a service's own tables."""
    await connection.execute("SELECT set_config('search_path', $1, false)", service)
