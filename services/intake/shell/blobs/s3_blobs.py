"""Files in a bucket that speaks S3, under `<prefix>/<tenant>/<sha256>`.

What guards a bucket (encryption, versions, life cycles) is the bucket's; our key needs GetObject,
PutObject and DeleteObject below the prefix, and ListBucket, without which S3 answers 403 for what
is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store
from pydantic import SecretStr

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.blobs import digest_of
from services.intake.ports import Blob

RANGE_BYTES: Final = 4 << 20
REQUEST_SECONDS: Final = 30
CONNECT_SECONDS: Final = 3
RETRY_SECONDS: Final = 10
RETRIES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where files go: `s3://bucket/prefix`, and how to get in.

    Where the key is empty the environment's credentials are taken, as a workload's role gives them;
    where the endpoint is empty it is AWS.
    """

    url: str
    region: str
    endpoint: str
    key_id: SecretStr
    secret: SecretStr


class Ledger(Protocol):
    """Where it is written down which files there are."""

    async def note(self, tenant_id: str, digest: str, size_bytes: int) -> None:
        """A file is about to be put, or named. Raises `StoreUnavailable`."""


class S3Blobs:
    """A `BlobStore`. The ledger knows of a file before the bucket has it, so none is forgotten."""

    def __init__(self, bucket: Bucket, ledger: Ledger) -> None:
        self._store = _store(bucket)
        self._ledger = ledger

    async def put(self, tenant_id: str, content: bytes) -> str:
        """Keep a file; one that is there is not sent again."""
        digest = await asyncio.to_thread(digest_of, content)
        await self._ledger.note(tenant_id, digest, len(content))
        if await self._size(tenant_id, digest) is None:
            with _translated():
                key = _key(tenant_id, digest)
                await self._store.put_async(key, content, use_multipart=False)
        return digest

    async def hold(self, tenant_id: str, digest: str) -> bool:
        """Keep a file for a day from now; first noted, then looked for, as a sweep may be on."""
        size = await self._size(tenant_id, digest)
        if size is not None:
            await self._ledger.note(tenant_id, digest, size)
            size = await self._size(tenant_id, digest)
        return size is not None

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        """A file, read range by range: a slow reader holds no connection."""
        size = await self._size(tenant_id, digest)
        return None if size is None else Blob(size, self._chunks(tenant_id, digest, size))

    async def delete(self, tenant_id: str, digest: str) -> None:
        """Forget a file; S3 does not say whether it was there."""
        with _translated():
            await self._store.delete_async(_key(tenant_id, digest))

    async def _size(self, tenant_id: str, digest: str) -> int | None:
        with _translated():
            try:
                meta = await self._store.head_async(_key(tenant_id, digest))
            except FileNotFoundError:
                return None
        return meta["size"]

    async def _chunks(self, tenant_id: str, digest: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, RANGE_BYTES):
            with _translated():
                end = min(start + RANGE_BYTES, size)
                chunk = await self._store.get_range_async(
                    _key(tenant_id, digest), start=start, end=end
                )
            yield bytes(chunk)


def _key(tenant_id: str, digest: str) -> str:
    return f"{quote(tenant_id, safe='')}/{digest}"


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever S3 says but "not found" is a matter for operators: the same may work in a while."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StoreUnavailable(f"S3: {type(error).__name__}") from error


def _store(bucket: Bucket) -> S3Store:
    place = urlsplit(bucket.url)
    given = {
        "endpoint": bucket.endpoint,
        "access_key_id": bucket.key_id.get_secret_value(),
        "secret_access_key": bucket.secret.get_secret_value(),
    }
    return S3Store(
        place.netloc,
        prefix=place.path.strip("/") or None,
        region=bucket.region,
        config={name: value for name, value in given.items() if value},  # type: ignore[arg-type] # a TypedDict's keys
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        },
        retry_config={
            "max_retries": RETRIES_MAX,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
        },
    )
