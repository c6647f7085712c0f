"""Against a real PostgreSQL: values, a frozen backend, a dead server, the rights of the role."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from local.postgres.migrate import ENGINE_DIRECTORY, migrate
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.postgres import pool as pool_module
from services.chassis.postgres.pool import CHECK, RELEASE_SECONDS, Postgres
from tests.support.stack import Postgres as Server
from tests.support.waiting import until

PASSWORD = "it's a \\ password"
FIRST = """-- What it is for.

-- migrate:up
CREATE TABLE thing (id text PRIMARY KEY, doc jsonb, n bigint GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION things() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM thing $$;

-- migrate:down
DROP FUNCTION things();
DROP TABLE thing;
"""


@pytest.fixture
async def dsn(postgres: Server) -> str:
    return await postgres.adatabase("chassis")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_thing.sql").write_text(FIRST)
    return tmp_path


def dsn_of(service: str, admin_dsn: str) -> SecretStr:
    address = admin_dsn.rpartition("@")[2]
    return SecretStr(f"postgresql://svc_{service}:it%27s%20a%20%5C%20password@{address}")


@pytest.fixture
async def part(dsn: str, folder: Path) -> AsyncIterator[Postgres]:
    await migrate(dsn, "example", [ENGINE_DIRECTORY, folder], password=PASSWORD)
    part = Postgres(
        dsn_of("example", dsn), application="test", health=Health(CHECK), background=Background()
    )
    await part.start()
    yield part
    await part.stop()


async def test_json_travels_as_python_values(part: Postgres) -> None:
    doc = {"text": "✓ \u00e4", "list": [1, 2.5, None, True], "big": 2**53}
    async with part.pool.acquire(timeout=RELEASE_SECONDS) as connection:
        await connection.execute("INSERT INTO thing (id, doc) VALUES ('a', $1)", doc)
        assert await connection.fetchval("SELECT doc FROM thing") == doc
        assert await connection.fetchval("SELECT doc::json FROM thing") == doc
        assert await connection.fetchval("SELECT things()") == 1


async def test_an_open_transaction_is_rolled_back_at_release(part: Postgres) -> None:
    async with part.pool.acquire(timeout=RELEASE_SECONDS) as connection:
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO thing (id) VALUES ('lost')")
    async with part.pool.acquire(timeout=RELEASE_SECONDS) as connection:
        assert await connection.fetchval("SELECT count(*) FROM thing") == 0


async def ask_bounded(part: Postgres) -> None:
    async with part.pool.acquire(timeout=RELEASE_SECONDS) as connection:
        await connection.fetchval("SELECT 1")


@pytest.mark.parametrize("bounded", [True, False], ids=["acquire with a timeout", "plain fetch"])
async def test_a_frozen_backend_holds_nobody_longer_than_three_seconds(
    part: Postgres, *, bounded: bool
) -> None:
    backend = await part.pool.fetchval("SELECT pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await (ask_bounded(part) if bounded else part.pool.fetchval("SELECT 1"))
        assert time.monotonic() - began < 3
        assert await part.pool.fetchval("SELECT 1") == 1
    finally:
        os.kill(backend, signal.SIGCONT)


async def test_a_dead_server_makes_the_process_unready_until_it_is_back(
    dsn: str, postgres: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(pool_module, "UNREADY_AFTER_SECONDS", 0.3)
    await migrate(dsn, "example", [folder], password=PASSWORD)
    health = Health(CHECK)
    part = Postgres(
        dsn_of("example", dsn), application="test", health=health, background=Background()
    )
    assert not health.ready
    await part.start()
    assert health.ready
    postgres.server.kill()
    await until(lambda: not health.ready, what="the check fails")
    postgres.server.start()
    await until(lambda: health.ready, what="the check holds again")
    await part.stop()


async def test_a_process_that_starts_before_its_database_waits_for_it(
    dsn: str, postgres: Server, folder: Path
) -> None:
    await migrate(dsn, "example", [folder], password=PASSWORD)
    health = Health(CHECK)
    part = Postgres(
        dsn_of("example", dsn), application="test", health=health, background=Background()
    )
    postgres.server.kill()
    starting = asyncio.create_task(part.start())
    try:
        with capture_logs() as lines:
            await until(lambda: lines or starting.done(), what="it says that it waits")
        assert not health.ready
        assert not starting.done()
    finally:
        postgres.server.start()
    await starting
    assert health.ready
    await part.stop()


async def test_a_process_that_the_database_does_not_know_ends(dsn: str) -> None:
    part = Postgres(
        dsn_of("nobody", dsn), application="test", health=Health(CHECK), background=Background()
    )
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await part.start()


async def test_the_role_may_use_rows_and_nothing_else(part: Postgres, dsn: str) -> None:
    await migrate(dsn, "other", [ENGINE_DIRECTORY])
    async with part.pool.acquire(timeout=RELEASE_SECONDS) as connection:
        assert await connection.fetchval("SELECT current_user") == "svc_example"
        await connection.execute("SELECT engine_keep_days(20000, 8)")
        assert await connection.fetchval("SELECT to_regclass('request_20000')::text")
        for statement in (
            "CREATE TABLE mine (id int)",
            "DROP TABLE thing",
            "ALTER TABLE thing ADD COLUMN x int",
            "TRUNCATE thing",
            "CREATE SCHEMA mine",
            "SELECT * FROM other.shard",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
