"""The HTTP side of a process: probes, metrics and the service's own routes on one uvicorn.

Bodies are counted as they arrive, so a lying or absent Content-Length cannot exhaust memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
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
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLOSE: Final = {"connection": "close"}  # what is left of a refused body is never read

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
        return JSONResponse({"ready": health.ready, "checks": checks}, 200 if health.ready else 503)

    async def metrics(request: Request) -> Response:
        body, content_type = catalogue.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    probes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    app = Starlette(routes=[*probes, *routes])
    return Observed(BodyLimit(app, body_limit_bytes, tuple(unlimited_prefixes)), catalogue)


class BodyLimit:
    """Answers 413 for a body above the limit and 408 for one that trickles."""

    def __init__(self, app: ASGIApp, limit_bytes: int, exempt: tuple[str, ...]) -> None:
        self._app = app
        self._limit = limit_bytes
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting `receive`."""
        if scope["type"] != "http" or (self._exempt and scope["path"].startswith(self._exempt)):
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await PlainTextResponse("body too large", 413, _CLOSE)(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, self._limit), send)


def _counted(receive: Receive, limit_bytes: int) -> Receive:
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    left, complete = limit_bytes, False

    async def counted() -> Message:
        nonlocal left, complete
        if complete:
            return await receive()  # waits for the disconnect, which may take for ever
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "body too slow", _CLOSE) from None
        left -= len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if left < 0:
            raise HTTPException(413, "body too large", _CLOSE)
        return message

    return counted


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
        status, began = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = tracing.accept(dict(scope["headers"]).get(b"traceparent"))
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        with tracing.span(f"HTTP {method}", kind=tracing.Kind.SERVER, parent=parent) as span:
            try:
                await self._app(scope, receive, noting)
            finally:
                # The template that matched: paths with ids would be unbounded label values.
                route = getattr(scope.get("route"), "path", "unmatched")
                seconds = time.perf_counter() - began
                measured = self._seconds.labels(method, route, status)
                measured.observe(seconds, tracing.exemplar(span))
                span.set(semconv.HTTP_METHOD, method)
                span.set(semconv.HTTP_ROUTE, route)
                span.set(semconv.HTTP_STATUS, status)


class _Embedded(uvicorn.Server):
    """uvicorn inside our loop: no signal handlers, and no tick ten times a second when idle."""

    stop_requested: asyncio.Event
    listening: asyncio.Event

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
        config = uvicorn.Config(
            app,
            http="httptools",  # h11, in pure Python, takes an edge a tenth of its time
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = _Embedded(config)
        self._server.stop_requested, self._server.listening = asyncio.Event(), asyncio.Event()
        self._host = host
        self._background = background
        self._task: asyncio.Task[None] | None = None
        self.port = port

    def speak(self, **protocols: type[asyncio.Protocol]) -> None:
        """Before the start: what uvicorn makes connections of, `http` and `ws`, web sockets."""
        vars(self._server.config).update(protocols)

    async def start(self) -> None:
        """Listen; raises OSError where the address is taken. A port of 0 becomes the one taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        bound = socket.create_server((self._host, self.port), family=family, backlog=1024)
        self.port = int(bound.getsockname()[1])
        self._task = self._background.spawn(self._server.serve([bound]), name="http")
        await self._server.listening.wait()
        log.info("listening", component="http", port=self.port)

    async def stop(self) -> None:
        """Refuse new connections, finish running requests, then close."""
        self._server.stop_requested.set()
        if self._task is not None:
            await asyncio.wait((self._task,))
