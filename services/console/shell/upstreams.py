"""The watches behind a board: each kept open, its loss shown on the board until it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import grpc
import structlog
from switchboard.insights.v1 import insights_service_pb2 as insights
from switchboard.insights.v1.insights_service_pb2_grpc import InsightsServiceStub
from switchboard.intake.v1 import conversation_service_pb2 as intake
from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceStub
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import routing_service_pb2 as routing
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceStub
from switchboard.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from switchboard.sla.v1 import sla_service_pb2 as sla
from switchboard.sla.v1.sla_service_pb2_grpc import SlaServiceStub

from services.chassis.rpc import client
from services.console.core.board import Board
from services.console.core.model import Source, SourceState
from services.console.metrics import Metrics
from services.console.settings import ConsoleSettings
from services.console.shell import feeding, wire
from services.console.shell.tokens import Tokens

SILENT_SECONDS: Final = 40.0  # more than two heartbeats
PAUSE_SECONDS: Final = 0.5
PAUSE_SECONDS_MAX: Final = 5.0
AGENTS_SECONDS: Final = 5.0
CALL_SECONDS: Final = 5.0
AGENTS_PAGE: Final = 500
AGENTS_MAX: Final = 2_000
OPEN_ONLY: Final = "status = OPEN"

Steps = AsyncGenerator[Any, None]
Read = Callable[[str], Steps]
"""Steps of one connection made with a token; ends or raises where the connection does."""

log = structlog.get_logger(__name__)


class Channels:
    """The channels of one process, shared by all boards."""

    name = "channels"

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._open: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        """Make the channels; they connect when they are used."""
        targets = self._settings
        self.intake = self._channel(targets.intake_target)
        self.routing = self._channel(targets.routing_target)
        self.sla = self._channel(targets.sla_target)
        self.insights = self._channel(targets.insights_target)

    async def stop(self) -> None:
        """Close them."""
        for channel in self._open:
            await channel.close()

    def _channel(self, target: str) -> grpc.aio.Channel:
        channel = client.channel(target)
        self._open.append(channel)
        return channel


@dataclass(frozen=True, slots=True)
class Upstream:
    """One part of the board: its name, how it is read, and who puts it on the board."""

    name: str
    read: Read
    feed: Callable[[Any], None]


def upstreams(channels: Channels, board: Board, domain: str) -> list[Upstream]:
    """All that a board of a domain is made of."""
    queues, clocks = feeding.Queues(board), feeding.Clocks(board)
    kpis, conversations = feeding.Kpis(board), feeding.Conversations(board)
    return [
        Upstream(
            "queues",
            _watch(
                RoutingServiceStub(channels.routing).WatchQueues,
                lambda token: routing.WatchQueuesRequest(domain=domain, resume_token=token),
            ),
            queues.feed,
        ),
        Upstream("agents", _agents(channels, domain), board.agents_replaced),
        Upstream(
            "clocks",
            _watch(
                SlaServiceStub(channels.sla).WatchSla,
                lambda token: sla.WatchSlaRequest(resume_token=token),
            ),
            clocks.feed,
        ),
        Upstream(
            "kpis",
            _watch(
                InsightsServiceStub(channels.insights).WatchKpis,
                lambda token: insights.WatchKpisRequest(resume_token=token),
            ),
            kpis.feed,
        ),
        Upstream(
            "conversations",
            _watch(
                ConversationServiceStub(channels.intake).WatchConversations,
                lambda token: intake.WatchConversationsRequest(
                    filter=OPEN_ONLY, resume_token=token
                ),
            ),
            conversations.feed,
        ),
    ]


def _watch(rpc: Any, request: Callable[[str], Any]) -> Read:
    """A watch that goes on where its last connection ended, from the start if that is refused."""
    resume = ""

    async def read(token: str) -> Steps:
        nonlocal resume
        call = rpc(request(resume), metadata=client.metadata(token))
        try:
            while True:
                step = await asyncio.wait_for(call.read(), SILENT_SECONDS)
                if step is grpc.aio.EOF:
                    return
                yield step
                resume = step.resume_token or resume
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                resume = ""
            raise
        finally:
            call.cancel()

    return read


def _agents(channels: Channels, domain: str) -> Read:
    """The list of agents, asked for every few seconds: no watch tells their load."""
    stub: Any = AgentServiceStub(channels.routing)

    async def read(token: str) -> Steps:
        while True:
            found: list[Any] = []
            page = ""
            while len(found) < AGENTS_MAX and (page or not found):
                request = agents.ListAgentsRequest(
                    domain=domain, page_size=AGENTS_PAGE, page_token=page
                )
                answer = await stub.ListAgents(
                    request, metadata=client.metadata(token), timeout=CALL_SECONDS
                )
                found += map(wire.agent_of, answer.agents)
                page = answer.next_page_token
                if not page:
                    break
            yield found
            await asyncio.sleep(AGENTS_SECONDS)

    return read


async def follow(
    upstream: Upstream,
    *,
    board: Board,
    tokens: Tokens,
    told: Callable[[], None],
    now_ms: Callable[[], int],
    metrics: Metrics,
) -> None:
    """Keep one watch open for as long as the task runs; `told` is called after each step."""
    pause = PAUSE_SECONDS

    def is_now(state: SourceState, detail: str = "") -> None:
        board.source_changed(Source(upstream.name, state, now_ms(), detail))
        told()

    while True:
        token = await tokens.best()
        try:
            async with aclosing(upstream.read(token)) as steps:
                async for step in steps:
                    upstream.feed(step)
                    metrics.steps.labels(upstream.name).inc()
                    pause = PAUSE_SECONDS
                    is_now(SourceState.LIVE)
            why = "the stream ended"
        except grpc.aio.AioRpcError as error:
            why = _why(error, token, tokens)
        except TimeoutError:
            why = "silent"
        metrics.losses.labels(upstream.name).inc()
        log.info("upstream_lost", component=upstream.name, reason=why)
        is_now(SourceState.STALE, why)
        await asyncio.sleep(pause)
        pause = min(2 * pause, PAUSE_SECONDS_MAX)


def _why(error: grpc.aio.AioRpcError, token: str, tokens: Tokens) -> str:
    """The reason in words for people; a token that was refused is not used again."""
    if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        tokens.refuse(token)
    return _WORDS.get(error.code(), error.code().name.lower().replace("_", " "))


_WORDS: Final = {
    grpc.StatusCode.UNAVAILABLE: "not answering",
    grpc.StatusCode.DEADLINE_EXCEEDED: "not answering in time",
    grpc.StatusCode.UNAUTHENTICATED: "token refused",
    grpc.StatusCode.PERMISSION_DENIED: "not allowed with this token",
    grpc.StatusCode.UNIMPLEMENTED: "not built yet",
}
