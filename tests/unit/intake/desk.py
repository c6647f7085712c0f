"""Intake's two processors on one bus in memory, as one process of the service has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.intake.v1 import commands_pb2, events_pb2, model_pb2

from services.intake.core.delivery.model import Dispatch
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.media import WantedMedia
from services.intake.core.policies import ThreadingPolicy
from services.intake.shell.consumers.delivery import CallReady, Delivery
from services.intake.shell.consumers.threader import Threader
from services.intake.shell.rows import DELIVERY_TABLES
from services.intake.shell.topics import CONVERSATIONS, INPUTS, OUTBOUND
from services.intake.shell.wire import inputs
from tests.support.world import Node, World
from tests.unit.intake.given import HOME, POLICY, TENANT, inbound

DELIVERY = DeliveryPolicy(calls_per_account_max=2)


class Lost:
    """Remembers what it was told to adopt."""

    def __init__(self) -> None:
        self.adopted: list[Dispatch] = []

    def adopt(self, dispatches: Sequence[Dispatch]) -> None:
        self.adopted += dispatches


class Adopting:
    """Remembers which files it was told to take up."""

    def __init__(self) -> None:
        self.adopted: list[WantedMedia] = []

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        self.adopted += wanted


class Desk:
    """Threader and delivery; `calls` are the provider calls that were told to be made."""

    def __init__(self, policy: ThreadingPolicy = POLICY, *, partitions: int = 4) -> None:
        self.lost = Lost()
        self.calls: list[Dispatch] = []
        self.told: list[object] = []
        self.media = Adopting()
        self.threads = World(lambda: Threader(policy, self.media), partitions=partitions)
        self.deliveries = World(lambda: Delivery(DELIVERY, self.lost), partitions=partitions)
        self.deliveries.bus = self.threads.bus
        self.deliveries.clock = self.threads.clock  # type: ignore[method-assign] # one clock for both
        self.nodes: list[Node] = []

    @property
    def now_ms(self) -> int:
        return self.threads.now_ms

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        self.threads.now_ms = value

    async def start(self) -> None:
        """Begin, or take over as a new process would: the old one hears of nothing any more."""
        self.nodes = [await self.threads.started(), await self.deliveries.started()]
        for node in self.nodes:
            node.engine.listeners.append(self._hear)

    def _hear(self, fact: object) -> None:
        self.told.append(fact)
        if isinstance(fact, CallReady):
            self.calls.append(fact.dispatch)

    async def settle(self) -> None:
        """Process and publish until neither has anything left; then let due timers fire."""
        for _ in range(3):
            for node in self.nodes:
                await node.settle()
            for node in self.nodes:
                await node.ticker.step()

    async def later(self, passed_ms: int) -> None:
        """Let time pass in silence."""
        self.now_ms += passed_ms
        await self.settle()

    async def put(self, message: Any, *, topic: str = INPUTS, key: str = HOME) -> None:
        """Append to a topic and let everything follow."""
        self.threads.send(message, topic=topic, key=key)
        await self.settle()

    async def write(self, message_id: str = "m-1", **about: Any) -> None:
        """The customer writes."""
        command = inbound(message_id, at_ms=self.now_ms, **about)
        await self.put(inputs.received(replace(command, new_conversation_id="")))

    async def command(self, request_id: str, actor: str = "agent/ada", **kind: Any) -> None:
        """A command comes from an API."""
        said = commands_pb2.IntakeInput(
            tenant_id=TENANT,
            request_id=request_id,
            actor=actor,
            home_id=HOME,
            received_at_ms=self.now_ms,
            **kind,
        )
        await self.put(said)

    async def reply(self, request_id: str = "req-1", text: str = "On its way.") -> None:
        """An agent answers in the one conversation."""
        conversation_id = (await self.conversation())["conversation_id"]
        reply = commands_pb2.Reply(conversation_id=conversation_id, text=text)
        await self.command(request_id, reply=reply)

    async def set_status(self, request_id: str, status: Any) -> None:
        """An agent moves the one conversation."""
        conversation_id = (await self.conversation())["conversation_id"]
        move = commands_pb2.SetStatus(conversation_id=conversation_id, status=status)
        await self.command(request_id, set_status=move)

    async def report(self, dispatch: Dispatch, **result: Any) -> None:
        """A call ends: `result` are the fields of an AttemptResult."""
        told = commands_pb2.AttemptResult(
            message_id=dispatch.message_id, attempt=dispatch.attempts, **result
        )
        said = commands_pb2.OutboundMessage(tenant_id=TENANT, attempt_result=told)
        await self.put(said, topic=OUTBOUND, key=dispatch.lane)

    async def accept(self, dispatch: Dispatch, sid: str = "SMout") -> None:
        """The provider takes a message."""
        sent = model_pb2.DELIVERY_STATUS_SENT
        await self.report(dispatch, status=sent, provider_message_id=sid)

    async def conversation(self) -> dict[str, Any]:
        """The row of the latest conversation."""
        return (await self.rows("conversation"))[-1]

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of either processor."""
        theirs = {each.name for each in DELIVERY_TABLES}
        world = self.deliveries if table in theirs else self.threads
        return await world.store.rows.select(table)

    async def outcome(self, request_key: str) -> CommandOutcome:
        """What a request was answered."""
        known = await self.threads.store.outcomes([request_key])
        return CommandOutcome.FromString(known[request_key])

    def events(self) -> list[events_pb2.ConversationEvent]:
        """What other services read, each sequence once."""
        once = {
            (record.partition, record.header("sb_shard"), record.header("sb_seq")): record
            for record in self.threads.published(CONVERSATIONS)
        }
        return [events_pb2.ConversationEvent.FromString(each.value) for each in once.values()]

    def kinds(self) -> list[str]:
        """Of these events."""
        return [event.WhichOneof("kind") or "" for event in self.events()]

    def letters(self) -> list[str]:
        """Why records were set aside."""
        return [error for node in self.nodes for error in node.seen.letters]
