"""Applies plain SQL migrations (dbmate's file format), each in a transaction, under one lock.

A service owns one schema and one role. The role may read and write rows and call functions; the
schema and its tables belong to whoever migrates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from services.chassis import postgres

ENGINE_DIRECTORY: Final = Path(postgres.__file__).parent / "migrations"
_SECTIONS: Final = re.compile(
    r"(?:(?!--\s*migrate:)(?:--[^\n]*)?\n)*"  # comments and empty lines
    r"--\s*migrate:up(?P<options>[^\n]*)\n(?P<up>.*?)"
    r"(?:^--\s*migrate:down[^\n]*\n(?P<down>.*))?",
    re.DOTALL | re.MULTILINE,
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_LOCK: Final = 0x53574D49  # one number for all services: migrations are short


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its stem is its version."""

    version: str
    up: str
    down: str


def read(directories: Sequence[Path]) -> list[Migration]:
    """All migrations, folder by folder, sorted by name.

    Raises ValueError for a malformed one, and where a name or, in one folder, a number is twice:
    such two would be applied in the order of their names, which nobody chose.
    """
    files = [path for directory in directories for path in sorted(directory.glob("*.sql"))]
    found = [_parse(path) for path in files]
    _refuse_twice("name", [path.stem for path in files])
    _refuse_twice("number", [f"{path.parent}/{path.stem.split('_')[0]}" for path in files])
    return found


def _refuse_twice(what: str, values: Sequence[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"{count} migrations have the same {what} {value}: rename all but one")


def _parse(path: Path) -> Migration:
    match = _SECTIONS.fullmatch(path.read_text(encoding="utf-8"))
    if match is None or match["options"].strip():
        raise ValueError(f"{path.name}: begin with a line `-- migrate:up`, without options")
    return Migration(path.stem, match["up"], match["down"] or "")


async def migrate(
    admin_dsn: str, service: str, directories: Sequence[Path], *, password: str | None = None
) -> list[str]:
    """Bring the schema and role of `service` up to date; returns the versions applied now.

    Safe to run by many processes at once. Raises asyncpg.PostgresError for a statement at fault;
    what was applied before it stays.
    """
    if _NAME.fullmatch(service) is None:
        raise ValueError(f"{service!r} is no schema name")
    known = read(directories)
    async with _alone(admin_dsn) as connection:
        await _prepare(connection, service, password)
        done = await applied(connection)
        fresh = [item for item in known if item.version not in done]
        for item in fresh:
            async with connection.transaction():
                await connection.execute(item.up)
                note = "INSERT INTO schema_migrations (version) VALUES ($1)"
                await connection.execute(note, item.version)
    return [item.version for item in fresh]


async def rollback(admin_dsn: str, service: str, directories: Sequence[Path]) -> list[str]:
    """Undo all migrations, the latest first; for tests. Returns the versions undone."""
    known = read(directories)
    async with _alone(admin_dsn) as connection:
        await connection.execute(f'SET search_path = "{service}"')
        done = await applied(connection)
        undone = [item for item in reversed(known) if item.version in done]
        for item in undone:
            async with connection.transaction():
                await connection.execute(item.down)
                note = "DELETE FROM schema_migrations WHERE version = $1"
                await connection.execute(note, item.version)
    return [item.version for item in undone]


async def applied(connection: asyncpg.Connection) -> set[str]:
    """The versions present in the connection's schema."""
    rows = await connection.fetch("SELECT version FROM schema_migrations")
    return {row["version"] for row in rows}


@asynccontextmanager
async def _alone(admin_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(admin_dsn, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield connection
    finally:
        await connection.close()


async def _prepare(connection: asyncpg.Connection, service: str, password: str | None) -> None:
    role = f"svc_{service}"
    login = await connection.fetchval(
        "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)", role, password
    )
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(
        f"""
        {login};
        ALTER ROLE {role} SET search_path = {service};
        CREATE SCHEMA IF NOT EXISTS {service};
        REVOKE ALL ON SCHEMA {service} FROM PUBLIC;
        GRANT USAGE ON SCHEMA {service} TO {role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA {service}
          GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA {service} GRANT USAGE ON SEQUENCES TO {role};
        SET search_path = {service}, pg_temp;
        CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY);
        """
    )
