"""APIs of a running stack, intake's unless another is named, called as an operator of a tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from local.demo.retrying import call
from local.errors import StackError
from local.home import Home
from local.issuer import Issuer
from local.state import StackState
from services.chassis.rpc import client

OPERATOR: Final = "operator"
TENANT: Final = "default"
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Desk:
    """A channel to a service, who calls, and how long for what is not answered at once."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]
    patience_s: float = 0.0

    def service(self, stub: Callable[[Any], S]) -> S:
        """A stub over the channel."""
        return stub(self.channel)

    async def call(self, rpc: Any, request: Message) -> Any:
        """What a unary RPC of a stub answers."""
        return await call(rpc, request, metadata=self.metadata, patience_s=self.patience_s)


@asynccontextmanager
async def opened(
    home: Home,
    state: StackState,
    *,
    tenant: str = TENANT,
    patience_s: float = 0.0,
    service: str = "intake",
) -> AsyncIterator[Desk]:
    """The APIs for a tenant. What the service refuses becomes a `StackError` with its words."""
    token = Issuer(home).sign(subject=OPERATOR, roles=["admin"], tenant=tenant, ttl_s=300)
    async with client.channel("ipv4:" + ",".join(state.grpc(service))) as channel:
        try:
            yield Desk(channel, client.metadata(token), patience_s)
        except grpc.aio.AioRpcError as error:
            raise StackError(f"{error.details()} ({error.code().name}).") from error


def described(message: Message) -> dict[str, Any]:
    """A message as JSON, every field by its name."""
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
