"""The HTTP side of a process: probes, metrics and the service's own routes on one uvicorn.

Bodies are counted as they arrive, so a lying or absent Content-Length cannot exhaust memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.telemetry import semconv, tracing
from services.chassis.telemetry.metrics import Catalogue

BODY_LIMIT_BYTES: Final = 1 << 20
BODY_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 5
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger(__name__)


def build_app(
    *,
    health: Health,
    catalogue: Catalogue,
    routes: Sequence[BaseRoute] = (),
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    unlimited_prefixes: Sequence[str] = (),
) -> ASGIApp:
    """Probes, metrics and `routes`; prefixes that bound their own messages carry no body limit."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok" if health.live else "stuck", 200 if health.live else 503)

    async def readyz(_: Request) -> Response:
        checks = {name: reason or "ok" for name, reason in health.checks.items()}
        body = {"ready": health.ready, "checks": checks}
        return JSONResponse(body, 200 if health.ready else 503)

    async def metrics(request: Request) -> Response:
        body, content_type = catalogue.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    probes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    limited = BodyLimit(
        Starlette(routes=[*probes, *routes]),
        limit_bytes=body_limit_bytes,
        exempt=tuple(unlimited_prefixes),
    )
    return Observed(limited, catalogue)


class BodyError(Exception):
    """The body passed its limit, or took too long; the middleware answers."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class BodyLimit:
    """Answers 413 for a body above the limit and 408 for one that trickles."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int, exempt: tuple[str, ...] = ()) -> None:
        self._app = app
        self._limit = limit_bytes
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting `receive`."""
        if scope["type"] != "http" or (self._exempt and scope["path"].startswith(self._exempt)):
            await self._app(scope, receive, send)
            return
        started = False

        async def tracked(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, self._counting(scope, receive), tracked)
        except BodyError as error:
            if started:
                raise
            reason = "body too large" if error.status == 413 else "body too slow"
            close = {"connection": "close"}  # what is left of the body is never read
            await PlainTextResponse(reason, error.status, close)(scope, receive, send)

    def _counting(self, scope: Scope, receive: Receive) -> Receive:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            return _refuse
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        left = self._limit
        complete = False

        async def counted() -> Message:
            nonlocal left, complete
            if complete:
                return await receive()  # waits for the disconnect, which may take for ever
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise BodyError(408) from None
            left -= len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if left < 0:
                raise BodyError(413)
            return message

        return counted


async def _refuse() -> Message:
    raise BodyError(413)


class Observed:
    """Counts, times and traces requests by route template; probes are left out."""

    def __init__(self, app: ASGIApp, catalogue: Catalogue) -> None:
        self._app = app
        self._seconds = catalogue.histogram(
            "http_server_request_duration_seconds",
            "Time from request to end of response",
            labels={"method": "HTTP method", "route": "route template", "code": "HTTP status"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = tracing.accept(dict(scope["headers"]).get(b"traceparent"))
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        with tracing.span(f"HTTP {method}", kind=tracing.Kind.SERVER, parent=parent) as span:
            try:
                await self._app(scope, receive, noting)
            finally:
                route = _route(scope)
                seconds = time.perf_counter() - began
                self._seconds.labels(method, route, status).observe(seconds, tracing.exemplar(span))
                span.set(semconv.HTTP_METHOD, method)
                span.set(semconv.HTTP_ROUTE, route)
                span.set(semconv.HTTP_STATUS, status)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _route(scope: Scope) -> str:
    """The template that matched, so that paths with ids do not become label values."""
    return getattr(scope.get("route"), "path", "unmatched")


class _Embedded(uvicorn.Server):
    """uvicorn inside our loop: no signal handlers, and no tick ten times a second when idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop_requested = asyncio.Event()
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.listening.set()
        await self.stop_requested.wait()


class HttpServer:
    """A component that serves an ASGI app on one address."""

    name = "http"

    def __init__(self, app: ASGIApp, *, host: str, port: int, background: Background) -> None:
        self._config: dict[str, Any] = {"app": app, "host": host, "port": port}
        self._background = background
        self._server: _Embedded | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use; differs from the one asked for if that was 0."""
        assert self._server is not None
        sockets: Sequence[Any] = self._server.servers[0].sockets
        return int(sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; raises OSError where the address is taken."""
        self._server = _Embedded(
            uvicorn.Config(
                **self._config,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._task = self._background.spawn(self._server.serve(), name="http")
        listening = asyncio.ensure_future(self._server.listening.wait())
        await asyncio.wait((self._task, listening), return_when=asyncio.FIRST_COMPLETED)
        if not self._server.started:
            listening.cancel()
            raise OSError(f"cannot listen on {self._config['host']}:{self._config['port']}")
        log.info("listening", component="http", port=self.port)

    async def stop(self) -> None:
        """Refuse new connections, finish running requests, then close."""
        if self._server is not None and self._task is not None:
            self._server.stop_requested.set()
            await asyncio.wait((self._task,))
