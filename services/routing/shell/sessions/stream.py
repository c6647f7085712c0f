"""One agent's stream: what it is told, in order, each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import events_pb2 as events
from switchboard.routing.v1 import model_pb2 as model

from services.chassis.rpc.errors import ResourceExhausted, RpcError
from services.routing.shell.store import Desk
from services.routing.shell.wire.nouns import Place
from services.routing.shell.wire.pushes import push

WAITING_MAX: Final = 1_000  # messages a client may be behind before its stream ends


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose stream it is, and by which name the matcher knows it: the session at this edge."""

    place: Place
    agent_id: str
    session_id: str
    edge_id: str


class Stream:
    """The server's half of an AgentSession.

    Events may come before the welcome is sent; those that the welcome covers are dropped then.
    """

    def __init__(self, holder: Holder, presence: model.Presence.ValueType) -> None:
        self.holder = holder
        self.presence = presence  # as the agent stated it last
        self._responses: asyncio.Queue[pb.AgentSessionResponse | None] = asyncio.Queue()
        self._early: list[tuple[events.RoutingEvent, model.WorkItem | None]] | None = []
        self._covered = 0
        self._error: RpcError | None = None

    def welcome(self, desk: Desk, *, heartbeat_ms: int) -> None:
        """Tell how things stand, then everything after that."""
        welcome = pb.SessionWelcome(
            session_id=self.holder.session_id,
            agent=desk.agent,
            offers=desk.offers,
            assignments=desk.assignments,
            heartbeat_ms=heartbeat_ms,
        )
        self.say(pb.AgentSessionResponse(welcome=welcome))
        self._covered = desk.sequence
        early, self._early = self._early or [], None
        for event, work in early:
            self.hear(event, work)

    def hear(self, event: events.RoutingEvent, work: model.WorkItem | None) -> None:
        """Tell of an event that concerns the agent, unless the welcome has told of it."""
        if self._early is not None:
            self._early.append((event, work))
        elif event.sequence > self._covered:
            self.say(push(event, work))

    def say(self, response: pb.AgentSessionResponse) -> None:
        """Queue a message; a client that does not read loses its stream, not our memory."""
        if self._responses.qsize() >= WAITING_MAX:
            self.end(ResourceExhausted("reads too slowly; connect again"))
        else:
            self._responses.put_nowait(response)

    def end(self, error: RpcError | None = None) -> None:
        """Say no more after what is queued; with `error`, end the call with it."""
        self._error = self._error or error
        self._responses.put_nowait(None)

    async def responses(self) -> AsyncIterator[pb.AgentSessionResponse]:
        """What is said, until the end. Raises the error it ended with."""
        while (response := await self._responses.get()) is not None:
            yield response
        if self._error is not None:
            raise self._error
