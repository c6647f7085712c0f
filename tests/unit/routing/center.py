"""Triage and the matcher on the engine, over a bus and a store in memory."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.message import Message
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import events_pb2 as told
from switchboard.routing.v1 import model_pb2 as pb

from services.routing.core.domain import Domain
from services.routing.core.policies import DEFAULT_POLICY, RoutingPolicy
from services.routing.shell.consumers.matcher import Matcher
from services.routing.shell.consumers.triage import Triage
from services.routing.shell.rows import CASES, MATCHER_TABLES
from services.routing.shell.topics import CONVERSATIONS, EVENTS, INPUTS, TRIAGE_INPUTS, domain_key
from tests.support.memory_bus import MemoryBus
from tests.support.memory_store import MemoryStore
from tests.support.world import Node, World

DOMAIN = domain_key("default", "default")
EDGE = "edge-1"


class Center:
    """Both processors; each may be started anew from what is stored."""

    def __init__(self, policy: RoutingPolicy = DEFAULT_POLICY) -> None:
        self.policy = policy
        self.worlds = {
            "triage": World(lambda: Triage(policy)),
            "matcher": World(lambda: Matcher(policy)),
        }
        first, second = self.worlds.values()
        self.store = MemoryStore((*MATCHER_TABLES, CASES))
        first.store = second.store = self.store
        second.bus = first.bus
        self.bus: MemoryBus = first.bus
        self.nodes: dict[str, Node] = {}

    async def start(self) -> Center:
        """Take all shards, from what is stored."""
        self.nodes = {name: await world.started() for name, world in self.worlds.items()}
        return self

    async def settle(self) -> None:
        """Process and publish until nothing moves."""
        before = -1
        while before != (now := sum(len(log) for log in self.bus.logs.values())):
            before = now
            for node in self.nodes.values():
                await node.settle()

    async def wait(self, ms: int) -> None:
        """Let time pass; timers fire when they are due."""
        for world in self.worlds.values():
            world.now_ms += ms
        for node in self.nodes.values():
            await node.ticker.step()
        await self.settle()

    async def hears(self, event: ConversationEvent) -> None:
        """An event of a conversation, and all that follows from it."""
        self._append(CONVERSATIONS, event.conversation.conversation_id, event)
        await self.settle()

    async def asks(self, *, request_id: str = "", actor: str = "", **kind: Message) -> None:
        """A command to the matcher, and all that follows from it."""
        message = asks.RoutingInput(
            tenant_id="default", domain="default", request_id=request_id, actor=actor
        )
        for name, said in kind.items():
            getattr(message, name).CopyFrom(said)
        self._append(INPUTS, DOMAIN, message)
        await self.settle()

    async def agent(self, agent_id: str, **can: Any) -> None:
        """Define an agent and sign them in, available."""
        known: dict[str, Any] = {"capacity": 100, "pools": ["support"]}
        agent = pb.Agent(agent_id=agent_id, **(known | can))
        await self.asks(upsert_agent=asks.UpsertAgent(agent=agent))
        await self.asks(
            set_presence=asks.SetPresence(
                agent_id=agent_id,
                session_id=f"session-{agent_id}",
                edge_id=EDGE,
                presence=pb.PRESENCE_AVAILABLE,
            )
        )

    async def accept(self, offer: pb.Offer, *, request_id: str = "", actor: str = "") -> None:
        """The agent takes the offer."""
        said = asks.AcceptOffer(offer_id=offer.offer_id, agent_id=offer.agent_id)
        await self.asks(accept_offer=said, request_id=request_id, actor=actor)

    async def complete(self, offer: pb.Offer) -> None:
        """The agent is done with what was offered."""
        said = asks.CompleteAssignment(work_id=offer.work_id, agent_id=offer.agent_id)
        await self.asks(complete_assignment=said)

    def events(self, kind: str) -> list[Any]:
        """What was published of a kind, in the order of the domain."""
        found = [e for e in self.all_events() if e.WhichOneof("kind") == kind]
        return [getattr(event, kind) for event in found]

    def all_events(self) -> list[told.RoutingEvent]:
        """Everything that was published, in the order of the domain; what came twice, once."""
        records = [r for (topic, _), log in self.bus.logs.items() if topic == EVENTS for r in log]
        events = [told.RoutingEvent.FromString(record.value) for record in records]
        return sorted({e.event_id: e for e in events}.values(), key=lambda event: event.sequence)

    @property
    def offers(self) -> list[pb.Offer]:
        """Every offer that was ever made."""
        return [event.offer for event in self.events("offered")]

    @property
    def domain(self) -> Domain:
        """The domain as the matcher has it in memory."""
        shards = self.nodes["matcher"].engine.shards.values()
        [found] = [s.state.domains[DOMAIN] for s in shards if DOMAIN in s.state.domains]
        return found  # type: ignore[no-any-return]  # the engine is generic

    @property
    def cases(self) -> dict[str, Any]:
        """The conversations that triage has in memory."""
        shards = self.nodes["triage"].engine.shards.values()
        return {name: case for shard in shards for name, case in shard.state.cases.items()}

    def _append(self, topic: str, key: str, message: Message) -> None:
        self.bus.append(topic, key.encode(), message.SerializeToString())


def request_id() -> str:
    """A new request id."""
    return str(uuid.uuid4())


OPEN = intake.CONVERSATION_STATUS_OPEN
TOPICS = (CONVERSATIONS, TRIAGE_INPUTS, INPUTS, EVENTS)
