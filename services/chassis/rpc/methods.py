"""What the descriptors say about each RPC: its shape, its messages and who may call it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from switchboard.options.v1 import roles_pb2

from services.chassis.rpc.planned import planned

PUBLIC: Final = "public"
Behaviour = Callable[[Any, Any], Any]
"""A servicer's method: (request or iterator, context) to an awaitable or an async iterator."""


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. Without roles nobody may call it; `public` needs no token."""

    service: str
    name: str
    roles: frozenset[str]
    client_streaming: bool
    server_streaming: bool
    request: type[Message]
    response: type[Message]

    @property
    def kind(self) -> str:
        """As go-grpc-middleware labels it: unary, client_stream, server_stream, bidi_stream."""
        if self.client_streaming:
            return "bidi_stream" if self.server_streaming else "client_stream"
        return "server_stream" if self.server_streaming else "unary"


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer (methods named as in the proto, all `async def`) and its descriptor.

    A method that is not `async def` is the generated base's: it answers UNIMPLEMENTED.
    """

    descriptor: ServiceDescriptor
    servicer: object

    def methods(self) -> Iterator[tuple[Method, Behaviour]]:
        """Each RPC with the servicer's method behind it."""
        for descriptor in self.descriptor.methods:
            behaviour = getattr(self.servicer, descriptor.name)
            if not (
                inspect.iscoroutinefunction(behaviour) or inspect.isasyncgenfunction(behaviour)
            ):
                behaviour = partial(planned, self.servicer)
            yield describe(descriptor), behaviour


def describe(descriptor: MethodDescriptor) -> Method:
    """Read one RPC off its descriptor."""
    return Method(
        service=descriptor.containing_service.full_name,
        name=descriptor.name,
        roles=frozenset(descriptor.GetOptions().Extensions[roles_pb2.roles]),
        client_streaming=descriptor.client_streaming,
        server_streaming=descriptor.server_streaming,
        request=GetMessageClass(descriptor.input_type),
        response=GetMessageClass(descriptor.output_type),
    )
