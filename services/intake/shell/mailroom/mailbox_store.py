"""How far mailboxes have been read, and who reads which: the table `mailbox`.

A lease is held by the database's clock. Whoever lost it may still be at it; that is harmless, since
a mail that is taken in twice is one message, and what a former holder writes is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres

LEASE_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Lease:
    """A mailbox that is ours to read. `validity` 0: it was never read to its end."""

    account_id: str
    holder: str
    validity: int
    last_uid: int
    failures: int


class MailboxStore:
    """Every call raises `StoreUnavailable`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def claim(self, holder: str, *, limit: int) -> Sequence[Lease]:
        """Mailboxes that are due and that nobody reads: ours for `LEASE_SECONDS`."""
        async with (
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(),
        ):
            await connection.execute(_ADD)
            rows = await connection.fetch(_CLAIM, holder, LEASE_SECONDS, limit)
        return [
            Lease(row["account_id"], holder, row["uid_validity"], row["last_uid"], row["failures"])
            for row in rows
        ]

    async def renew(self, lease: Lease) -> bool:
        """Hold it for `LEASE_SECONDS` from now on; False where it is lost."""
        async with translated():
            held = await self._postgres.pool.fetchval(
                _RENEW, lease.account_id, lease.holder, LEASE_SECONDS
            )
        return bool(held)

    async def advance(self, lease: Lease, validity: int, last_uid: int) -> bool:
        """All up to this UID is taken. Renews the lease, too; False where it is lost."""
        async with translated():
            held = await self._postgres.pool.fetchval(
                _ADVANCE, lease.account_id, lease.holder, LEASE_SECONDS, validity, last_uid
            )
        return bool(held)

    async def release(self, lease: Lease, *, due_seconds: float, failures: int, error: str) -> None:
        """Let somebody read it again after a while."""
        async with translated():
            await self._postgres.pool.execute(
                _RELEASE, lease.account_id, lease.holder, due_seconds, failures, error
            )


_ADD: Final = """
INSERT INTO mailbox (account_id)
SELECT account_id FROM account a WHERE provider = 'imap' AND enabled
AND NOT EXISTS (SELECT FROM mailbox m WHERE m.account_id = a.account_id)
ON CONFLICT DO NOTHING"""
_CLAIM: Final = """
UPDATE mailbox SET holder = $1, held_until = now() + make_interval(secs => $2)
WHERE account_id IN (
    SELECT m.account_id FROM mailbox m JOIN account a USING (account_id)
    WHERE a.provider = 'imap' AND a.enabled AND m.due_at <= now() AND m.held_until <= now()
    ORDER BY m.due_at LIMIT $3 FOR UPDATE OF m SKIP LOCKED
)
RETURNING account_id, uid_validity, last_uid, failures"""
_RENEW: Final = """
UPDATE mailbox SET held_until = now() + make_interval(secs => $3)
WHERE account_id = $1 AND holder = $2 AND held_until > now() RETURNING true"""
_ADVANCE: Final = """
UPDATE mailbox SET held_until = now() + make_interval(secs => $3), uid_validity = $4, last_uid = $5
WHERE account_id = $1 AND holder = $2 AND held_until > now() RETURNING true"""
_RELEASE: Final = """
UPDATE mailbox SET held_until = '-infinity', due_at = now() + make_interval(secs => $3),
    failures = $4, last_error = $5
WHERE account_id = $1 AND holder = $2 AND held_until > now()"""
