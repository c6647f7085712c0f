"""Migrations against a real PostgreSQL: once each, whole or not at all, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from local.postgres.migrate import ENGINE_DIRECTORY, migrate, read, rollback
from tests.support.stack import Postgres as Server

TABLE = """-- migrate:up
CREATE TABLE thing (id text PRIMARY KEY);

-- migrate:down
DROP TABLE thing;
"""


@pytest.fixture
async def dsn(postgres: Server) -> str:
    return await postgres.adatabase("migrate")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_thing.sql").write_text(TABLE)
    return tmp_path


async def test_migrating_again_or_at_once_applies_each_version_once(dsn: str, folder: Path) -> None:
    runs = [migrate(dsn, "example", [ENGINE_DIRECTORY, folder]) for _ in range(4)]
    applied = await asyncio.gather(*runs)
    assert sorted(map(len, applied)) == [0, 0, 0, 2]
    (folder / "0002_more.sql").write_text("-- migrate:up\nCREATE TABLE more (id int);\n")
    assert await migrate(dsn, "example", [ENGINE_DIRECTORY, folder]) == ["0002_more"]


async def test_a_failing_migration_leaves_nothing_of_itself(dsn: str, folder: Path) -> None:
    bad = folder / "0002_bad.sql"
    bad.write_text("-- migrate:up\nCREATE TABLE half (id int); SELECT 1/0;\n")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(dsn, "example", [folder])
    bad.write_text("-- migrate:up\nCREATE TABLE half (id int);\n-- migrate:down\nDROP TABLE half;")
    assert await migrate(dsn, "example", [folder]) == ["0002_bad"]


async def test_down_undoes_up(dsn: str, folder: Path) -> None:
    directories = [ENGINE_DIRECTORY, folder]
    versions = await migrate(dsn, "example", directories)
    assert await rollback(dsn, "example", directories) == versions[::-1]
    assert await migrate(dsn, "example", directories) == versions


@pytest.mark.parametrize(
    "text",
    ["CREATE TABLE x (id int);", "-- migrate:up transaction:false\nSELECT 1;", "-- migrate:down\n"],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "0001_x.sql").write_text(text)
    with pytest.raises(ValueError, match="0001_x"):
        read([tmp_path])


@pytest.mark.parametrize(
    ("other", "why"),
    [("b/0001_x.sql", "same name 0001_x"), ("a/0001_y.sql", "same number .*a/0001")],
)
def test_two_files_that_claim_one_place_are_refused(tmp_path: Path, other: str, why: str) -> None:
    for name in ("a/0001_x.sql", other):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TABLE)
    with pytest.raises(ValueError, match=why):
        read([tmp_path / "a", tmp_path / "b"])


def test_folders_number_their_files_apart(tmp_path: Path) -> None:
    for name in ("a/0001_x.sql", "b/0001_y.sql"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(TABLE)
    assert [item.version for item in read([tmp_path / "a", tmp_path / "b"])] == ["0001_x", "0001_y"]
