"""The doors that providers and web pages knock at: verify, parse, publish, and only then say 2xx.

404  unknown or disabled account          401  wrong signature       400  malformed, with why
403  a handshake without our token
413  too large                            408  too slow (chassis)
503  not known accepted: Kafka has not acknowledged, a file is not kept, a mail is not read, or
     nobody can tell whose account it is. The message may appear once, never twice. Also at once,
     before anything is read, where too much is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import Clock
from services.intake.core.account import Account
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.addresses import BadAddress
from services.intake.shell.admission import Admission, Doorway, Overloaded, Priority
from services.intake.shell.channels.protocol import (
    Channel,
    Handshake,
    Hook,
    Incoming,
    Item,
    Malformed,
)
from services.intake.shell.one_of import OneOf
from services.intake.shell.reception import NOT_NOW, Reception

RETRY_AFTER_SECONDS: Final = 2
LARGE_BYTES: Final = 128 * 1024
"""A body that takes a thread to read, so that nobody else waits for it: a mail with files."""
HELD_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of all bodies that a process holds at a time; what exceeds it is to come again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI application of its own, which spares each request two of Starlette's layers."""

    provider: str
    serve: Callable[[Request, str], Awaitable[Response]]
    metrics: IntakeMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self.serve(Request(scope, receive, send), self.provider)
        except HTTPException as refused:
            response = PlainTextResponse(refused.detail, refused.status_code, refused.headers)
        self.metrics.requests.labels(self.provider, response.status_code).inc()
        await response(scope, receive, send)


class Door:
    """Every channel's webhooks of one process."""

    def __init__(
        self,
        *,
        accounts: AccountBook,
        reception: Reception,
        admission: Admission,
        clock: Clock,
        metrics: IntakeMetrics,
        public_url: str,
    ) -> None:
        self._accounts = accounts
        self._reception = reception
        self._admission = admission
        self._clock = clock
        self._metrics = metrics
        self._public_url = public_url
        self._held_bytes = 0

    def routes(self, channels: Iterable[Channel]) -> list[BaseRoute]:
        """One route a hook."""
        hooks: list[Route] = []
        handshakes: list[Route] = []
        for channel in channels:
            for hook in channel.hooks:
                serve = partial(self._admit, hook=hook, priority=priority_of(channel, hook))
                take = self.endpoint(channel.provider, serve)
                hooks.append(Route(hook.path, take, methods=["POST"]))
            for handshake in channel.handshakes:
                greet = self.endpoint(channel.provider, partial(self._greet, handshake=handshake))
                handshakes.append(Route(handshake.path, greet, methods=["GET"]))
        return [OneOf(hooks), *handshakes]

    def endpoint(
        self, provider: str, serve: Callable[[Request, str], Awaitable[Response]]
    ) -> Endpoint:
        """`serve` as an endpoint: refusals become answers, and all answers are counted."""
        return Endpoint(provider, serve, self._metrics)

    async def _greet(self, request: Request, provider: str, *, handshake: Handshake) -> Response:
        account = await self.account(request.path_params["account_id"], provider)
        answer = handshake.answer(dict(request.query_params), account)
        if answer is None:
            raise HTTPException(403, "wrong token")
        return answer

    async def _admit(
        self, request: Request, provider: str, *, hook: Hook, priority: Priority
    ) -> Response:
        try:
            with self._admission.enter(priority):
                return await self._take(request, provider, hook=hook)
        except Overloaded:
            raise not_now("too much at once") from None

    async def _take(self, request: Request, provider: str, *, hook: Hook) -> Response:
        account = await self.account(request.path_params["account_id"], provider)
        chunks: list[bytes] = []
        try:
            body = await self._read(request, hook.body_bytes_max, into=chunks)
            return await self._serve(request, body, account, hook)
        finally:
            self._held_bytes -= sum(map(len, chunks))

    async def _serve(self, request: Request, body: bytes, account: Account, hook: Hook) -> Response:
        incoming = Incoming(
            url=_public_url(self._public_url, request),
            query=dict(request.query_params) if request.scope["query_string"] else {},
            headers=_headers(request),
            body=body,
            now_ms=self._clock.now_ms(),
        )
        try:
            large = len(body) > LARGE_BYTES
            read = partial(_items, hook, incoming, account)
            items = await asyncio.to_thread(read) if large else read()
        except (Malformed, BadAddress) as error:
            raise HTTPException(400, str(error)) from None
        try:
            await self._reception.take(items, account)
        except NOT_NOW:
            raise not_now("not known accepted") from None
        return hook.answer(incoming, items)

    async def _read(self, request: Request, limit: int, *, into: list[bytes]) -> bytes:
        async for chunk in _chunks(request, limit):
            into.append(chunk)
            self._held_bytes += len(chunk)
            if self._held_bytes > HELD_BYTES_MAX:
                raise not_now("too much at a time")
        into[:] = [b"".join(into)]
        return into[0]

    async def account(self, account_id: str, provider: str) -> Account:
        """An account that is in use. Raises `HTTPException`: 404, 503."""
        try:
            account = await self._accounts.get(account_id)
        except StoreUnavailable:
            raise not_now("accounts cannot be read") from None
        if account is None or not account.enabled or account.provider != provider:
            raise HTTPException(404, "no such account")
        return account


def doorways(channels: Iterable[Channel]) -> list[Doorway]:
    """Where webhooks come to, and which of them are turned away first."""
    return [
        Doorway(hook.path, channel.provider, priority_of(channel, hook))
        for channel in channels
        for hook in channel.hooks
    ]


def priority_of(channel: Channel, hook: Hook) -> Priority:
    if hook.path in channel.receipts:
        return Priority.RECEIPT
    return Priority.PATIENT if channel.patient else Priority.MESSAGE


async def body_of(request: Request, limit: int) -> bytes:
    """The raw body; more than its provider could send is refused before it is read."""
    return b"".join([chunk async for chunk in _chunks(request, limit)])


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    announced, size = request.headers.get("content-length", ""), 0
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large()
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large()
        yield chunk


def _items(hook: Hook, incoming: Incoming, account: Account) -> Sequence[Item]:
    """What a request says, if its provider says so."""
    if not hook.verify(incoming, account):
        raise HTTPException(401, "wrong signature")
    return hook.parse(incoming, account)


def _headers(request: Request) -> dict[str, str]:
    """By lower-case name; of one that is repeated, the first."""
    raw = reversed(request.headers.raw)
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def _public_url(base: str, request: Request) -> str:
    """The address that the provider called: ours may be behind a proxy."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.decode("ascii", "replace")
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{base}{path}?{query}" if query else f"{base}{path}"


def _too_large() -> HTTPException:
    return HTTPException(413, "body too large", headers={"connection": "close"})


def not_now(why: str) -> HTTPException:
    """To be raised where the same may work in a moment."""
    return HTTPException(503, why, headers={"retry-after": str(RETRY_AFTER_SECONDS)})
