"""One agent's stream: says hello, keeps it alive, hands over what routing says, reconnects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

import grpc
from switchboard.routing.v1 import agent_service_pb2 as wire
from switchboard.routing.v1 import model_pb2 as model

from local.ledgerbook import now_ms

if TYPE_CHECKING:
    from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceAsyncStub

NAMESPACE = UUID("5d1c0f52-33a1-5c3c-9a41-2f6d0b8a7e10")
RECONNECT_PAUSE_S = 0.3
RECONNECT_PAUSE_S_MAX = 3.0
ANSWER_TIMEOUT_S = 15.0
HEARTBEAT_MS = 5_000

Listener = Callable[[wire.AgentSessionResponse], None]


class Session:
    """The stream of one agent. Statements are repeated on the next stream until answered."""

    def __init__(
        self,
        *,
        agent_id: str,
        stub: AgentServiceAsyncStub,
        metadata: tuple[tuple[str, str], ...],
        listener: Listener,
    ) -> None:
        """Prepare; `run` opens the stream."""
        self.agent_id = agent_id
        self._stub = stub
        self._metadata = metadata
        self._listener = listener
        self._session_id = ""
        self._sequence = 0
        self._outgoing: asyncio.Queue[wire.AgentSessionRequest | None] = asyncio.Queue()
        self._waiting: dict[str, asyncio.Future[wire.CommandResult]] = {}
        self._heartbeat_ms = HEARTBEAT_MS
        self._stopping = asyncio.Event()
        self.breaks = 0

    async def run(self) -> None:
        """Keep a stream open until `stop`."""
        pause_s = RECONNECT_PAUSE_S
        while not self._stopping.is_set():
            with contextlib.suppress(grpc.aio.AioRpcError):
                await self._one_stream()
                pause_s = RECONNECT_PAUSE_S
            if self._stopping.is_set():
                return
            self.breaks += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
            pause_s = min(2 * pause_s, RECONNECT_PAUSE_S_MAX)

    def stop(self) -> None:
        """End the stream."""
        self._stopping.set()
        self._outgoing.put_nowait(None)

    async def ask(self, **statement: object) -> wire.CommandResult | None:
        """Say something that has a request id; gives routing's answer, None if none came.

        The statement is said again on a new stream where the old one broke before the answer.
        """
        [(kind, body)] = statement.items()
        request_id = str(getattr(body, "request_id"))  # noqa: B009 - a field of several messages
        answer: asyncio.Future[wire.CommandResult] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            for _ in range(4):
                self._say(**{kind: body})
                done, _ = await asyncio.wait({answer}, timeout=ANSWER_TIMEOUT_S)
                if done:
                    return answer.result()
            return None
        finally:
            self._waiting.pop(request_id, None)

    def request_id(self, *names: str) -> str:
        """Give the id of a statement: the same for a repeat, on whatever stream."""
        return str(uuid5(NAMESPACE, "/".join((self.agent_id, *names))))

    async def _one_stream(self) -> None:
        self._outgoing = asyncio.Queue()
        self._say(
            hello=wire.SessionHello(
                request_id=str(uuid4()),
                agent_id=self.agent_id,
                presence=model.PRESENCE_AVAILABLE,
                session_id=self._session_id,
            )
        )
        stream = self._stub.AgentSession(self._requests(), metadata=self._metadata)
        beating = asyncio.create_task(self._beat())
        try:
            async for response in stream:
                self._hear(response)
        finally:
            beating.cancel()
            self._outgoing.put_nowait(None)
            stream.cancel()

    def _hear(self, response: wire.AgentSessionResponse) -> None:
        kind = response.WhichOneof("kind")
        if kind == "welcome":
            self._session_id = response.welcome.session_id
            self._heartbeat_ms = response.welcome.heartbeat_ms or HEARTBEAT_MS
        elif kind == "command_result":
            answer = self._waiting.get(response.command_result.request_id)
            if answer is not None and not answer.done():
                answer.set_result(response.command_result)
        self._listener(response)

    def _say(self, **statement: object) -> None:
        self._sequence += 1
        request = wire.AgentSessionRequest(sequence=self._sequence, **statement)  # type: ignore[arg-type] # one of the oneof
        self._outgoing.put_nowait(request)

    async def _requests(self) -> AsyncIterator[wire.AgentSessionRequest]:
        outgoing = self._outgoing
        while (request := await outgoing.get()) is not None:
            yield request

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_ms / 1000)
            self._say(heartbeat=wire.SessionPing(sent_at_ms=now_ms()))
