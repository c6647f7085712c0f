"""A contact-center floor behind real doors: agents with their streams, and customers' events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
from switchboard.routing.v1 import (
    agent_service_pb2,
    policy_service_pb2,
    routing_service_pb2,
)
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import model_pb2 as model

from services.chassis.lifecycle import App
from services.chassis.rpc.methods import Method, describe
from services.chassis.rpc.server import GrpcServer
from tests.support.conversations import TOPIC, Thread
from tests.support.doors import GrpcDoor, Reply
from tests.support.served import Served

PATIENCE_S = 30.0
METHODS: dict[str, Method] = {
    method.name: describe(method)
    for file in (agent_service_pb2, routing_service_pb2, policy_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def request_id() -> str:
    """A new one."""
    return str(uuid4())


def now_ms() -> int:
    """By the machine's clock."""
    return time.time_ns() // 1_000_000


@dataclass
class Client:
    """An agent's program: says things, and keeps what it is told."""

    call: Any
    told: list[pb.AgentSessionResponse] = field(default_factory=list)
    sequence: int = 0

    async def say(self, **kind: Any) -> None:
        """Say something; nobody waits for an answer."""
        self.sequence += 1
        await self.call.write(pb.AgentSessionRequest(sequence=self.sequence, **kind))

    async def ask(self, **kind: Any) -> pb.CommandResult:
        """Say something with a request id of its own; gives how it was decided."""
        [(name, said)] = kind.items()
        said.request_id = said.request_id or request_id()
        await self.say(**{name: said})
        found = await self.hears(
            "command_result", lambda result: result.request_id == said.request_id
        )
        assert isinstance(found, pb.CommandResult)
        return found

    async def accepts(self, offer: model.Offer) -> pb.CommandResult:
        """Take an offer."""
        return await self.ask(accept=pb.SessionAccept(offer_id=offer.offer_id))

    async def completes(self, offer: model.Offer) -> pb.CommandResult:
        """Be done with what was offered."""
        return await self.ask(complete=pb.SessionComplete(work_id=offer.work_id))

    async def hears(self, kind: str, that: Any = lambda _: True) -> Any:
        """The first message of a kind `that` holds for, and no longer kept."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for response in self.told:
                    if response.WhichOneof("kind") == kind and that(getattr(response, kind)):
                        self.told.remove(response)
                        return getattr(response, kind)
                response = await self.call.read()
                assert response is not grpc.aio.EOF, await self.call.code()
                self.told.append(response)

    async def is_offered(self) -> model.Offer:
        """The next offer."""
        made: pb.OfferMade = await self.hears("offer_made")
        assert made.work.work_id == made.offer.work_id
        return made.offer

    async def ends(self) -> str:
        """How the stream ended, once it has."""
        with suppress(grpc.aio.AioRpcError):
            while await self.call.read() is not grpc.aio.EOF:
                continue
        code: grpc.StatusCode = await self.call.code()
        return code.name

    async def hangs_up(self) -> None:
        """Lose the connection."""
        self.call.cancel()


@dataclass
class Floor:
    """The service in two processes. Every test is a tenant of its own."""

    served: Served
    second: App

    @asynccontextmanager
    async def tenant(self) -> AsyncIterator[Tenant]:
        """A tenant that no other test has, with doors to both processes."""
        [server] = [part for part in self.second.components if isinstance(part, GrpcServer)]
        other = GrpcDoor(server.port)
        yield Tenant(f"tenant-{uuid4().hex[:8]}", self.served, [self.served.grpc, other])
        await other.channel.close()


@dataclass
class Tenant:
    """What one test does."""

    name: str
    served: Served
    doors: list[GrpcDoor]

    def token(self, *roles: str, subject: str = "somebody") -> str:
        """A token of this tenant."""
        return self.served.issuer.token(tenant=self.name, roles=list(roles), sub=subject)

    async def call(self, name: str, request: Any, *, role: str = "supervisor") -> Reply:
        """Call an RPC and see how it ends."""
        return await self.doors[0].call(METHODS[name], request, token=self.token(role))

    async def get(self, name: str, request: Any, *, role: str = "supervisor") -> Any:
        """Call a unary RPC that must go well."""
        reply = await self.call(name, request, role=role)
        assert reply.code == "OK", (reply.code, reply.text)
        return reply.messages[0]

    async def define(self, agent_id: str, **can: Any) -> model.Agent:
        """Define an agent; by default one text at a time, in the pool `support`."""
        known: dict[str, Any] = {"capacity": 25, "pools": ["support"]}
        agent = model.Agent(agent_id=agent_id, **(known | can))
        request = pb.UpsertAgentRequest(request_id=request_id(), agent=agent)
        found: pb.UpsertAgentResponse = await self.get("UpsertAgent", request)
        return found.agent

    @asynccontextmanager
    async def signed_in(
        self,
        agent_id: str,
        *,
        at: int = 0,
        presence: model.Presence.ValueType = model.PRESENCE_AVAILABLE,
        session_id: str = "",
    ) -> AsyncIterator[tuple[Client, pb.SessionWelcome]]:
        """An agent's stream to process `at`, and its welcome; it breaks off at the end."""
        client = self.connect(agent_id, at=at)
        hello = pb.SessionHello(
            request_id=request_id(), agent_id=agent_id, presence=presence, session_id=session_id
        )
        await client.say(hello=hello)
        try:
            yield client, await client.hears("welcome")
        finally:
            await client.hangs_up()

    def connect(self, agent_id: str, *, at: int = 0, subject: str = "") -> Client:
        """A stream on which nothing was said yet."""
        method = METHODS["AgentSession"]
        build = self.doors[at].channel.stream_stream(
            f"/{method.service}/{method.name}",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        token = self.token("agent", subject=subject or agent_id)
        return Client(build(metadata=(("authorization", f"Bearer {token}"),)))

    async def writes(self, name: str, **about: Any) -> Thread:
        """A customer begins a conversation."""
        thread = Thread(name=f"{self.name}/{name}", tenant_id=self.name, **about)
        await self.hears(thread, thread.opened(now_ms()))
        return thread

    async def hears(self, thread: Thread, event: Any) -> None:
        """Something happens in a conversation."""
        await self.served.publish(TOPIC, thread.conversation_id, event)

    async def rows(self, query: str, *values: Any) -> list[Any]:
        """Rows of this tenant's: `query` has its name as $1."""
        return list(await self.served.database.fetch(query, self.name, *values))
