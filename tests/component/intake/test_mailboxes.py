"""Mailboxes in Postgres: who reads which and how far; and whose mailbox an address is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.chassis.postgres.pool import Postgres
from services.intake.core.account import Account
from services.intake.shell.account_store import AccountStore
from services.intake.shell.mailroom.mailbox_store import MailboxStore
from services.intake.shell.vault import Vault
from tests.support import stack
from tests.support.intake_schema import in_postgres
from tests.support.waiting import until
from tests.unit.intake.mailboxes import OURS, mailbox

IMAP = mailbox("imap", account_id="imap-1")


@pytest.fixture
async def database(postgres: stack.Postgres) -> AsyncIterator[Postgres]:
    async with in_postgres(postgres) as opened:
        yield opened


@pytest.fixture
def store(database: Postgres) -> MailboxStore:
    return MailboxStore(database)


async def stated(database: Postgres, *accounts: Account) -> AccountStore:
    found = AccountStore(database, Vault([b"k" * 32]))
    async with found.writing() as writer:
        for account in accounts:
            await writer.upsert(account)
    return found


async def expired(database: Postgres) -> None:
    """Time passes: every lease has ended, and everything is due."""
    await database.pool.execute("UPDATE mailbox SET held_until = now() - interval '1 s'")


async def test_one_of_many_reads_a_mailbox(database: Postgres, store: MailboxStore) -> None:
    await stated(database, *(replace(IMAP, account_id=f"imap-{n}") for n in range(8)))
    claimed = await asyncio.gather(*(store.claim(f"process-{n}", limit=3) for n in range(6)))
    ids = [lease.account_id for leases in claimed for lease in leases]
    assert len(ids) == len(set(ids))
    assert max(map(len, claimed)) <= 3
    rest = [await store.claim("another", limit=9), await store.claim("third", limit=9)]
    ids += [lease.account_id for leases in rest for lease in leases]
    assert sorted(ids) == sorted(f"imap-{n}" for n in range(8))


async def test_only_mailboxes_that_are_in_use_are_read(
    database: Postgres, store: MailboxStore
) -> None:
    await stated(database, replace(IMAP, enabled=False), mailbox("smtp", account_id="smtp-1"))
    assert await store.claim("a", limit=9) == []
    await stated(database, IMAP)
    assert [each.account_id for each in await store.claim("a", limit=9)] == ["imap-1"]


async def test_our_place_is_where_the_next_reader_begins(
    database: Postgres, store: MailboxStore
) -> None:
    await stated(database, IMAP)
    (lease,) = await store.claim("a", limit=9)
    assert (lease.validity, lease.last_uid, lease.failures) == (0, 0, 0)
    assert await store.advance(lease, 1_600_000_000, 4_294_967_295)
    await store.release(lease, due_seconds=0, failures=3, error="server_failed")

    async def again() -> Any:
        return await store.claim("b", limit=9)

    (following,) = await until(again, what="the mailbox, due")
    assert following == replace(
        lease, holder="b", validity=1_600_000_000, last_uid=4_294_967_295, failures=3
    )
    row = await database.pool.fetchrow("SELECT * FROM mailbox")
    assert row is not None
    assert row["last_error"] == "server_failed"


async def test_a_mailbox_is_left_alone_until_it_is_due(
    database: Postgres, store: MailboxStore
) -> None:
    await stated(database, IMAP)
    (lease,) = await store.claim("a", limit=9)
    await store.release(lease, due_seconds=60, failures=0, error="")
    assert await store.claim("b", limit=9) == []


async def test_who_has_lost_a_lease_writes_nothing_any_more(
    database: Postgres, store: MailboxStore
) -> None:
    await stated(database, IMAP)
    (lost,) = await store.claim("a", limit=9)
    assert await store.renew(lost)
    await expired(database)
    assert not await store.renew(lost)
    (held,) = await store.claim("b", limit=9)
    assert await store.advance(held, 7, 20)
    assert not await store.advance(lost, 7, 10)
    await store.release(lost, due_seconds=0, failures=9, error="late")
    assert await store.claim("c", limit=9) == []
    row = await database.pool.fetchrow("SELECT * FROM mailbox")
    assert row is not None
    assert (row["holder"], row["last_uid"], row["failures"], row["last_error"]) == ("b", 20, 0, "")


ALIASED = mailbox(
    account_id="first", settings={"aliases": "Service@desk.example  info@desk.example"}
)


@pytest.mark.parametrize(
    ("accounts", "address", "found"),
    [
        ([ALIASED], OURS, "first"),
        ([ALIASED], "service@desk.example", "first"),
        ([ALIASED], "info@desk.example", "first"),
        ([ALIASED], "desk.example", None),
        ([ALIASED], "", None),
        ([replace(ALIASED, address="Help@Desk.Example")], OURS, "first"),
        ([replace(ALIASED, enabled=False)], OURS, None),
        ([replace(ALIASED, provider="sendgrid")], OURS, None),
        # Somebody else came to claim an address: who had it first keeps it.
        (
            [ALIASED, mailbox(account_id="a", tenant_id="globex", created_at_ms=2**41)],
            OURS,
            "first",
        ),
        # An address of one's own is more than an alias of another's.
        (
            [ALIASED, mailbox(account_id="b", address="info@desk.example", created_at_ms=2**41)],
            "info@desk.example",
            "b",
        ),
    ],
)
async def test_whose_mailbox_an_address_is(
    database: Postgres, accounts: list[Account], address: str, found: str | None
) -> None:
    accounts = [replace(each, updated_at_ms=each.created_at_ms) for each in accounts]
    store = await stated(database, *accounts)
    assert await store.id_at(address) == found
