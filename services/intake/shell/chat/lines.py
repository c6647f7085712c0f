"""What a visitor has been shown and may be: reads, and the one row that the door writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Connection, Postgres
from services.intake.core.account import Account
from services.intake.core.model import Attachment, Kind, Progress
from services.intake.shell.channels.web_chat import client_id_of
from services.intake.shell.chat.sessions import Session

PAGE: Final = 50
REPORTED_MAX: Final = 500
ACQUIRE_SECONDS: Final = 2.0
READERS_MAX: Final = 2
"""Of the pool's connections; when all visitors are woken at once, the processors need theirs."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message as its visitor sees it; `number` is the cursor, `client_id` the widget's name."""

    number: int
    message_id: str
    kind: Kind
    text: str
    at_ms: int
    client_id: str
    attachments: tuple[Attachment, ...]


class LineStore:
    """One visitor of one account at a time. All raise `StoreUnavailable`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._reading = asyncio.Semaphore(READERS_MAX)

    async def after(self, session: Session, number: int) -> Sequence[Line]:
        """The lines behind `number`, in order, a page at the most."""
        found = await self._fetch(_AFTER, session.account_id, session.visitor_id, number, PAGE)
        return [_line(row) for row in found]

    async def before(self, session: Session, number: int) -> Sequence[Line]:
        """The last lines before `number`, in order, a page at the most."""
        found = await self._fetch(_BEFORE, session.account_id, session.visitor_id, number, PAGE)
        return [_line(row) for row in reversed(found)]

    async def behind(self, session: Session, number: int, progress: Progress) -> Sequence[str]:
        """Ids of ours, up to `number`, that have not come as far as `progress`; the latest."""
        done = [Progress.READ] if progress is Progress.READ else [Progress.READ, progress]
        found = await self._fetch(
            _BEHIND, session.account_id, session.visitor_id, number, done, REPORTED_MAX
        )
        return [row["message_id"] for row in found]

    async def seen(self, session: Session) -> int:
        """The last line of ours that the visitor has read, on whatever device; 0 if none."""
        found = await self._fetch(_SEEN, session.account_id, session.visitor_id)
        return int(found[0]["number"])

    async def is_named(self, session: Session) -> bool:
        """Whether the site has named the visitor: then only who is named may be them."""
        found = await self._fetch(_NAMED, session.account_id, session.visitor_id)
        return bool(found)

    async def visitor_of(self, account: Account, home_id: str, offered: str) -> str | None:
        """Which visitor a person is: `offered`, if they were none before.

        None where that visitor is another person.
        """
        account_id = account.account_id
        async with self._lent() as connection:
            await connection.execute(_NAME, account_id, home_id, account.tenant_id, offered)
            found: str | None = await connection.fetchval(_VISITOR_OF, account_id, home_id)
        return found

    async def _fetch(self, query: str, *values: Any) -> Sequence[asyncpg.Record]:
        async with self._lent() as connection:
            found: Sequence[asyncpg.Record] = await connection.fetch(query, *values)
        return found

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        async with (
            self._reading,
            translated(),
            self._postgres.pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
        ):
            yield connection


def _line(row: asyncpg.Record) -> Line:
    return Line(
        number=row["number"],
        message_id=row["message_id"],
        kind=Kind(row["kind"]),
        text=row["text"],
        at_ms=row["received_at_ms"],
        client_id=client_id_of(row["provider_message_id"]),
        attachments=tuple(Attachment(**each) for each in row["attachments"]),
    )


_LINE = """
SELECT l.number, m.message_id, m.kind, m.text, m.received_at_ms, m.provider_message_id,
       m.attachments
FROM chat_line l JOIN message m USING (message_id)
WHERE l.account_id = $1 AND l.visitor_id = $2"""
_AFTER = _LINE + " AND l.number > $3 ORDER BY l.number LIMIT $4"
_BEFORE = _LINE + " AND l.number < $3 ORDER BY l.number DESC LIMIT $4"
_BEHIND = """
SELECT d.message_id FROM chat_line l JOIN message_delivery d USING (message_id)
WHERE l.account_id = $1 AND l.visitor_id = $2 AND l.number <= $3 AND d.progress <> ALL($4)
ORDER BY l.number DESC LIMIT $5"""
_SEEN = """
SELECT coalesce(max(l.number), 0) AS number
FROM chat_line l JOIN message_delivery d USING (message_id)
WHERE l.account_id = $1 AND l.visitor_id = $2 AND d.progress = 'READ'"""
_NAMED = "SELECT 1 FROM chat_person WHERE account_id = $1 AND visitor_id = $2"
_NAME = """
INSERT INTO chat_person (account_id, home_id, tenant_id, visitor_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING"""
_VISITOR_OF = "SELECT visitor_id FROM chat_person WHERE account_id = $1 AND home_id = $2"
