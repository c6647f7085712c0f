"""Files that no message names are forgotten, row and content, and no other is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.lifecycle import Background
from services.chassis.postgres.pool import Postgres
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.blobs import digest_of, reference_of
from services.intake.core.events import MessageAdded
from services.intake.core.model import Attachment, Message
from services.intake.metrics import MediaMetrics
from services.intake.ports import BlobStore
from services.intake.shell import rows
from services.intake.shell.blobs import sweeping
from services.intake.shell.blobs.ledger import BlobLedger
from services.intake.shell.blobs.postgres_blobs import PostgresBlobs
from services.intake.shell.blobs.s3_blobs import S3Blobs
from services.intake.shell.blobs.sweeping import BlobSweeper, Objects
from services.intake.shell.mailroom.parking import ParkedMails
from tests.support import s3, stack
from tests.support.intake_schema import in_postgres
from tests.unit.intake.given import NOON_MS, TENANT, after, events_of, inbound
from tests.unit.intake.mailboxes import mailbox

HOUR_MS = 3_600_000
(MESSAGE,) = (e.message for e in events_of(after(), inbound()) if isinstance(e, MessageAdded))


@dataclass
class Time:
    """A clock that the test moves."""

    ms: int = NOON_MS

    def now_ms(self) -> int:
        return self.ms


@dataclass
class World:
    """A store of files, the messages that name them, and who sweeps."""

    postgres: Postgres
    time: Time
    blobs: BlobStore
    objects: Objects | None

    async def sweep(self, later_ms: int) -> int:
        """So much later."""
        self.time.ms += later_ms
        sweeper = BlobSweeper(
            self.postgres,
            objects=self.objects,
            clock=self.time,
            metrics=MediaMetrics(Catalogue("intake")),
            background=Background(),
        )
        return await sweeper.sweep()

    async def says(self, message_id: str, tenant_id: str = TENANT, **changes: Any) -> None:
        """A message is committed, or changed."""
        message: Message = replace(MESSAGE, message_id=message_id, **changes)
        sequence = int(message_id.removeprefix("m-"))
        row = rows.message_row(message, tenant_id=tenant_id, sequence=sequence)
        document = orjson.dumps({"message": [row]}).decode()
        async with self.postgres.pool.acquire() as connection:
            await connection.execute("SELECT commit_threads($1)", orjson.loads(document))

    async def is_kept(self, digest: str) -> bool:
        """Whether row and content are both there; it is an error if only one is."""
        kept = await self.blobs.open(TENANT, digest) is not None
        count = "SELECT count(*) FROM blob WHERE tenant_id = $1 AND digest = $2"
        assert await self.postgres.pool.fetchval(count, TENANT, digest) == kept
        return kept


@pytest.fixture(params=["postgres", "s3"])
async def world(request: pytest.FixtureRequest, postgres: stack.Postgres) -> AsyncIterator[World]:
    time = Time()
    async with in_postgres(postgres) as opened:
        if request.param == "postgres":
            yield World(opened, time, PostgresBlobs(opened, time), None)
            return
        with s3.serving() as bucket:
            blobs = S3Blobs(bucket, BlobLedger(opened, time))
            yield World(opened, time, blobs, blobs)


def named(digest: str) -> tuple[Attachment, ...]:
    """The files of a message that names one of ours."""
    elsewhere = Attachment("a-0", "", "", 0, "https://example.org/x")
    return (elsewhere, Attachment("a-1", "label.png", "image/png", 9, reference_of(digest)))


async def test_what_a_message_names_is_kept_and_what_none_does_is_not(world: World) -> None:
    attached = await world.blobs.put(TENANT, b"attached")
    original = await world.blobs.put(TENANT, b"original")
    unnamed = await world.blobs.put(TENANT, b"never sent")
    await world.says("m-1", attachments=named(attached))
    await world.says("m-2", original_reference=reference_of(original))
    assert await world.sweep(23 * HOUR_MS) == 0
    assert await world.sweep(2 * HOUR_MS) == 1
    kept = [await world.is_kept(each) for each in (attached, original, unnamed)]
    assert kept == [True, True, False]
    await world.says("m-1", attachments=())  # it was taken back, or its customer erased
    assert await world.sweep(0) == 1
    assert not await world.is_kept(attached)


async def test_anothers_message_names_nothing_of_ours(world: World) -> None:
    digest = await world.blobs.put(TENANT, b"ours")
    await world.says("m-1", tenant_id="other", attachments=named(digest))
    assert await world.sweep(25 * HOUR_MS) == 1


async def test_what_is_put_or_held_again_is_kept_for_another_day(world: World) -> None:
    put, held = await world.blobs.put(TENANT, b"put"), await world.blobs.put(TENANT, b"held")
    world.time.ms += 20 * HOUR_MS
    assert await world.blobs.put(TENANT, b"put") == put
    assert await world.blobs.hold(TENANT, held)
    assert await world.sweep(20 * HOUR_MS) == 0
    assert await world.is_kept(put)
    assert await world.is_kept(held)
    assert await world.sweep(20 * HOUR_MS) == 2


async def test_a_mail_that_became_no_message_is_kept_for_a_month(world: World) -> None:
    parking = ParkedMails(world.postgres, world.blobs, world.time)
    account = mailbox()
    for _ in range(2):
        await parking.park(account, b"unreadable", "it is larger than 7 bytes")
    digest = digest_of(b"unreadable")
    (row,) = await world.postgres.pool.fetch("SELECT * FROM parked_mail")
    assert (row["tenant_id"], row["digest"], row["account_id"]) == (
        TENANT,
        digest,
        account.account_id,
    )
    assert await world.sweep(29 * 24 * HOUR_MS) == 0
    assert await world.is_kept(digest)
    assert await world.sweep(2 * 24 * HOUR_MS) == 1
    assert not await world.is_kept(digest)


async def test_a_sweep_takes_all_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "PAGE", 2)
    digests = [await world.blobs.put(TENANT, b"%d" % number) for number in range(7)]
    await world.says("m-1", attachments=named(digests[3]))
    assert await world.sweep(25 * HOUR_MS) == 6
    assert await world.is_kept(digests[3])


async def test_content_that_cannot_be_deleted_is_not_forgotten(postgres: stack.Postgres) -> None:
    class Away:
        """A bucket that does not answer."""

        async def delete(self, tenant_id: str, digest: str) -> None:
            raise StoreUnavailable("away")

    time = Time()
    async with in_postgres(postgres) as opened:
        await BlobLedger(opened, time).note(TENANT, "ab" * 32, 9)
        world = World(opened, time, PostgresBlobs(opened, time), Away())
        with pytest.raises(StoreUnavailable):
            await world.sweep(25 * HOUR_MS)
        assert await opened.pool.fetchval("SELECT count(*) FROM blob") == 1
