"""One way to call an RPC through either door, gRPC or Connect, and to see how it ended."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2

from services.chassis.rpc.methods import Method

_DETAILS = {
    f"google.rpc.{name}": getattr(error_details_pb2, name)
    for name in ("ErrorInfo", "BadRequest", "RetryInfo")
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Messages received, and the end: a code in capitals, its text and details by type."""

    messages: list[Any]
    code: str = "OK"
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Door(Protocol):
    """A protocol under test."""

    async def call(self, method: Method, *asks: Any, token: str = "", seconds: float = 10) -> Reply:
        """Send everything, receive everything."""


def _unpacked(details: Any) -> dict[str, Any]:
    found = {}
    for item in details:
        name = item.type_url.rsplit("/", 1)[-1]
        found[name.rsplit(".", 1)[-1]] = _DETAILS[name].FromString(item.value)
    return found


class GrpcDoor:
    """Native gRPC."""

    def __init__(self, port: int) -> None:
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    async def call(self, method: Method, *asks: Any, token: str = "", seconds: float = 10) -> Reply:
        """Send everything, receive everything."""
        messages: list[Any] = []
        rpc = self.begin(method, *asks, token=token, seconds=seconds)
        try:
            if method.server_streaming:
                async for message in rpc:
                    messages.append(message)  # noqa: PERF401 - what came before an error counts
            else:
                messages.append(await rpc)
        except grpc.aio.AioRpcError as error:
            return _grpc_end(messages, error)
        return Reply(messages)

    def begin(
        self, method: Method, *asks: Any, token: str = "", seconds: float | None = None
    ) -> Any:
        """Begin the call, for tests that end it in their own way."""
        build: Any = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
            (True, True): self.channel.stream_stream,
        }[method.client_streaming, method.server_streaming]
        rpc = build(
            f"/{method.service}/{method.name}",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        request = _each(asks) if method.client_streaming else asks[0]
        return rpc(request, metadata=metadata, timeout=seconds)


async def _each(asks: tuple[Any, ...]) -> AsyncIterator[Any]:
    for ask in asks:
        yield ask


def _grpc_end(messages: list[Any], error: grpc.aio.AioRpcError) -> Reply:
    raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    details = status_pb2.Status.FromString(raw).details if isinstance(raw, bytes) else ()
    return Reply(messages, error.code().name, error.details() or "", _unpacked(details))


class ConnectDoor:
    """The Connect protocol with JSON, over HTTP/1.1."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._base = f"http://127.0.0.1:{port}"

    async def call(self, method: Method, *asks: Any, token: str = "", seconds: float = 10) -> Reply:
        """Send everything, receive everything."""
        unary = method.kind == "unary"
        headers = {
            "connect-protocol-version": "1",
            "connect-timeout-ms": str(int(seconds * 1000)),
            "content-type": "application/json" if unary else "application/connect+json",
        }
        if token:
            headers["authorization"] = f"Bearer {token}"
        bodies = [json_format.MessageToJson(ask).encode() for ask in asks]
        data = bodies[0] if unary else b"".join(struct.pack(">BI", 0, len(b)) + b for b in bodies)
        url = f"{self._base}/{method.service}/{method.name}"
        async with self._session.post(url, data=data, headers=headers) as answer:
            body = await answer.read()
            if not unary:
                return _stream_end(method, body)
            if answer.status != 200:
                return _connect_end([], json.loads(body))
            return Reply([json_format.Parse(body, method.response())])


def _stream_end(method: Method, body: bytes) -> Reply:
    messages: list[Any] = []
    while body:
        flags, size = struct.unpack(">BI", body[:5])
        part, body = body[5 : 5 + size], body[5 + size :]
        if flags & 2:
            error = json.loads(part).get("error")
            return _connect_end(messages, error) if error else Reply(messages)
        messages.append(json_format.Parse(part, method.response()))
    raise AssertionError("a stream without an end")


def _connect_end(messages: list[Any], error: dict[str, Any]) -> Reply:
    name = error["code"].upper()
    code = "CANCELLED" if name == "CANCELED" else name
    code_pb2.Code.Value(code)  # raises for a code that gRPC does not have
    details = [
        AnyMessage(
            type_url=f"type.googleapis.com/{item['type']}",
            value=base64.b64decode(item["value"] + "=="),
        )
        for item in error.get("details", ())
    ]
    return Reply(messages, code, error.get("message", ""), _unpacked(details))


async def ended(rpc: Any) -> grpc.StatusCode:
    """Read a call to its end; gives its code."""
    with suppress(grpc.aio.AioRpcError):
        async for _ in rpc:
            continue
    code: grpc.StatusCode = await rpc.code()
    return code
