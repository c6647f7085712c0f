"""A fetcher among names and sockets of ours, and a sentinel where nobody may be led to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from local.ports import free_ports
from services.intake.shell.fetching import Fetched, SafeFetcher
from tests.component.intake.provider import Handler, Provider, listening

LOGIN = {"Authorization": "Bearer of-the-account"}
BYTES_MAX = 10_000


@dataclass
class Sentinel:
    """Counts who connects."""

    port: int = 0
    connects: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """On both loopbacks, at one port."""
        servers = [await asyncio.start_server(self._met, "127.0.0.1", 0)]
        self.port = servers[0].sockets[0].getsockname()[1]
        if socket.has_dualstack_ipv6():
            servers.append(await asyncio.start_server(self._met, "::1", self.port))
        try:
            yield
        finally:
            for server in servers:
                server.close()

    async def _met(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        writer.close()


@dataclass
class Names(AbstractResolver):
    """Resolves numbers as the C library does, and every name to what comes next in `answers`."""

    port: int
    answers: Iterator[str] = field(default_factory=lambda: iter(lambda: "127.0.0.1", ""))
    asked: list[str] = field(default_factory=list)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        try:
            address = socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            address = next(self.answers)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self.port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Sockets:
    """Makes sockets for the loopback, and remembers where all others would have gone."""

    wanted: list[str] = field(default_factory=list)

    def make(self, info: Any) -> socket.socket:
        """As the connector asks for one."""
        family, kind, proto, _, place = info
        self.wanted.append(place[0])
        if place[0] not in {"127.0.0.1", "::1"}:
            raise ConnectionRefusedError(place[0])
        return socket.socket(family, kind, proto)


@dataclass
class World:
    """A fetcher among names and sockets of ours."""

    sentinel: Sentinel = field(default_factory=Sentinel)
    sockets: Sockets = field(default_factory=Sockets)
    names: Names = field(default_factory=lambda: Names(0))

    @asynccontextmanager
    async def fetching(self, **changes: Any) -> AsyncIterator[SafeFetcher]:
        """The fetcher, with the sentinel up."""
        async with self.sentinel.listening():
            self.names.port = self.sentinel.port
            fetcher = SafeFetcher(
                resolver=lambda: self.names, socket_factory=self.sockets.make, **changes
            )
            await fetcher.start()
            try:
                yield fetcher
            finally:
                await fetcher.stop()


async def get(fetcher: SafeFetcher, url: str, *hosts: str, **changes: Any) -> Fetched:
    """Fetch with the account's credentials."""
    given: dict[str, Any] = {"headers": LOGIN, "bytes_max": BYTES_MAX, "hosts": hosts}
    return await fetcher.fetch(url, **given | changes)


@asynccontextmanager
async def serving(handler: Handler | None = None) -> AsyncIterator[tuple[Provider, str]]:
    """A provider's API, and its origin."""
    (port,) = free_ports(1)
    provider = Provider(handler)
    async with listening(provider, port):
        yield provider, f"http://127.0.0.1:{port}"


def redirecting(location: str, status: int = 302) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": location})

    return answer
