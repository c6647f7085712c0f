"""Waits until all that the run began has come to its end, as far as the services know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from local.ledgerbook import now_ms
from local.state import StackState
from local.verify import tables
from local.verify.settle import settle

PAUSE_S = 0.5
QUIET_S = 2.0
"""So long nothing may have moved before the run counts as over."""
RECEIPT_GRACE_MS = 10_000
"""A message is sent, and its receipt may still come; a lost one never does.

Telegram, LINE and Slack send none."""
OPEN = {
    "conversations": "SELECT count(*) FROM intake.conversation WHERE status = 'OPEN'",
    "deliveries": "SELECT count(*) FROM intake.message_delivery WHERE progress = 'QUEUED'",
    "receipts": (
        "SELECT count(*) FROM intake.message_delivery JOIN intake.account USING (account_id)"
        " WHERE progress = 'SENT' AND at_ms > $1"
        " AND provider IN ('twilio', 'whatsapp', 'messenger')"
    ),
    "surveys": "SELECT count(*) FROM feedback.survey WHERE state = 'SCHEDULED'",
}
"""What may not be left, counted; $1 is when a receipt is given up."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What was left when the waiting ended."""

    empty: bool
    seconds: float
    left: dict[str, int]


async def drain(state: StackState, *, is_idle: Callable[[], bool], deadline_s: float) -> Drained:
    """Wait until people are idle and services have nothing open, or the deadline passes."""
    began_s = time.monotonic()
    end_s = began_s + deadline_s
    quiet_since_s: float | None = None
    connection = await tables.connect(state.postgres_admin_dsn)
    try:
        while True:
            left = await _left(connection, is_idle=is_idle())
            quiet_since_s = None if any(left.values()) else quiet_since_s or time.monotonic()
            if quiet_since_s and time.monotonic() - quiet_since_s >= QUIET_S:
                break
            if time.monotonic() > end_s:
                break
            await asyncio.sleep(PAUSE_S)
        backlog = await settle(
            connection,
            bootstrap=state.kafka_bootstrap,
            deadline_s=max(5.0, end_s - time.monotonic()),
        )
    finally:
        await connection.close()
    left["unpublished"] = backlog.unpublished
    return Drained(not any(left.values()), time.monotonic() - began_s, left)


async def _left(connection: asyncpg.Connection, *, is_idle: bool) -> dict[str, int]:
    given_up_ms = now_ms() - RECEIPT_GRACE_MS
    left = {}
    for what, query in OPEN.items():
        arguments = [given_up_ms] if "$1" in query else []
        left[what] = int(await connection.fetchval(query, *arguments))
    return left | {"people": 0 if is_idle else 1}
