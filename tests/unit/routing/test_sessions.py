"""Sessions of one process, with the matcher, the tables and the topic played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1 import events_pb2 as events
from switchboard.routing.v1 import model_pb2 as model

from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.record import Record
from services.chassis.bus.tail import Reader
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import Background
from services.chassis.rpc.errors import NotFound, ResourceExhausted, RpcError
from services.chassis.telemetry.metrics import Catalogue
from services.routing.metrics import Metrics
from services.routing.shell.commands import Commands
from services.routing.shell.consumers.matcher_journal import Announced
from services.routing.shell.sessions.hub import Sessions
from services.routing.shell.sessions.lease import Lease
from services.routing.shell.sessions.stream import WAITING_MAX, Holder, Stream
from services.routing.shell.store import Desk
from services.routing.shell.wire.nouns import Place
from tests.support.waiting import until

PLACE = Place("acme", "default")
ANN = Holder(PLACE, "ann", "session-1", "edge-1")
AVAILABLE = model.PRESENCE_AVAILABLE


@dataclass
class Bus:
    """Takes commands as the matcher's mailbox would; `away` times it is not there."""

    said: list[Any] = field(default_factory=list)
    away: int = 0
    accepts: bool = True

    async def publish(self, topic: str, key: str, message: Any) -> None:
        if self.away:
            self.away -= 1
            raise BusUnavailable("away")
        self.said.append(message)

    async def submit(self, topic: str, key: str, message: Message, **_: Any) -> CommandOutcome:
        await self.publish(topic, key, message)
        return CommandOutcome(accepted=self.accepts, reason="" if self.accepts else "NO")

    def kinds(self) -> list[str]:
        return [message.WhichOneof("kind") for message in self.said]


@dataclass
class Tables:
    """What a welcome is made of."""

    sequence: int = 10

    async def desk(self, tenant_id: str, agent_id: str) -> Desk | None:
        agent = model.Agent(agent_id=agent_id, presence=AVAILABLE)
        return Desk(agent, [], [], self.sequence) if agent_id == "ann" else None

    async def work(self, tenant_id: str, work_id: str) -> model.WorkItem:
        return model.WorkItem(work_id=work_id)


class Topic:
    """The end of routing.events.v1."""

    def __init__(self) -> None:
        self.reader = Reader({})

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Reader]:
        yield self.reader

    def brings(self, event: events.RoutingEvent) -> None:
        value = event.SerializeToString()
        self.reader.offer(Record("routing.events.v1", 0, 0, 0, b"", value, ()))


class Edge:
    """One process with its sessions."""

    def __init__(self) -> None:
        self.bus, self.tables, self.topic = Bus(), Tables(), Topic()
        bus: Any = self.bus
        commands = Commands(bus, SystemClock(), timeout_s=1)
        metrics = Metrics(Catalogue("routing"))
        background = Background()
        self.lease = Lease(commands=commands, background=background, metrics=metrics)
        tables: Any = self.tables
        tail: Any = self.topic
        self.sessions = Sessions(
            self.lease,
            commands=commands,
            store=tables,
            tail=tail,
            background=background,
            metrics=metrics,
        )

    async def ann(self, holder: Holder = ANN) -> Stream:
        return await self.sessions.open(holder, AVAILABLE, "agent/ann")


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    made = Edge()
    await made.sessions.start()
    yield made
    await made.sessions.stop()


def offered(number: int, *, sequence: int = 100) -> events.RoutingEvent:
    event = events.RoutingEvent(
        event_id=f"event-{number}",
        tenant_id="acme",
        domain="default",
        work_id=f"work-{number}",
        sequence=sequence,
    )
    event.offered.offer.CopyFrom(
        model.Offer(offer_id=f"offer-{number}", work_id=f"work-{number}", agent_id="ann")
    )
    return event


def gone_offline(reason: str) -> events.RoutingEvent:
    event = events.RoutingEvent(event_id=f"off-{reason}", tenant_id="acme", sequence=200)
    event.agent_presence_changed.CopyFrom(
        events.AgentPresenceChanged(
            agent_id="ann", to_presence=model.PRESENCE_OFFLINE, reason=reason
        )
    )
    return event


async def told(stream: Stream) -> list[str]:
    """What has been said so far, by kind; offers by id."""
    stream.end()
    return [
        r.offer_made.offer.offer_id if r.HasField("offer_made") else str(r.WhichOneof("kind"))
        async for r in stream.responses()
    ]


async def to_its_end(stream: Stream) -> None:
    """Read until it ends; raises what it ends with."""
    async for _ in stream.responses():
        continue


async def test_news_from_here_and_from_the_topic_are_told_once(edge: Edge) -> None:
    stream = await edge.ann()
    edge.sessions.hear(Announced(offered(1), model.WorkItem(work_id="work-1")))
    edge.topic.brings(offered(1))
    edge.topic.brings(offered(2))
    await until(edge.topic.reader._records.empty, what="the topic is read")
    assert await told(stream) == ["welcome", "offer-1", "offer-2"]


async def test_what_the_welcome_covers_is_not_told_again(edge: Edge) -> None:
    stream = Stream(ANN, AVAILABLE)
    stream.hear(offered(1, sequence=10), None)
    stream.hear(offered(2, sequence=11), None)
    desk = await edge.tables.desk("acme", "ann")
    assert desk is not None
    stream.welcome(desk, heartbeat_ms=5_000)
    assert await told(stream) == ["welcome", "offer-2"]


async def test_other_agents_news_are_not_told(edge: Edge) -> None:
    stream = await edge.ann()
    other = offered(1)
    other.offered.offer.agent_id = "bob"
    edge.sessions.hear(Announced(other, None))
    elsewhere = offered(2)
    elsewhere.tenant_id = "globex"
    edge.sessions.hear(Announced(elsewhere, None))
    assert await told(stream) == ["welcome"]


@pytest.mark.parametrize("reason", ["session_lost", "signed_off"])
async def test_an_agent_who_was_given_up_is_stated_again_while_the_stream_lives(
    edge: Edge, reason: str
) -> None:
    await edge.ann()
    edge.sessions.hear(Announced(gone_offline(reason), None))
    await until(lambda: edge.bus.kinds() == ["set_presence"] * 2, what="a second statement")
    assert edge.bus.said[1].set_presence == edge.bus.said[0].set_presence


async def test_an_agent_who_went_offline_by_themselves_is_left_alone(edge: Edge) -> None:
    stream = await edge.ann()
    edge.sessions.hear(Announced(gone_offline("home"), None))
    assert await told(stream) == ["welcome", "presence_changed"]
    assert edge.bus.kinds() == ["set_presence"]


async def test_a_session_that_cannot_be_stated_again_ends(edge: Edge) -> None:
    stream = await edge.ann()
    edge.bus.away = 1
    edge.sessions.hear(Announced(gone_offline("session_lost"), None))
    with pytest.raises(RpcError):
        await to_its_end(stream)


async def test_an_end_is_told_however_long_kafka_is_away(edge: Edge) -> None:
    stream = await edge.ann()
    edge.bus.away = 1
    edge.sessions.release(stream)
    await until(lambda: edge.bus.kinds() == ["set_presence", "session_closed"], what="a goodbye")
    closed = edge.bus.said[-1].session_closed
    assert (closed.session_id, closed.edge_id, closed.signed_off) == ("session-1", "edge-1", False)


async def test_a_taken_over_stream_ends_and_says_no_goodbye(edge: Edge) -> None:
    first = await edge.ann()
    await edge.ann()
    with pytest.raises(RpcError, match="another connection"):
        await to_its_end(first)
    edge.sessions.release(first)
    await asyncio.sleep(0)
    assert edge.bus.kinds() == ["set_presence", "set_presence"]


async def test_a_refused_hello_opens_nothing(edge: Edge) -> None:
    edge.bus.accepts = False
    with pytest.raises(NotFound):
        await edge.ann()
    edge.sessions.hear(Announced(offered(1), None))
    await until(lambda: "session_closed" in edge.bus.kinds(), what="the attempt is seen off")


async def test_a_client_that_does_not_read_loses_its_stream(edge: Edge) -> None:
    stream = await edge.ann()
    for number in range(WAITING_MAX + 1):
        edge.sessions.hear(Announced(offered(number), None))
    with pytest.raises(ResourceExhausted):
        await to_its_end(stream)
