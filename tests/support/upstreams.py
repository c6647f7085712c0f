"""The services behind the console, faked behind a real gRPC server: a test says what they tell."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from switchboard.insights.v1 import insights_service_pb2 as insights
from switchboard.insights.v1.insights_service_pb2_grpc import (
    InsightsServiceServicer,
    add_InsightsServiceServicer_to_server,
)
from switchboard.intake.v1 import conversation_service_pb2 as intake
from switchboard.intake.v1.conversation_service_pb2_grpc import (
    ConversationServiceServicer,
    add_ConversationServiceServicer_to_server,
)
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import routing_service_pb2 as routing
from switchboard.routing.v1.agent_service_pb2_grpc import (
    AgentServiceServicer,
    add_AgentServiceServicer_to_server,
)
from switchboard.routing.v1.routing_service_pb2_grpc import (
    RoutingServiceServicer,
    add_RoutingServiceServicer_to_server,
)
from switchboard.sla.v1 import sla_service_pb2 as sla
from switchboard.sla.v1.sla_service_pb2_grpc import (
    SlaServiceServicer,
    add_SlaServiceServicer_to_server,
)

Steps = AsyncIterator[Any]


class Upstreams:
    """Five services on one port. Set the snapshots, push changes, stop and start again."""

    def __init__(self) -> None:
        self.queues = routing.QueuesSnapshot(complete=True)
        self.agents: list[Any] = []
        self.clocks = sla.SlaSnapshot(complete=True)
        self.kpis = insights.WatchKpisResponse(snapshot=insights.KpisSnapshot(complete=True))
        self.conversations = intake.ConversationSnapshot(complete=True)
        self.open: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.calls: list[tuple[str, str, Any]] = []  # rpc, token, request
        self.refused: set[str] = set()  # tokens that no longer hold
        self.port = 0
        self._queues: dict[str, list[asyncio.Queue[Any]]] = {}
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        for add, servicer in _SERVICERS:
            add(servicer(self), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Go away, streams and all."""
        if self._server is not None:
            await self._server.stop(None)

    def push(self, rpc: str, step: Any) -> None:
        """Tell a step to every open stream of a watch."""
        for queue in self._queues.get(rpc, ()):
            queue.put_nowait(step)

    async def admit(self, rpc: str, request: Any, context: Any) -> None:
        """Note the call, and refuse it where its token no longer holds."""
        header = dict(context.invocation_metadata())["authorization"]
        token = str(header).removeprefix("Bearer ")
        self.calls.append((rpc, token, request))
        if token in self.refused:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token expired")

    async def watch(self, rpc: str, request: Any, context: Any, first: Callable[[], Any]) -> Steps:
        """A snapshot, then what is pushed."""
        await self.admit(rpc, request, context)
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._queues.setdefault(rpc, []).append(queue)
        self.open[rpc] += 1
        self.opened[rpc] += 1
        try:
            yield first()
            while True:
                yield await queue.get()
        finally:
            self.open[rpc] -= 1
            self._queues[rpc].remove(queue)


class _Routing(RoutingServiceServicer):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def WatchQueues(self, request: Any, context: Any) -> Steps:
        up = self._upstreams

        def first() -> Any:
            return routing.WatchQueuesResponse(snapshot=up.queues, replace=True)

        async for step in up.watch("WatchQueues", request, context, first):
            yield step


class _Agents(AgentServiceServicer):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def ListAgents(self, request: Any, context: Any) -> Any:
        await self._upstreams.admit("ListAgents", request, context)
        return agents.ListAgentsResponse(agents=self._upstreams.agents)


class _Sla(SlaServiceServicer):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def WatchSla(self, request: Any, context: Any) -> Steps:
        up = self._upstreams

        def first() -> Any:
            return sla.WatchSlaResponse(snapshot=up.clocks, replace=True)

        async for step in up.watch("WatchSla", request, context, first):
            yield step


class _Insights(InsightsServiceServicer):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def WatchKpis(self, request: Any, context: Any) -> Steps:
        up = self._upstreams
        async for step in up.watch("WatchKpis", request, context, lambda: up.kpis):
            yield step


class _Conversations(ConversationServiceServicer):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def WatchConversations(self, request: Any, context: Any) -> Steps:
        up = self._upstreams

        def first() -> Any:
            return intake.WatchConversationsResponse(snapshot=up.conversations, replace=True)

        async for step in up.watch("WatchConversations", request, context, first):
            yield step


_SERVICERS: list[tuple[Any, Any]] = [
    (add_RoutingServiceServicer_to_server, _Routing),
    (add_AgentServiceServicer_to_server, _Agents),
    (add_SlaServiceServicer_to_server, _Sla),
    (add_InsightsServiceServicer_to_server, _Insights),
    (add_ConversationServiceServicer_to_server, _Conversations),
]
