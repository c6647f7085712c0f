"""What has to be there before the first message: accounts, agents, customers we know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import uuid4

import grpc
from switchboard.intake.v1 import customer_service_pb2 as customers
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.customer_service_pb2_grpc import CustomerServiceStub
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceStub

from local import accounts
from local.demo.people import DOORS, LANGUAGES, Person
from local.demo.places import Places
from local.demo.retrying import PATIENCE_S, call
from local.endpoints import endpoints
from local.home import Home

T = TypeVar("T")
AT_A_TIME = 32
POOL = "support"
CAPACITY = 100
COST = 25
TIER_VALUES = {
    "BASIC": intake.SERVICE_TIER_BASIC,
    "EXPECTED": intake.SERVICE_TIER_EXPECTED,
    "EXCELLENT": intake.SERVICE_TIER_EXCELLENT,
    "INSPIRING": intake.SERVICE_TIER_INSPIRING,
}


async def set_up_accounts(home: Home, places: Places) -> None:
    """Write the accounts that are missing: of a stack that was begun without them."""
    stated = endpoints(places.credentials, places.state.http("intake"))
    async with accounts.opened(home, places.state, patience_s=PATIENCE_S) as opened:
        await opened.provide(stated)


async def sign_on_agents(places: Places, channel: grpc.aio.Channel, names: Sequence[str]) -> None:
    """Write the agents: everyone serves every channel and language of the demo."""
    stub = AgentServiceStub(channel)
    metadata = places.metadata("demo-admin", "admin")

    async def one(name: str) -> None:
        request = agents.UpsertAgentRequest(request_id=str(uuid4()), agent=_agent(name))
        await call(stub.UpsertAgent, request, metadata=metadata)

    await _at_a_time(one, names)


async def introduce(places: Places, channel: grpc.aio.Channel, people: Sequence[Person]) -> None:
    """Write customers we have had before, with their tier and language."""
    stub = CustomerServiceStub(channel)
    metadata = places.metadata("demo-admin", "admin")

    async def one(person: Person) -> None:
        request = customers.UpsertCustomerRequest(
            request_id=str(uuid4()), customer=_customer(person)
        )
        await call(stub.UpsertCustomer, request, metadata=metadata)

    await _at_a_time(one, people)


def _agent(name: str) -> routing.Agent:
    channels = [accounts.channel_of(name) for name in (*(door.channel for door in DOORS), "chat")]
    return routing.Agent(
        agent_id=name,
        display_name=f"Demo agent {name.rpartition('-')[2]}",
        channels=[routing.ChannelCapacity(channel=channel, cost=COST) for channel in channels],
        capacity=CAPACITY,
        level=routing.SUPPORT_LEVEL_L1,
        pools=[POOL],
        languages=LANGUAGES,
    )


def _customer(person: Person) -> intake.Customer:
    channel = accounts.channel_of(person.door.channel)
    return intake.Customer(
        tier=TIER_VALUES[person.tier],
        language=person.language,
        identities=[intake.Identity(channel=channel, address=person.address)],
    )


async def _at_a_time(one: Callable[[T], Awaitable[None]], items: Sequence[T]) -> None:
    """Do all, a bounded number at a time; the first failure ends the rest."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def bounded(item: T) -> None:
        async with room:
            await one(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(bounded(item))
