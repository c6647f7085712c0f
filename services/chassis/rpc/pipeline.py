"""What surrounds every RPC, for gRPC and Connect alike: otel, metrics, auth, deadline, validate.

Servicers are plain async functions and generators that raise `RpcError`; nothing here knows which
protocol carried the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, NoReturn, Protocol

import structlog
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from services.chassis.rpc import errors
from services.chassis.rpc.auth import Authenticator, Caller, set_caller
from services.chassis.rpc.methods import Behaviour, Method
from services.chassis.rpc.validate import check
from services.chassis.telemetry import semconv, tracing
from services.chassis.telemetry.metrics import Catalogue

UNARY_SECONDS_MAX: Final = 15.0
LABELS: Final = {
    "grpc_type": "four kinds",
    "grpc_service": "services of this process",
    "grpc_method": "their methods",
}

log = structlog.get_logger(__name__)


class Context(Protocol):
    """What the pipeline needs of a call's context; grpc.aio's has it, Connect's is made to."""

    def invocation_metadata(self) -> Any:
        """Pairs of lower-case name and value."""

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline, None without one."""


Fail = Callable[[Any, Status], Awaitable[NoReturn]]
"""Ends the call of a context with a status, as its protocol does; always raises."""


class Pipeline:
    """Wraps servicers' methods. One for all services of a process."""

    def __init__(self, *, authenticator: Authenticator, catalogue: Catalogue) -> None:
        self._authenticator = authenticator
        self._streams: set[asyncio.Timeout] = set()
        self._draining = False
        self._started = catalogue.counter(
            "grpc_server_started_total", "RPCs begun, over gRPC and Connect", labels=LABELS
        )
        self._handled = catalogue.counter(
            "grpc_server_handled_total",
            "RPCs ended",
            labels={**LABELS, "grpc_code": "gRPC status codes"},
        )
        self._sent = catalogue.counter(
            "grpc_server_msg_sent_total", "Messages streamed to callers", labels=LABELS
        )
        self._seconds = catalogue.histogram(
            "grpc_server_handling_seconds", "Time from admission to end of an RPC", labels=LABELS
        )

    def drain(self) -> None:
        """End server streams with UNAVAILABLE, so that watchers move to another replica at once."""
        self._draining = True
        for scope in self._streams:
            if not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time())

    def wrap(self, method: Method, behaviour: Behaviour, *, fail: Fail) -> Behaviour:
        """The same method with everything around it; a generator where responses are streamed."""

        async def single(request: Any, context: Context) -> Any:
            with self._observed(method, context) as call:
                try:
                    limit = None if method.client_streaming else UNARY_SECONDS_MAX
                    await self._admit(call, method, context, limit)
                    async with call.timeout():
                        return await behaviour(call.checked(request), context)
                except Exception as error:  # noqa: BLE001 - every error becomes a status
                    status = call.fail(error)
                return await fail(context, status)

        async def stream(request: Any, context: Context) -> AsyncGenerator[Any, None]:
            with self._observed(method, context) as call:
                try:
                    await self._admit(call, method, context, None)
                    sent = self._sent.labels(method.kind, method.service, method.name)
                    responses = behaviour(call.checked(request), context)
                    if inspect.iscoroutine(responses):  # one that only raises
                        responses = await responses
                    async with (
                        contextlib.aclosing(responses),
                        contextlib.aclosing(self._paced(call, responses)) as paced,
                    ):
                        async for response in paced:
                            sent.inc()
                            yield response
                except Exception as error:  # noqa: BLE001 - every error becomes a status
                    status = call.fail(error)
                else:
                    return
                await fail(context, status)

        return stream if method.server_streaming else single

    async def _paced(self, call: _Call, responses: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        """Responses until the stream, its token, its deadline or this process ends."""
        while True:
            if self._draining:
                raise errors.Unavailable("draining; connect again", retry_ms=1)
            try:
                async with call.timeout() as scope:
                    self._streams.add(scope)
                    try:
                        response = await anext(responses)
                    finally:
                        self._streams.discard(scope)
            except StopAsyncIteration:
                return
            except errors.RpcError:
                if self._draining:
                    continue
                raise
            yield response

    async def _admit(
        self, call: _Call, method: Method, context: Context, seconds_max: float | None
    ) -> None:
        now = time.time()
        admitted = await self._authenticator.admit(method, call.metadata, now)
        set_caller(admitted)
        call.limit(admitted, now, context.time_remaining(), seconds_max)

    @contextlib.contextmanager
    def _observed(self, method: Method, context: Context) -> Iterator[_Call]:
        labels = method.kind, method.service, method.name
        call = _Call(method, dict(context.invocation_metadata() or ()))
        self._started.labels(*labels).inc()
        began = time.perf_counter()
        name = f"{method.service}/{method.name}"
        parent = tracing.accept(call.metadata.get(tracing.HEADER))
        with tracing.span(name, kind=tracing.Kind.SERVER, parent=parent) as span:
            span.set(semconv.RPC_SYSTEM, "grpc")
            span.set(semconv.RPC_METHOD, name)
            try:
                yield call
            except (asyncio.CancelledError, GeneratorExit):
                # grpc.aio cancels the handler on the caller's deadline too.
                left = context.time_remaining()
                late = left is not None and left <= 0.05  # the caller's timer may end before ours
                call.code = code_pb2.DEADLINE_EXCEEDED if late else code_pb2.CANCELLED
                raise
            finally:
                code = code_pb2.Code.Name(call.code)
                span.set(semconv.RPC_STATUS, code)
                self._handled.labels(*labels, code).inc()
                seconds = time.perf_counter() - began
                self._seconds.labels(*labels).observe(seconds, tracing.exemplar(span))


class _Call:
    """One RPC under way: until when it may run, why then, and how it ended."""

    def __init__(self, method: Method, metadata: dict[str, Any]) -> None:
        self.metadata = metadata
        self.code: int = code_pb2.OK
        self._method = method
        self._until: float | None = None
        self._late: errors.RpcError = errors.DeadlineExceeded("the deadline passed")

    def limit(
        self, caller: Caller, now_s: float, remaining: float | None, seconds_max: float | None
    ) -> None:
        """End at the deadline, and a stream at the end of its token."""
        seconds = min((s for s in (remaining, seconds_max) if s is not None), default=float("inf"))
        if caller.expires_s - now_s < seconds and self._method.kind != "unary":
            seconds = caller.expires_s - now_s
            self._late = errors.Unauthenticated("the token expired", reason="TOKEN_EXPIRED")
        if seconds != float("inf"):
            self._until = asyncio.get_running_loop().time() + seconds

    @contextlib.asynccontextmanager
    async def timeout(self) -> AsyncIterator[asyncio.Timeout]:
        """Raise what the limit stands for once it passes, and only then."""
        scope = asyncio.timeout_at(self._until)
        try:
            async with scope:
                yield scope
        except TimeoutError:
            if scope.expired():
                raise self._late from None
            raise

    def checked(self, request: Any) -> Any:
        """The request, or the iterator of requests, once valid."""
        if self._method.client_streaming:
            return self._each_checked(request)
        check(request)
        return request

    async def _each_checked(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            check(request)
            yield request

    def fail(self, error: Exception) -> Status:
        """Note the error's code; the log gets the unforeseen ones."""
        answer = errors.translate(error)
        self.code = answer.code
        if isinstance(answer, errors.Internal):
            log.error("rpc_failed", method=self._method.name, exc_info=error)
        return answer.status()
