"""AgentSession: one agent at work. Statements in, offers and answers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from switchboard.routing.v1 import agent_service_pb2 as pb

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.ids import new_id
from services.chassis.rpc.errors import (
    Aborted,
    InvalidArgument,
    NotFound,
    RpcError,
    Violation,
    translate,
)
from services.routing.shell.commands import Commands
from services.routing.shell.grpc_api.callers import place, speaking_for
from services.routing.shell.sessions.hub import Sessions
from services.routing.shell.sessions.lease import HEARTBEAT_MS
from services.routing.shell.sessions.stream import Holder, Stream
from services.routing.shell.store import RoutingStore
from services.routing.shell.wire.nouns import Place
from services.routing.shell.wire.statements import command_of

SILENCE_SECONDS: Final = 3 * HEARTBEAT_MS / 1000  # a client that says nothing for so long is gone
STATEMENTS_MAX: Final = 64  # of one session under way at a time; more wait unread

Requests = AsyncIterator[pb.AgentSessionRequest]


class Conversing:
    """What serves the AgentSession calls of one process."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        commands: Commands,
        store: RoutingStore,
        clock: Clock,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._commands = commands
        self._store = store
        self._clock = clock
        self._silence_seconds = silence_seconds

    async def serve(self, requests: Requests) -> AsyncIterator[pb.AgentSessionResponse]:
        """Greet, then listen and tell until either side has enough."""
        hello = await self._hello(requests)
        actor = speaking_for(hello.agent_id)
        stream = await self._sessions.open(await self._holder(hello), hello.presence, actor)
        listening = asyncio.ensure_future(self._listen(requests, stream, actor))
        try:
            async for response in stream.responses():
                yield response
        finally:
            self._sessions.release(stream)
            listening.cancel()

    async def _hello(self, requests: Requests) -> pb.SessionHello:
        first = await self._next(requests)
        if first is None or not first.HasField("hello"):
            description = "must come first"
            raise InvalidArgument("say hello first", violations=[Violation("hello", description)])
        return first.hello

    async def _holder(self, hello: pb.SessionHello) -> Holder:
        agent = await self._store.agent(place().tenant_id, hello.agent_id)
        if agent is None:
            raise NotFound("no such agent", reason="AGENT_NOT_FOUND")
        session_id, edge_id = hello.session_id or new_id(), self._sessions.edge_id
        return Holder(Place(agent.tenant_id, agent.domain), agent.agent_id, session_id, edge_id)

    async def _next(self, requests: Requests) -> pb.AgentSessionRequest | None:
        """The next statement, None after the last. Raises `Aborted` after too long a silence."""
        try:
            async with asyncio.timeout(self._silence_seconds):
                return await anext(requests, None)
        except TimeoutError:
            raise Aborted("no heartbeat came; connect again") from None

    async def _listen(self, requests: Requests, stream: Stream, actor: str) -> None:
        """Hear every statement; what is asked is answered as it is decided."""
        room = asyncio.Semaphore(STATEMENTS_MAX)
        failure: RpcError | None = None
        try:
            async with asyncio.TaskGroup() as answers:
                while (request := await self._next(requests)) is not None:
                    if self._hear(request, stream):
                        await room.acquire()
                        task = answers.create_task(self._answer(request, stream, actor))
                        task.add_done_callback(lambda _: room.release())
        except* Exception as group:  # noqa: BLE001 - whatever it is ends the call as a status
            failure = translate(group)
            failure.__cause__ = group
        stream.end(failure)

    def _hear(self, request: pb.AgentSessionRequest, stream: Stream) -> bool:
        """Deal with what needs no decision; True for what does."""
        match request.WhichOneof("kind"):
            case "heartbeat":
                sent_at_ms = request.heartbeat.sent_at_ms
                pong = pb.SessionPong(sent_at_ms=sent_at_ms, now_ms=self._clock.now_ms())
                stream.say(pb.AgentSessionResponse(pong=pong))
                return False
            case "hello":
                description = "was said already"
                raise InvalidArgument("hello again", violations=[Violation("hello", description)])
            case "set_presence":
                stream.presence = request.set_presence.presence
        return True

    async def _answer(self, request: pb.AgentSessionRequest, stream: Stream, actor: str) -> None:
        said = getattr(request, request.WhichOneof("kind") or "")
        name, command = command_of(request, stream.holder)
        result = pb.CommandResult(request_id=said.request_id)
        try:
            outcome = await self._commands.submit(
                stream.holder.place, name, command, request_id=said.request_id, actor=actor
            )
            result.accepted, result.reason = outcome.accepted, outcome.reason
        except (BusUnavailable, StoreUnavailable):
            result.reason = "UNAVAILABLE"
        except RpcError as error:
            result.reason = error.reason
        stream.say(pb.AgentSessionResponse(command_result=result))
