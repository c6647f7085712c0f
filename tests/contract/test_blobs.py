"""One suite for every store of files: Postgres, a bucket that speaks S3, and memory alike."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import SystemClock
from services.intake.core.blobs import digest_of
from services.intake.ports import BlobStore
from services.intake.shell.blobs import postgres_blobs
from services.intake.shell.blobs.postgres_blobs import PostgresBlobs
from services.intake.shell.blobs.s3_blobs import S3Blobs
from tests.support import s3, stack
from tests.support.intake_schema import in_postgres
from tests.support.memory_blobs import MemoryBlobs

SMALL = b"a picture of a parcel"
LARGE = secrets.token_bytes(9 * 1024 * 1024 + 17)


class Ledger:
    """Takes notes for nobody: what the sweep makes of them is another suite's."""

    async def note(self, tenant_id: str, digest: str, size_bytes: int) -> None:
        assert len(digest) == 64
        assert size_bytes >= 0


@pytest.fixture(params=["memory", "postgres", "s3"])
async def blobs(request: pytest.FixtureRequest) -> AsyncIterator[BlobStore]:
    if request.param == "memory":
        yield MemoryBlobs()
    elif request.param == "s3":
        with s3.serving() as bucket:
            yield S3Blobs(bucket, Ledger())
    else:
        async with in_postgres(request.getfixturevalue("postgres")) as opened:
            yield PostgresBlobs(opened, SystemClock())


async def content(blobs: BlobStore, tenant_id: str, digest: str) -> bytes | None:
    """A file, whole."""
    blob = await blobs.open(tenant_id, digest)
    if blob is None:
        return None
    found = b"".join([chunk async for chunk in blob.chunks])
    assert len(found) == blob.size_bytes
    return found


@pytest.mark.parametrize("given", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_a_file_comes_back_as_it_went_in(blobs: BlobStore, given: bytes) -> None:
    digest = await blobs.put("acme", given)
    assert digest == digest_of(given)
    assert await content(blobs, "acme", digest) == given


async def test_the_same_file_again_changes_nothing(blobs: BlobStore) -> None:
    digests = await asyncio.gather(*(blobs.put("again", LARGE) for _ in range(4)))
    assert set(digests) == {digest_of(LARGE)}
    assert await content(blobs, "again", digests[0]) == LARGE


async def test_a_file_is_its_tenants(blobs: BlobStore) -> None:
    digest = await blobs.put("acme", SMALL)
    assert await blobs.open("other", digest) is None
    assert not await blobs.hold("other", digest)
    await blobs.delete("other", digest)
    assert await content(blobs, "acme", digest) == SMALL


async def test_a_tenant_cannot_name_a_place_outside_of_its_own(blobs: BlobStore) -> None:
    digest = await blobs.put("../acme/..", SMALL)
    assert await content(blobs, "../acme/..", digest) == SMALL
    assert await blobs.open("acme/..", digest) is None


async def test_what_is_deleted_is_gone_and_may_come_again(blobs: BlobStore) -> None:
    digest = await blobs.put("gone", LARGE)
    for _ in range(2):
        await blobs.delete("gone", digest)
        assert await blobs.open("gone", digest) is None
        assert not await blobs.hold("gone", digest)
    assert await blobs.put("gone", LARGE) == digest
    assert await blobs.hold("gone", digest)
    assert await content(blobs, "gone", digest) == LARGE


async def test_what_is_deleted_while_it_is_read_ends_in_an_error(blobs: BlobStore) -> None:
    digest = await blobs.put("cut", LARGE)
    blob = await blobs.open("cut", digest)
    assert blob is not None
    await anext(blob.chunks)
    await blobs.delete("cut", digest)
    if not isinstance(blobs, MemoryBlobs):
        with pytest.raises(StoreUnavailable):
            [chunk async for chunk in blob.chunks]


async def test_a_file_is_in_postgres_once_and_leaves_nothing(postgres: stack.Postgres) -> None:
    count = "SELECT count(*) || '/' || coalesce(sum(length(content)), 0) FROM blob_chunk"
    async with in_postgres(postgres) as opened:
        blobs = PostgresBlobs(opened, SystemClock())
        digests = [await blobs.put("once", LARGE) for _ in range(2)]
        chunks = -(-len(LARGE) // postgres_blobs.CHUNK_BYTES)
        assert await opened.pool.fetchval(count) == f"{chunks}/{len(LARGE)}"
        await blobs.delete("once", digests[0])
        assert await opened.pool.fetchval(count) == "0/0"


async def test_a_wrong_secret_or_key_is_no_missing_file() -> None:
    with s3.serving() as bucket:
        for wrong in (
            replace(bucket, secret=SecretStr("wrong")),
            replace(bucket, url=f"s3://{s3.NAME}/elsewhere"),
        ):
            with pytest.raises(StoreUnavailable):
                await S3Blobs(wrong, Ledger()).put("acme", SMALL)
            with pytest.raises(StoreUnavailable):
                await S3Blobs(wrong, Ledger()).open("acme", digest_of(SMALL))


async def test_a_bucket_that_is_away_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.shell.blobs.s3_blobs.RETRIES_MAX", 0)
    with s3.serving() as bucket:
        away = S3Blobs(bucket, Ledger())
    with pytest.raises(StoreUnavailable, match="S3"):
        await away.put("acme", SMALL)
