"""Fetches files whose addresses come from outside, and from no place that they should not name."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DefaultResolver,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from services.intake.shell.channels.calls import retry_after_ms_of
from services.intake.shell.destinations import (
    Destination,
    Forbidden,
    PublicResolver,
    destination,
)

FETCH_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 15.0
REDIRECTS_MAX: Final = 3
READ_BYTES: Final = 64 * 1024
NAME_CHARACTERS_MAX: Final = 255
HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Switchboard"}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({404, 410})


class Unfetchable(Exception):
    """Not now; the same may work later. `reason` is for programs and holds no address.

    `retry_after_ms` is how long the other side wants us to wait, None where it does not say;
    `status` what it answered, 0 for nothing.
    """

    def __init__(self, reason: str, *, retry_after_ms: int | None = None, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_ms = retry_after_ms
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as it came. Type and name are the server's word, empty where it gives none."""

    content: bytes
    media_type: str = ""
    file_name: str = ""


class Fetcher(Protocol):
    """Fetches a file."""

    async def fetch(
        self, url: str, *, headers: Mapping[str, str], bytes_max: int, hosts: Collection[str]
    ) -> Fetched:
        """GET `url`, which must lie within `hosts` (see `destination`), as must every redirect.

        `headers` hold credentials: they go to the origin of `url` and to no other. Raises
        `Forbidden` for what will never be fetched: not allowed, too large, gone (404, 410). Raises
        `Unfetchable` for all else.
        """


class SafeFetcher:
    """A `Fetcher`. Keeps no cookies, heeds no proxy of the environment, caches no name."""

    def __init__(
        self,
        *,
        resolver: Callable[[], AbstractResolver] = DefaultResolver,
        socket_factory: Callable[[Any], socket.socket] | None = None,
        seconds: float = FETCH_SECONDS,
    ) -> None:
        """`seconds`: how long a fetch takes at most, with its redirects. The rest is for tests."""
        self._make_resolver = resolver
        self._socket_factory = socket_factory
        self._seconds = seconds
        self._guard: PublicResolver | None = None
        self._guarded: ClientSession | None = None
        self._configured: ClientSession | None = None

    async def start(self) -> None:
        """Open the clients: one that is guarded, one for the origins that an operator named."""
        self._guard = PublicResolver(self._make_resolver())
        self._guarded = self._session(resolver=self._guard)
        self._configured = self._session(resolver=None)

    async def stop(self) -> None:
        """Close what is open."""
        for session in (self._guarded, self._configured):
            if session is not None:
                await session.close()
        if self._guard is not None:
            await self._guard.close()

    async def fetch(
        self, url: str, *, headers: Mapping[str, str], bytes_max: int, hosts: Collection[str]
    ) -> Fetched:
        """See `Fetcher`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(url, headers, bytes_max, hosts)
        except TimeoutError:
            raise Unfetchable("timeout") from None
        except (ClientError, OSError, ValueError) as error:
            # An error's text may name the address, and with it a token.
            raise Unfetchable(type(error).__name__) from None

    async def _follow(
        self, url: str, headers: Mapping[str, str], bytes_max: int, hosts: Collection[str]
    ) -> Fetched:
        place = first = destination(url, hosts)
        for _ in range(REDIRECTS_MAX + 1):
            credentials = headers if place.origin == first.origin else {}
            session = self._session_for(place)
            async with session.get(
                place.url, headers=credentials, allow_redirects=False
            ) as response:
                if response.status not in _REDIRECTS:
                    return await _read(response, bytes_max)
                place = destination(_location(response, place.url), hosts)
        raise Forbidden("too_many_redirects")

    def _session_for(self, place: Destination) -> ClientSession:
        session = self._configured if place.configured else self._guarded
        assert session is not None, "the fetcher is not started"
        return session

    def _session(self, *, resolver: AbstractResolver | None) -> ClientSession:
        connector = TCPConnector(
            resolver=resolver,
            use_dns_cache=False,
            limit=0,
            socket_factory=self._socket_factory,
        )
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
            timeout=ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
        )


def _location(response: ClientResponse, asked: URL) -> str:
    """Where a redirect leads, as it is written: an address may be signed."""
    given = response.headers.get("Location", "")
    return str(asked.join(URL(given, encoded=True)))


async def _read(response: ClientResponse, bytes_max: int) -> Fetched:
    if response.status in _GONE:
        raise Forbidden(f"http_{response.status}")
    if response.status != 200:
        raise Unfetchable(
            f"http_{response.status}",
            retry_after_ms=retry_after_ms_of(response),
            status=response.status,
        )
    if (response.content_length or 0) > bytes_max:
        raise Forbidden("too_large")
    content = await _content(response, bytes_max)
    if not content:
        raise Unfetchable("empty", status=200)
    disposition = response.content_disposition
    name = (disposition.filename if disposition else "") or ""
    named = "Content-Type" in response.headers
    return Fetched(content, response.content_type if named else "", _plain_name(name))


async def _content(response: ClientResponse, bytes_max: int) -> bytes:
    """The body, as many bytes as allowed, on the wire and unpacked."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    packed = await _wire(response, bytes_max)
    if encoding in {"", "identity"}:
        return packed
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Unfetchable("encoding_unknown", status=200)
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        content = unpacking.decompress(packed, bytes_max + 1)
    except zlib.error:
        raise Unfetchable("encoding_broken", status=200) from None
    if len(content) > bytes_max:
        raise Forbidden("too_large")
    if not unpacking.eof:
        raise Unfetchable("encoding_broken", status=200)
    return content


async def _wire(response: ClientResponse, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(READ_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise Forbidden("too_large")
    return bytes(body)


def _plain_name(name: str) -> str:
    """A file name without a path and without what cannot be shown."""
    base = name.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, base)).strip()[:NAME_CHARACTERS_MAX]
