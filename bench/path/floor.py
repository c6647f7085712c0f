"""The floor: a tenant of its own with an account, agents on their streams, and customers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from switchboard.intake.v1 import account_service_pb2 as accounts
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceStub

from bench.path.rig import Rig
from bench.path.sample import ADDRESS
from bench.path.webhooks import OUR_NUMBER, Webhook, sms
from local.demo.retrying import call
from local.demo.session import Session
from local.ports import LOOPBACK
from services.chassis.rpc import client
from services.intake.core.identity import home_id

T = TypeVar("T")

AGENTS = 200
AT_A_TIME = 16
ANSWERED_SECONDS = 60.0
FIRST_SENDER = 52_000_000


@dataclass(slots=True)
class Floor:
    """One contest's tenant: nothing of an earlier one is in its way."""

    rig: Rig
    tenant: str
    offered_at: dict[str, float] = field(default_factory=dict)  # by customer
    customers: int = 0
    _sessions: list[Session] = field(default_factory=list)
    _welcomed: int = 0
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    def metadata(self, subject: str, role: str) -> tuple[tuple[str, str], ...]:
        """What a caller of this tenant sends along."""
        return client.metadata(
            self.rig.issuer.sign(subject=subject, roles=[role], tenant=self.tenant)
        )

    def webhooks(self, count: int) -> list[Webhook]:
        """Messages of customers who have never written before."""
        first, self.customers = self.customers, self.customers + count
        port = self.rig.unit("intake").http_port
        return [self._webhook(number, port) for number in range(first, first + count)]

    async def offered(self, keys: Iterable[str]) -> None:
        """Wait until each of these customers' messages has been offered."""
        async with asyncio.timeout(ANSWERED_SECONDS):
            missing = set(keys)
            while missing := missing - self.offered_at.keys():
                await self._something_heard()

    def _webhook(self, number: int, port: int) -> Webhook:
        sender = f"{ADDRESS}{FIRST_SENDER + number}"
        return sms(
            port=port,
            path=f"/webhooks/twilio/{self.tenant}-sms",
            sender=sender,
            number=number,
            secrets=self.rig.secrets,
            key=home_id(self.tenant, "SMS", sender),
        )

    def _hear(self, response: agents.AgentSessionResponse) -> None:
        if response.HasField("offer_made"):
            self.offered_at.setdefault(response.offer_made.work.customer_id, time.perf_counter())
        elif response.HasField("welcome"):
            self._welcomed += 1
        self._heard.set()

    async def _something_heard(self) -> None:
        self._heard.clear()
        await self._heard.wait()

    async def _sign_on(self, channel: grpc.aio.Channel, items: int) -> list[asyncio.Task[None]]:
        """Define the agents, each with room for `items`, and bring them on line."""
        stub = AgentServiceStub(channel)
        names = [f"agent-{number:03d}" for number in range(AGENTS)]
        admin = self.metadata("bench", "admin")

        async def define(name: str) -> None:
            request = agents.UpsertAgentRequest(request_id=str(uuid4()), agent=_agent(name, items))
            await call(stub.UpsertAgent, request, metadata=admin)

        await _at_a_time(define, names)
        self._sessions = [
            Session(
                agent_id=name,
                stub=stub,
                metadata=self.metadata(name, "agent"),
                listener=self._hear,
            )
            for name in names
        ]
        tasks = []
        for session in self._sessions:
            tasks.append(asyncio.create_task(session.run()))
            await asyncio.sleep(0.005)
        async with asyncio.timeout(ANSWERED_SECONDS):
            while self._welcomed < len(names):
                await self._something_heard()
        return tasks

    async def _sign_off(self) -> None:
        """Everybody leaves, and routing has heard it."""

        async def leave(session: Session) -> None:
            statement = agents.SessionPresence(
                request_id=str(uuid4()), presence=routing.PRESENCE_OFFLINE, reason="done"
            )
            await session.ask(set_presence=statement)
            session.stop()

        await _at_a_time(leave, self._sessions)


@asynccontextmanager
async def staffed(rig: Rig, tenant: str, *, messages: int) -> AsyncIterator[Floor]:
    """A tenant with an account and enough agents on line to be asked `messages` times."""
    floor = Floor(rig, tenant)
    async with (
        _channel(rig, "intake") as to_intake,
        _channel(rig, "routing") as to_routing,
    ):
        await open_account(rig, tenant, to_intake)
        tasks = await floor._sign_on(to_routing, -(-messages // AGENTS) + 1)  # noqa: SLF001 - made here
        yield floor
        await floor._sign_off()  # noqa: SLF001 - made here
        await asyncio.gather(*tasks)


@asynccontextmanager
async def _channel(rig: Rig, service: str) -> AsyncIterator[grpc.aio.Channel]:
    async with client.channel(f"ipv4:{LOOPBACK}:{rig.unit(service).grpc_port}") as channel:
        yield channel


async def open_account(rig: Rig, tenant: str, channel: grpc.aio.Channel) -> None:
    """The number that the tenant's customers write to."""
    stub = AccountServiceStub(channel)
    admin = client.metadata(rig.issuer.sign(subject="bench", roles=["admin"], tenant=tenant))
    account = intake.Account(
        account_id=f"{tenant}-sms",
        channel=intake.CHANNEL_SMS,
        provider="twilio",
        address=OUR_NUMBER,
        display_name="Bench",
        enabled=True,
        language="en",
        settings={"account_sid": rig.secrets.twilio_account_sid},
    )
    upsert = accounts.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    await call(stub.UpsertAccount, upsert, metadata=admin)
    secret = accounts.RotateSecretRequest(
        request_id=str(uuid4()),
        account_id=account.account_id,
        name="auth_token",
        value=rig.secrets.twilio_auth_token,
    )
    await call(stub.RotateSecret, secret, metadata=admin)


def _agent(name: str, items: int) -> routing.Agent:
    return routing.Agent(
        agent_id=name,
        display_name=name,
        channels=[routing.ChannelCapacity(channel=intake.CHANNEL_SMS, cost=1)],
        capacity=items,
        level=routing.SUPPORT_LEVEL_L1,
        pools=["support"],
        languages=["en"],
    )


async def _at_a_time(one: Callable[[T], Awaitable[Any]], items: Iterable[T]) -> None:
    """Do all, a bounded number at a time; the first failure ends the rest."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def bounded(item: T) -> None:
        async with room:
            await one(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(bounded(item))
