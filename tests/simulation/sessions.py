"""Agents' sessions and the edges that hold them: what is said there becomes commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.message import Message
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as model

from services.routing.core.policies import SESSION_LEASE_MS
from services.routing.shell.commands import Commands
from services.routing.shell.sessions.stream import Holder
from services.routing.shell.wire.nouns import Place
from services.routing.shell.wire.statements import command_of

if TYPE_CHECKING:
    from tests.simulation.world import World

HEARTBEAT_MS = SESSION_LEASE_MS // 3


@dataclass(slots=True, eq=False)
class Agent:
    """Somebody who takes work; `holder` is their session while there is one."""

    place: Place
    agent_id: str
    languages: tuple[str, ...]
    capacity: int
    skill: int
    pools: tuple[str, ...]
    level: model.SupportLevel.ValueType
    holder: Holder | None = None
    sequence: int = 0
    old_offers: list[str] = field(default_factory=list)


class Sessions:
    """The sessions of all agents. Nobody waits for an outcome; every command has an id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands = Commands(world.edge, world, timeout_s=1.0)
        self._edges = ["edge-1", "edge-2"]
        self._numbers = 0
        self._last: tuple[Agent, str, Message, str] | None = None

    async def submit(self, agent: Agent, name: str, said: Message, request_id: str = "") -> str:
        """Send a command of an agent; a known request id repeats it."""
        request_id = request_id or f"{agent.agent_id}-{self._number()}"
        self._last = (agent, name, said, request_id)
        actor = f"agent/{agent.agent_id}"
        call = self._commands.submit(agent.place, name, said, request_id=request_id, actor=actor)
        await self._world.attempt(call)
        return f"{agent.agent_id}: {name}"

    async def repeat(self) -> str:
        """Send the last command again."""
        if self._last is None:
            return "nothing to repeat"
        return f"again {await self.submit(*self._last)}"

    async def sign_on(self, agent: Agent) -> str:
        """Say hello: a new session, or the same one, perhaps at another edge."""
        dice, known = self._world.dice, agent.holder
        session_id = f"session-{self._number()}"
        if known is not None and dice.random() < 0.5:
            session_id = known.session_id
        edge_id = dice.choice(self._edges)
        agent.holder = Holder(agent.place, agent.agent_id, session_id, edge_id)
        agent.sequence = 0
        said = asks.SetPresence(
            agent_id=agent.agent_id,
            session_id=session_id,
            edge_id=edge_id,
            presence=model.PRESENCE_AVAILABLE,
        )
        return await self.submit(agent, "set_presence", said)

    async def sign_off(self, agent: Agent, *, says_so: bool = True) -> str:
        """End the session, or lose the connection."""
        holder, agent.holder = agent.holder, None
        if holder is None:
            return f"{agent.agent_id} is gone"
        said = asks.SessionClosed(
            agent_id=agent.agent_id,
            session_id=holder.session_id,
            edge_id=holder.edge_id,
            signed_off=says_so,
        )
        return await self.submit(agent, "session_closed", said)

    async def leave(self, agent: Agent) -> str:
        """Take a break, sign off, lose the connection, or lose the edge with all its sessions."""
        dice = self._world.dice
        how = dice.randrange(4)
        if how == 0:
            presence = dice.choice((model.PRESENCE_AWAY, model.PRESENCE_BUSY))
            said = pb.AgentSessionRequest(set_presence=pb.SessionPresence(presence=presence))
            return await self.state(agent, said)
        if how == 1:
            return self._lose_edge(dice.choice(self._edges))
        return await self.sign_off(agent, says_so=how == 2)

    async def state(self, agent: Agent, said: pb.AgentSessionRequest) -> str:
        """Say something in the session."""
        if agent.holder is None:
            return f"{agent.agent_id} has no session"
        agent.sequence += 1
        said.sequence = agent.sequence
        return await self.submit(agent, *command_of(said, agent.holder))

    async def beat(self) -> None:
        """Every edge renews its lease where it holds sessions."""
        agents = self._world.agents.agents
        held = {(a.holder.edge_id, a.place.tenant_id): a.place for a in agents if a.holder}
        for (edge_id, _), place in sorted(held.items()):
            said = asks.SessionHeartbeat(edge_id=edge_id)
            call = self._commands.publish(place, "session_heartbeat", said, actor="")
            await self._world.attempt(call)

    def _lose_edge(self, edge_id: str) -> str:
        """A process that holds sessions dies: nobody says goodbye. Another one starts."""
        self._edges[self._edges.index(edge_id)] = f"edge-{self._number()}"
        for agent in self._world.agents.agents:
            if agent.holder is not None and agent.holder.edge_id == edge_id:
                agent.holder = None
        return f"{edge_id} dies"

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
