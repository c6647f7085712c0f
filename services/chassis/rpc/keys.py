"""The issuer's public keys, from a file or a URL, fetched seldom however many tokens are bad."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import jwt
import orjson
import structlog

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
REFRESH_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 3.0
SET_BYTES_MAX: Final = 1 << 20
RSA_BITS_MIN: Final = 2048

log = structlog.get_logger(__name__)


class KeySet:
    """Keys by id. An unknown id asks the issuer again, at most once in ten seconds for all callers.

    When the issuer is away the last good set stays in use.
    """

    def __init__(self, source: str) -> None:
        """`source`: a path, or an http(s) URL."""
        self._source = source
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = -RETRY_SECONDS
        self._good = -REFRESH_SECONDS
        self._lock = asyncio.Lock()
        self.generation = 0

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None where the issuer does not have it."""
        if key_id not in self._keys:
            await self.refresh(older_than_seconds=RETRY_SECONDS)
        return self._keys.get(key_id)

    async def refresh(self, *, older_than_seconds: float = REFRESH_SECONDS) -> None:
        """Ask the issuer if the set is older than that, and nobody asked within ten seconds."""
        if time.monotonic() - self._good < older_than_seconds:
            return
        async with self._lock:
            if time.monotonic() - self._asked < RETRY_SECONDS:
                return
            self._asked = time.monotonic()
            try:
                self._keys = parse(await asyncio.to_thread(_read, self._source))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("jwks_unreadable", count=len(self._keys), exc_info=error)
                return
            except asyncio.CancelledError:  # this caller has gone; the next one asks at once
                self._asked = -RETRY_SECONDS
                raise
            self._good = self._asked
            self.generation += 1


def parse(document: bytes) -> dict[str, jwt.PyJWK]:
    """The usable signing keys of a JSON Web Key Set; raises ValueError where there is none.

    Symmetric keys, weak ones and those of other algorithms are left out.
    """
    entries: list[dict[str, Any]] = orjson.loads(document)["keys"]
    keys = {item["kid"]: key for item in entries if (key := _usable(item)) is not None}
    if not keys:
        raise ValueError("no usable key in the set")
    return keys


def _usable(item: dict[str, Any]) -> jwt.PyJWK | None:
    if item.get("kty") not in ("RSA", "EC") or item.get("use", "sig") != "sig" or "kid" not in item:
        return None
    try:
        key = jwt.PyJWK(item)
    except jwt.PyJWTError:
        return None  # an algorithm we do not know; the other keys still count
    strong = key.key_type == "EC" or key.key.key_size >= RSA_BITS_MIN
    return key if strong and key.algorithm_name in ALGORITHMS else None


def _read(source: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes()
    request = urllib.request.Request(source)  # noqa: S310 - scheme checked above, operator's setting
    with urllib.request.urlopen(request, timeout=FETCH_SECONDS) as answer:  # noqa: S310 - as above
        body: bytes = answer.read(SET_BYTES_MAX + 1)
    if len(body) > SET_BYTES_MAX:
        raise ValueError("key set too large")
    return body
