"""A visitor's lines in Postgres: numbered as they are committed, and gone when they are erased."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import asyncpg
import orjson
import pytest

from services.intake.core.identity import home_id
from services.intake.core.model import Channel, Kind, Message
from services.intake.shell import rows
from tests.component.intake.house import TENANT, Visit
from tests.support.waiting import until
from tests.unit.intake.given import CONVERSATION, NOON_MS, after, inbound, say

ACCOUNT = "lines-chat"
DOSSIER = after(inbound(), say())
COMMIT = "SELECT commit_threads($1::jsonb)"


def message(visitor: str, kind: Kind = Kind.REPLY, **changes: object) -> Message:
    """A chat message of or to a visitor."""
    found = Message(
        message_id=str(uuid4()),
        conversation_id=visitor,
        kind=kind,
        channel=Channel.CHAT,
        account_id=ACCOUNT,
        author="agent/ada",
        from_address=visitor if kind is Kind.INBOUND else "shop",
        to_address="shop" if kind is Kind.INBOUND else visitor,
        text="Hello",
        occurred_at_ms=NOON_MS,
        received_at_ms=NOON_MS,
        place=1,
    )
    return replace(found, **changes)  # type: ignore[arg-type] # fields by name


async def commit(connection: asyncpg.Connection, *messages: Message) -> None:
    """What the threader does with messages."""
    written = [
        rows.message_row(each, tenant_id=TENANT, sequence=hash(each.message_id) & 0xFFFFFFFF)
        for each in messages
    ]
    await connection.execute(COMMIT, orjson.dumps({"message": written}).decode())


async def lines(connection: asyncpg.Connection, visitor: str) -> dict[int, str]:
    """Message ids by number."""
    query = "SELECT number, message_id FROM chat_line WHERE account_id = $1 AND visitor_id = $2"
    found = await connection.fetch(query + " ORDER BY number", ACCOUNT, visitor)
    return {row["number"]: row["message_id"] for row in found}


@asynccontextmanager
async def another(visit: Visit) -> AsyncIterator[asyncpg.Connection]:
    """Another session of the same database."""
    settings = {"search_path": "intake"}
    connection = await asyncpg.connect(visit.house.dsn, server_settings=settings)
    yield connection
    await connection.close()


async def test_a_visitor_has_lines_of_what_was_said_and_of_nothing_else(visit: Visit) -> None:
    visitor, other = str(uuid4()), str(uuid4())
    seen = [message(visitor, kind) for kind in Kind if kind is not Kind.NOTE]
    unseen = [
        message(visitor, Kind.NOTE),
        message(visitor, channel=Channel.EMAIL),
        message(visitor, to_address=""),
    ]
    await commit(visit.rows, *seen, *unseen, message(other))
    assert list((await lines(visit.rows, visitor)).values()) == [each.message_id for each in seen]
    assert list(await lines(visit.rows, other)) == [1]
    edited = replace(seen[0], text="Changed", edited_at_ms=NOON_MS)
    await commit(visit.rows, edited, message(visitor))
    assert list(await lines(visit.rows, visitor)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("first_ends_well", [True, False])
async def test_numbers_appear_in_their_order_whoever_commits_first(
    visit: Visit, first_ends_well: bool
) -> None:
    visitor = str(uuid4())
    first, second = message(visitor), message(visitor)
    async with another(visit) as one, another(visit) as two:
        begun = one.transaction()
        await begun.start()
        await commit(one, first)
        waiting = asyncio.create_task(commit(two, second))

        async def waits() -> bool:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1"
            return bool(await visit.rows.fetchval(query, two.get_server_pid()))

        await until(waits, what="the second to wait for the first")
        assert await lines(visit.rows, visitor) == {}
        await (begun.commit() if first_ends_well else begun.rollback())
        await waiting
    found = await lines(visit.rows, visitor)
    expected = [first, second] if first_ends_well else [second]
    assert found == dict(enumerate([each.message_id for each in expected], start=1))


async def test_many_writers_leave_no_gap_and_no_number_twice(visit: Visit) -> None:
    visitor = str(uuid4())

    async def write() -> None:
        async with another(visit) as connection:
            for _ in range(20):
                await commit(connection, message(visitor))

    writing = asyncio.gather(*(write() for _ in range(4)))
    cursor = 0
    shown: list[int] = []
    while len(shown) < 80:
        query = (
            "SELECT number FROM chat_line WHERE account_id = $1 AND visitor_id = $2"
            " AND number > $3 ORDER BY number LIMIT 7"
        )
        found = [row["number"] for row in await visit.rows.fetch(query, ACCOUNT, visitor, cursor)]
        shown += found
        cursor = max([cursor, *found])
        await asyncio.sleep(0)
    await writing
    assert shown == list(range(1, 81))


async def test_of_somebody_who_is_erased_nothing_is_shown(visit: Visit) -> None:
    visitor, person = str(uuid4()), str(uuid4())
    home = home_id(TENANT, "CHAT", visitor)
    for _ in range(2):  # whoever comes back may be erased again
        held = replace(DOSSIER.conversations[CONVERSATION], conversation_id=visitor, home_id=home)
        row = rows.conversation_row(held)
        await visit.rows.execute(COMMIT, orjson.dumps({"conversation": [row]}).decode())
        await commit(visit.rows, message(visitor, Kind.INBOUND), message(visitor))
        query = "INSERT INTO chat_person VALUES ($1, $2, $3, $4)"
        await visit.rows.execute(query, ACCOUNT, person, TENANT, visitor)
        erased = [
            {
                "home_id": each,
                "tenant_id": TENANT,
                "customer_id": home,
                "reason": "asked",
                "erased_at_ms": NOON_MS,
            }
            for each in (home, person)
        ]
        await visit.rows.execute("SELECT erase($1::jsonb)", orjson.dumps(erased).decode())
        assert await lines(visit.rows, visitor) == {}
        known = "SELECT count(*) FROM chat_person WHERE visitor_id = $1"
        assert await visit.rows.fetchval(known, visitor) == 0
    await commit(visit.rows, message(visitor))
    assert list(await lines(visit.rows, visitor)) == [5]
