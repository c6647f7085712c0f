"""Replies over every provider at once, while providers fail, judged by both sides' books."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import aiohttp
import asyncpg
from switchboard.intake.v1.conversation_service_pb2 import ReplyRequest
from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceStub

from local.demo.people import Door, address_at
from local.demo.retrying import call
from local.endpoints import account_of
from local.issuer import Issuer
from local.ledgerbook import now_ms
from local.verify import ledgers, log, tables
from local.verify.checks import effects
from local.verify.finding import Finding
from local.verify.ledgers import Answered
from local.verify.settle import settle
from local.verify.world import World
from services.chassis.rpc import client
from tests.chaos.stack_course import StackCourse
from tests.support.waiting import until

if TYPE_CHECKING:
    from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

DOORS = (Door.TWILIO, Door.WHATSAPP, Door.MESSENGER, Door.TELEGRAM, Door.LINE, Door.SLACK)
FIRST_PERSON = 3_000_000
SETTLED_S = 300.0
AT_A_TIME = 16
AGENT = "agent-001"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What both sides' books say of the replies."""

    findings: Sequence[Finding]
    states: Counter[str]
    """How many replies are in each state."""
    unsure: Counter[str]
    """Uncertain replies by channel, and whether the provider has them: `TELEGRAM sent`."""
    calls: Counter[str]
    """Faults that were played, by name."""


@dataclass(slots=True)
class ReplyCourse:
    """Customers of every provider, and an agent who answers them."""

    course: StackCourse
    session: aiohttp.ClientSession
    rows: asyncpg.Connection
    conversations: list[str] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    async def greet(self, people: int) -> None:
        """Let customers write, in turn over every provider, until each has a conversation."""
        written = {
            address_at(_door(number), FIRST_PERSON + number): _door(number)
            for number in range(people)
        }
        await asyncio.gather(*(self._write(door, who) for who, door in written.items()))

        async def met() -> list[str]:
            query = "SELECT conversation_id FROM intake.conversation WHERE address = ANY($1)"
            found = await self.rows.fetch(query, list(written))
            return [row["conversation_id"] for row in found] if len(found) == people else []

        self.conversations = await until(met, what="the customers' conversations")

    async def faults(self, **faults: float) -> None:
        """Set the faults of all providers."""
        async with self.session.put(f"{self._simulator}/admin/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def reply(self, numbers: Sequence[int]) -> None:
        """Answer customers in turn; every answer that intake confirms is kept."""
        room = asyncio.Semaphore(AT_A_TIME)
        token = Issuer(self.course.home).sign(subject=AGENT, roles=["agent"])
        target = "ipv4:" + ",".join(self.course.state.grpc("intake"))
        async with client.channel(target) as channel:
            stub = ConversationServiceStub(channel)

            async def one(number: int) -> None:
                async with room:
                    await self._reply(stub, token, number)

            await asyncio.gather(*map(one, numbers))

    async def verdict(self) -> Verdict:
        """What became of the replies, once each has come to its end."""
        ids = [each.message_id for each in self.answers]

        async def ended() -> bool:
            query = (
                "SELECT count(*) FROM intake.message_delivery"
                " WHERE message_id = ANY($1) AND progress <> 'QUEUED'"
            )
            return int(await self.rows.fetchval(query, ids)) == len(ids)

        await until(ended, what="the end of every reply", deadline_s=SETTLED_S)
        state = self.course.state
        await settle(self.rows, bootstrap=state.kafka_bootstrap, deadline_s=SETTLED_S)
        world, _ = await log.fold(bootstrap=state.kafka_bootstrap, partitions=state.partitions)
        seen = ledgers.read(self.course.home.ledgers)
        return Verdict(
            findings=list(self._findings(seen, world)),
            states=Counter(world.deliveries.get(each, "NOWHERE") for each in ids),
            unsure=_unsure(ids, seen, world),
            calls=Counter(await self._played()),
        )

    def _findings(self, seen: ledgers.Ledgers, world: World) -> Iterator[Finding]:
        yield from effects.check(seen.effects, world)
        yield from effects.check_log(world)
        yield from effects.check_answers(self.answers, world)

    @property
    def _simulator(self) -> str:
        [address] = self.course.state.http("simulator")
        return address

    async def _write(self, door: Door, who: str) -> None:
        said = {"provider": door.value, "account_id": account_of(door.value), "from": who}
        url = f"{self._simulator}/admin/inbound"
        async with self.session.post(url, json=said | {"text": "Hello?"}) as answer:
            assert (await answer.json())["answers"] == [200], await answer.text()

    async def _reply(self, stub: ConversationServiceAsyncStub, token: str, number: int) -> None:
        request = ReplyRequest(
            request_id=str(uuid4()),
            conversation_id=self.conversations[number % len(self.conversations)],
            text=f"Answer {number} <&> (#{uuid4().hex[:8]})",
        )
        told = await call(stub.Reply, request, metadata=client.metadata(token))
        said = (request.request_id, told.message_id, request.conversation_id, AGENT, now_ms())
        self.answers.append(Answered(*said))

    async def _played(self) -> dict[str, int]:
        async with self.session.get(f"{self._simulator}/admin/faults") as answer:
            played: dict[str, int] = (await answer.json())["played"]
            return played


@asynccontextmanager
async def reply_course(course: StackCourse) -> AsyncIterator[ReplyCourse]:
    """Open what the course needs of a running stack."""
    rows = await tables.connect(course.state.postgres_admin_dsn)
    try:
        async with aiohttp.ClientSession() as session:
            yield ReplyCourse(course, session, rows)
    finally:
        await rows.close()


def _door(number: int) -> Door:
    return DOORS[number % len(DOORS)]


def _unsure(ids: Sequence[str], seen: ledgers.Ledgers, world: World) -> Counter[str]:
    had = Counter(
        (effects.CHANNELS[each.provider], each.recipient, each.body) for each in seen.effects
    )
    found: Counter[str] = Counter()
    for each in ids:
        if world.deliveries.get(each) == "UNCERTAIN":
            reply = world.replies[each][0]
            sent = had[reply.channel, reply.recipient, reply.text]
            found[f"{reply.channel} {'sent' if sent else 'not sent'}"] += 1
    return found
