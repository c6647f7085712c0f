"""A provider's API on a real socket that answers, or does not, as a test wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from local.ports import free_ports
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Attachment
from services.intake.core.sms import Length
from services.intake.shell.channels.protocol import SendingContext
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.given import dispatch

NOW_S = 1_750_000_000
ATTEMPT = replace(
    dispatch(), phase=Phase.ATTEMPTING, attempts=2, lookups=1, attempted_at_ms=NOW_S * 1000
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Provider:
    """What it was asked, and what it answers."""

    handler: Handler | None = None
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    counted: list[Length] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Keep the request, and answer."""
        self.requests.append(request)
        self.bodies.append(await request.read())
        assert self.handler is not None
        return await self.handler(request)


@asynccontextmanager
async def listening(provider: Provider, port: int) -> AsyncIterator[None]:
    """The provider's API, up."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:  # or the next test finds its port taken
        await runner.cleanup()


def shown(dispatch: Dispatch, attachment: Attachment) -> str | None:
    """Where a file of ours is; what is not in our store has no address."""
    del dispatch
    blob = attachment.reference.removeprefix("blob:")
    return f"{PUBLIC_URL}/attachments/{blob}" if blob != attachment.reference else None


@asynccontextmanager
async def serving(provider: Provider, name: str) -> AsyncIterator[SendingContext]:
    """What a sender is made with, the API of `name` being the provider's."""
    (port,) = free_ports(1)
    async with listening(provider, port), aiohttp.ClientSession() as session:
        urls = {name: f"http://127.0.0.1:{port}"}
        yield SendingContext(session, PUBLIC_URL, urls, link=shown, count=provider.counted.append)


def answering(status: int, body: Any = None, **headers: str) -> Handler:
    """A status, a body (text, or JSON), and headers, their dashes written as underscores."""

    async def answer(_: web.Request) -> web.StreamResponse:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=names)
        return web.json_response(body or {}, status=status, headers=names)

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """No answer, and the connection is gone."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
