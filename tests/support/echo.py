"""A service without business, made at run time: every shape of RPC and every kind of permission."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from switchboard.options.v1 import roles_pb2

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import FailedPrecondition, NotFound, Unavailable
from services.chassis.rpc.methods import Service
from services.chassis.rpc.planned import planned

PACKAGE = "switchboard.testing.v1"
NAME = f"{PACKAGE}.EchoService"
_FILE = "switchboard/testing/v1/echo.proto"
_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_INT = descriptor_pb2.FieldDescriptorProto.TYPE_INT32
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_SHAPES = {
    # name: (client streams, server streams, roles)
    "Say": (False, False, ("agent", "admin")),
    "Collect": (True, False, ("agent",)),
    "Watch": (False, True, ("agent",)),
    "Talk": (True, True, ("agent",)),
    "Open": (False, False, ("public",)),
    "Forgotten": (False, False, ()),
    "ForgottenWatch": (False, True, ()),
    "Planned": (False, False, ("agent",)),
    "PlannedWatch": (False, True, ("agent",)),
}


def _field(message: descriptor_pb2.DescriptorProto, number: int, name: str, kind: Any) -> Any:
    return message.field.add(name=name, number=number, type=kind, label=1)


def _build() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, package=PACKAGE, syntax="proto3")
    file.dependency.append("switchboard/options/v1/roles.proto")
    file.dependency.append("buf/validate/validate.proto")
    part = file.message_type.add(name="Part")
    text = _field(part, 1, "text", _STRING)
    text.options.Extensions[validate_pb2.field].string.max_len = 5_000_000
    rules = _field(part, 2, "code", _STRING).options.Extensions[validate_pb2.field]
    rules.string.min_len = 2
    rules.ignore = validate_pb2.IGNORE_IF_ZERO_VALUE
    ask = file.message_type.add(name="Ask")
    word = _field(ask, 1, "word", _STRING)
    word.options.Extensions[validate_pb2.field].string.min_len = 1
    _field(ask, 2, "part", _MESSAGE).type_name = f".{PACKAGE}.Part"
    parts = _field(ask, 3, "parts", _MESSAGE)
    parts.type_name, parts.label = f".{PACKAGE}.Part", 3
    _field(ask, 4, "count", _INT)
    answer = file.message_type.add(name="Answer")
    _field(answer, 1, "word", _STRING)
    _field(answer, 2, "tenant", _STRING)
    service = file.service.add(name="EchoService")
    for name, (client, server, roles) in _SHAPES.items():
        method = service.method.add(name=name, input_type=f".{PACKAGE}.Ask")
        method.output_type = f".{PACKAGE}.Answer"
        method.client_streaming, method.server_streaming = client, server
        method.options.Extensions[roles_pb2.roles].extend(roles)
    return file


DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(_build().SerializeToString())
Ask: Any = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["Ask"])
Part: Any = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["Part"])
Answer: Any = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["Answer"])
METHODS = DESCRIPTOR.services_by_name["EchoService"].methods_by_name


class Echo:
    """Says what it hears. Some words have effects: see `_answer`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.waiting = asyncio.Event()
        self.ended = asyncio.Event()

    async def Say(self, request: Any, _: Any) -> Message:
        """Answer one word."""
        return await self._answer(request)

    async def Collect(self, requests: AsyncIterator[Any], _: Any) -> Message:
        """Answer all words at once."""
        words = [request.word async for request in requests]
        return await self._answer(Ask(word="+".join(words)))

    async def Watch(self, request: Any, _: Any) -> AsyncIterator[Message]:
        """Answer `count` times, then wait for ever if the word is `wait` or `hold`."""
        try:
            for _number in range(request.count):
                yield await self._answer(request)
            if request.word in ("wait", "hold"):
                self.waiting.set()
                await asyncio.get_running_loop().create_future()
        finally:
            self.ended.set()

    async def Talk(self, requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Message]:
        """Answer each word."""
        async for request in requests:
            yield await self._answer(request)

    async def Open(self, request: Any, _: Any) -> Message:
        """Answer anybody."""
        return await self._answer(request)

    async def Forgotten(self, request: Any, _: Any) -> Message:
        """Never reached: the contract names no role."""
        return await self._answer(request)

    async def ForgottenWatch(self, request: Any, _: Any) -> AsyncIterator[Message]:
        """Never reached: the contract names no role."""
        yield await self._answer(request)

    def Planned(self, _: Any, context: Any) -> Message:
        """Not overridden: what generated bases do."""
        raise AssertionError(f"called with {context}")

    PlannedWatch = planned

    async def _answer(self, request: Any) -> Message:
        self.heard.append(request.word)
        match request.word:
            case "missing":
                raise NotFound("no such word", reason="WORD_MISSING", metadata={"word": "missing"})
            case "busy":
                raise Unavailable("come back", retry_ms=1500)
            case "both":
                raise ExceptionGroup("tasks", [FailedPrecondition("closed"), ValueError("secret")])
            case "crash":
                raise ValueError("a secret in the text")
            case "away":
                raise ConnectionRefusedError("postgres")
            case "wait":
                self.waiting.set()
                await self._until_cancelled()
        found: Message = Answer(word=request.word, tenant=caller().tenant_id)
        return found

    async def _until_cancelled(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended.set()


def service(echo: Echo) -> Service:
    """The service as a process registers it."""
    return Service(DESCRIPTOR.services_by_name["EchoService"], echo)
