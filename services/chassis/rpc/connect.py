"""The same servicers over Connect, gRPC-Web and JSON, for browsers.

Endpoints are made from the descriptors, so a service writes no adapter. CORS stays off: the console
is served from the same origin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from connectrpc.code import Code
from connectrpc.compat import google_protobuf_codecs
from connectrpc.errors import ConnectError, ErrorDetail
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.rpc import code_pb2, status_pb2
from protobuf.wkt import Any as AnyMessage
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount

from services.chassis.rpc.errors import RpcError
from services.chassis.rpc.methods import Behaviour, Method, Service
from services.chassis.rpc.pipeline import Pipeline

_KINDS: Final[Mapping[str, tuple[StreamType, Callable[..., Any]]]] = {
    "unary": (StreamType.UNARY, Endpoint.unary),
    "client_stream": (StreamType.CLIENT_STREAM, Endpoint.client_stream),
    "server_stream": (StreamType.SERVER_STREAM, Endpoint.server_stream),
    "bidi_stream": (StreamType.BIDI_STREAM, Endpoint.bidi_stream),
}


def mount(
    services: Sequence[Service], *, pipeline: Pipeline, max_message_bytes: int
) -> list[BaseRoute]:
    """Routes for a Starlette app, one a service; each message is limited, the body is not."""
    return [
        Mount(f"/{service.descriptor.full_name}", _Mounted(service, pipeline, max_message_bytes))
        for service in services
    ]


def prefixes(services: Sequence[Service]) -> tuple[str, ...]:
    """The paths that `mount` serves."""
    return tuple(f"/{service.descriptor.full_name}/" for service in services)


class Context:
    """What a servicer may ask of its context, over Connect."""

    def __init__(self, request: RequestContext[Any, Any]) -> None:
        self._request = request

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """Request headers, names in lower case."""
        return list(self._request.request_headers.allitems())

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline, None without one."""
        left_ms = self._request.timeout_ms
        return None if left_ms is None else left_ms / 1000

    def peer(self) -> str:
        """The caller's address."""
        return self._request.client_address or "unknown"


class _Mounted(ConnectASGIApplication[Service]):
    def __init__(self, service: Service, pipeline: Pipeline, max_message_bytes: int) -> None:
        super().__init__(
            service=service,
            endpoints=lambda served: dict(_endpoint(pipeline, *m) for m in served.methods()),
            read_max_bytes=max_message_bytes,
            codecs=google_protobuf_codecs(),
        )
        self._path = f"/{service.descriptor.full_name}"

    @property
    def path(self) -> str:
        return self._path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if kind.startswith(b"application/grpc") and not kind.startswith(b"application/grpc-web"):
            refusal = PlainTextResponse("native gRPC has a port of its own", 415)
            await refusal(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _endpoint(pipeline: Pipeline, method: Method, behaviour: Behaviour) -> tuple[str, Any]:
    wrapped = pipeline.wrap(method, behaviour, fail=_raise)
    kind, build = _KINDS[method.kind]
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.service,
        input=method.request,
        output=method.response,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kind,
    )

    def function(request: Any, ctx: RequestContext[Any, Any]) -> Any:
        return wrapped(_read(request) if method.client_streaming else request, Context(ctx))

    endpoint = build(method=info, function=function)
    return f"/{method.service}/{method.name}", endpoint


async def _read(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """A stream's messages; what is wrong with the stream itself becomes one of our errors."""
    try:
        async for request in requests:
            yield request
    except ConnectError as error:
        answer = RpcError(error.message)
        answer.code = code_pb2.CANCELLED if error.code is Code.CANCELED else _number(error.code)
        raise answer from error


def _number(code: Code) -> int:
    return int(code_pb2.Code.Value(code.name))


async def _raise(_: Any, status: status_pb2.Status) -> NoReturn:
    name = code_pb2.Code.Name(status.code)
    code = Code.CANCELED if name == "CANCELLED" else Code[name]
    # ConnectError packs only protobuf-py messages; an Any is taken as it is.
    details = [
        ErrorDetail(AnyMessage(type_url=item.type_url, value=item.value)) for item in status.details
    ]
    raise ConnectError(code, status.message, details)
