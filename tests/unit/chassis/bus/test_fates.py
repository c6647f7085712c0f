"""What the database says, told as what becomes of it."""

from __future__ import annotations

import asyncpg
import pytest

from services.chassis.bus.fates import BusError, Fenced, StoreUnavailable, WriteRefused
from services.chassis.bus.postgres_store import FENCED_SQLSTATE, translated


class Lost(asyncpg.PostgresError):
    sqlstate = FENCED_SQLSTATE


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(), StoreUnavailable),
        (TimeoutError(), StoreUnavailable),
        (asyncpg.CannotConnectNowError("starting up"), StoreUnavailable),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle"), StoreUnavailable),
        # asyncpg 0.32, of a connection whose server has said that it ends, until it is closed
        (asyncpg.InternalClientError("cannot switch to state 12"), StoreUnavailable),
        (asyncpg.UniqueViolationError("twice"), WriteRefused),
        (asyncpg.DataError("no such value"), WriteRefused),
        (Lost("another owns it"), Fenced),
    ],
    ids=lambda each: getattr(each, "__name__", type(each).__name__),
)
async def test_errors_of_the_database_are_told_as_the_bus_s(
    error: Exception, told: type[BusError]
) -> None:
    with pytest.raises(told):
        async with translated():
            raise error


async def test_a_bug_is_told_as_it_is() -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with translated():
            raise asyncpg.UndefinedTableError("no such table")
