"""Accounts and their sealed secrets in Postgres. The only tables that an API writes itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg
import structlog

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Connection, Postgres
from services.intake.core.account import Account, IfUnseen
from services.intake.core.model import Channel
from services.intake.shell.vault import Sealed, Unsealable, Vault

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret, without the secret. `retired_at_ms` 0: it still verifies."""

    name: str
    version: int
    current: bool
    created_at_ms: int
    retired_at_ms: int


class AccountStore:
    """Reads and writes. Every write is one transaction with the answer to its request."""

    def __init__(self, postgres: Postgres, vault: Vault) -> None:
        self._postgres = postgres
        self._vault = vault

    async def read(self, account_id: str) -> Account | None:
        """An account with its live secrets, whoever's it is; for doors and delivery.

        Raises `StoreUnavailable` also where a secret cannot be opened: nothing can be verified.
        """
        async with translated(), self._postgres.pool.acquire() as connection:
            row = await connection.fetchrow(_ACCOUNT, account_id)
            if row is None:
                return None
            sealed = await connection.fetch(_LIVE_SECRETS, account_id)
        return replace(_account(row), secrets=self._opened(sealed))

    async def id_at(self, address: str) -> str | None:
        """The id of the enabled account that takes mail for a normalised address over SMTP.

        Its address counts before others' aliases, and the oldest before those that came to claim
        the same: a mail goes to one account.
        """
        async with translated():
            found: str | None = await self._postgres.pool.fetchval(_ID_AT, address)
        return found

    async def of_tenant(self, tenant_id: str, account_id: str) -> Account | None:
        """An account of this tenant, without secrets."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_ACCOUNT_OF_TENANT, account_id, tenant_id)
        return _account(row) if row else None

    async def page(
        self, tenant_id: str, *, channel: Channel | None, after: str, limit: int
    ) -> Sequence[Account]:
        """Accounts of a tenant by id, from `after` on."""
        async with translated():
            rows = await self._postgres.pool.fetch(_PAGE, tenant_id, after, channel, limit)
        return [_account(row) for row in rows]

    async def secret_versions(self, account_id: str) -> Sequence[SecretVersion]:
        """By name, newest first."""
        async with translated():
            rows = await self._postgres.pool.fetch(_VERSIONS, account_id)
        return [_version(row) for row in rows]

    async def answered(self, tenant_id: str, request_id: str) -> bytes | None:
        """What this request was answered before."""
        async with translated():
            answer = await self._postgres.pool.fetchval(_ANSWERED, tenant_id, request_id)
        return bytes(answer) if answer is not None else None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AccountWriter]:
        """One transaction. Raises `StoreUnavailable`, and then nothing is known written."""
        async with (
            translated(),
            self._postgres.pool.acquire() as connection,
            connection.transaction(),
        ):
            yield AccountWriter(connection, self._vault)

    def _opened(self, rows: Sequence[asyncpg.Record]) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            sealed = Sealed(row["key_id"], row["nonce"], row["sealed"])
            try:
                opened = self._vault.open(sealed, belongs_to=_owner(row["account_id"], row["name"]))
            except Unsealable as error:
                log.exception("account_secret_sealed", reason=str(error))
                raise StoreUnavailable("a secret cannot be opened") from error
            found[row["name"]] = (*found.get(row["name"], ()), opened)
        return found


class AccountWriter:
    """Writes inside one transaction."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def upsert(self, account: Account) -> Account | None:
        """Create or replace; None where the id belongs to another tenant."""
        row = await self._connection.fetchrow(
            _UPSERT,
            account.account_id,
            account.tenant_id,
            account.channel,
            account.provider,
            account.address,
            account.display_name,
            account.enabled,
            account.language,
            account.pool_hint,
            list(account.tags),
            account.if_unseen,
            dict(account.settings),
            account.updated_at_ms,
        )
        return _account(row) if row else None

    async def add_secret(
        self, account_id: str, name: str, value: str, *, now_ms: int
    ) -> SecretVersion:
        """Add a version and make it current; older ones verify until they are retired."""
        await self._connection.execute(_LOCK_ACCOUNT, account_id)
        sealed = self._vault.seal(value, belongs_to=_owner(account_id, name))
        version = await self._connection.fetchval(
            _NEXT_VERSION, account_id, name, sealed.key_id, sealed.nonce, sealed.sealed, now_ms
        )
        return SecretVersion(name, version, current=True, created_at_ms=now_ms, retired_at_ms=0)

    async def retire_secret(
        self, account_id: str, name: str, version: int, *, now_ms: int
    ) -> SecretVersion | None:
        """Make a version that is not the current one stop verifying; None if there is none."""
        row = await self._connection.fetchrow(_RETIRE, account_id, name, version, now_ms)
        return _version(row) if row else None

    async def delete(self, account_id: str) -> bool:
        """Delete with its secrets; False, and nothing is deleted, while conversations are open."""
        return await self._connection.fetchval(_DELETE, account_id) is not None

    async def answer(self, tenant_id: str, request_id: str, answer: bytes, *, now_ms: int) -> bool:
        """Keep the answer; False where somebody has answered the same request meanwhile."""
        kept = await self._connection.fetchval(_ANSWER, tenant_id, request_id, answer, now_ms)
        return kept is not None


def _owner(account_id: str, name: str) -> str:
    return f"{account_id}/{name}"


def _account(row: asyncpg.Record) -> Account:
    return Account(
        **dict(row)
        | {
            "channel": Channel(row["channel"]),
            "if_unseen": IfUnseen(row["if_unseen"]),
            "tags": tuple(row["tags"]),
        }
    )


def _version(row: asyncpg.Record) -> SecretVersion:
    return SecretVersion(
        name=row["name"],
        version=row["version"],
        current=row["current"],
        created_at_ms=row["created_at_ms"],
        retired_at_ms=row["retired_at_ms"],
    )


_ACCOUNT = "SELECT * FROM account WHERE account_id = $1"
_ID_AT = r"""
SELECT account_id FROM account
WHERE channel = 'EMAIL' AND provider = 'smtp' AND enabled
  AND (lower(address) = $1
       OR $1 = ANY (regexp_split_to_array(lower(settings->>'aliases'), '\s+')))
ORDER BY lower(address) = $1 DESC, created_at_ms, account_id LIMIT 1"""
_ACCOUNT_OF_TENANT = "SELECT * FROM account WHERE account_id = $1 AND tenant_id = $2"
_LIVE_SECRETS = """
SELECT account_id, name, key_id, nonce, sealed FROM account_secret
WHERE account_id = $1 AND retired_at_ms = 0 ORDER BY name, version DESC"""
_PAGE = """
SELECT * FROM account
WHERE tenant_id = $1 AND account_id > $2 AND ($3::text IS NULL OR channel = $3)
ORDER BY account_id LIMIT $4"""
_VERSIONS = """
SELECT name, version, version = max(version) OVER (PARTITION BY name) AS current,
       created_at_ms, retired_at_ms
FROM account_secret WHERE account_id = $1 ORDER BY name, version DESC"""
_ANSWERED = "SELECT answer FROM account_request WHERE tenant_id = $1 AND request_id = $2"
_ANSWER = """
INSERT INTO account_request (tenant_id, request_id, answer, answered_at_ms)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1"""
_UPSERT = """
INSERT INTO account AS old (account_id, tenant_id, channel, provider, address, display_name,
    enabled, language, pool_hint, tags, if_unseen, settings, created_at_ms, updated_at_ms, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, 1)
ON CONFLICT (account_id) DO UPDATE
SET channel = excluded.channel, provider = excluded.provider, address = excluded.address,
    display_name = excluded.display_name, enabled = excluded.enabled,
    language = excluded.language, pool_hint = excluded.pool_hint, tags = excluded.tags,
    if_unseen = excluded.if_unseen, settings = excluded.settings,
    updated_at_ms = excluded.updated_at_ms, version = old.version + 1
WHERE old.tenant_id = excluded.tenant_id
RETURNING *"""
_DELETE = """
DELETE FROM account WHERE account_id = $1
AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.account_id = $1 AND c.live)
RETURNING 1"""
_LOCK_ACCOUNT = "SELECT 1 FROM account WHERE account_id = $1 FOR UPDATE"
_NEXT_VERSION = """
INSERT INTO account_secret (account_id, name, version, key_id, nonce, sealed, created_at_ms)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6
FROM account_secret WHERE account_id = $1 AND name = $2 RETURNING version"""
_RETIRE = """
UPDATE account_secret s SET retired_at_ms = CASE retired_at_ms WHEN 0 THEN $4 ELSE retired_at_ms END
WHERE account_id = $1 AND name = $2 AND version = $3
  AND version < (SELECT max(version) FROM account_secret WHERE account_id = $1 AND name = $2)
RETURNING name, version, false AS current, created_at_ms, retired_at_ms"""
