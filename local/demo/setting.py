"""What has to be there before the first message: accounts, agents, customers we know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import uuid4

import grpc
from switchboard.intake.v1 import account_service_pb2 as accounts
from switchboard.intake.v1 import customer_service_pb2 as customers
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub
from switchboard.intake.v1.customer_service_pb2_grpc import CustomerServiceStub
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceStub

from local.demo.people import LANGUAGES, Door, Person
from local.demo.places import API_ACCOUNT, FORM_ACCOUNT, SMS_ACCOUNT, SMS_NUMBER, Places
from local.demo.retrying import call

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


async def set_up_accounts(places: Places, channel: grpc.aio.Channel) -> None:
    """Write the three accounts and the provider's secret."""
    stub = AccountServiceStub(channel)
    metadata = places.metadata("demo-admin", "admin")
    for account in _accounts(places):
        request = accounts.UpsertAccountRequest(request_id=str(uuid4()), account=account)
        await call(stub.UpsertAccount, request, metadata=metadata)
    secret = accounts.RotateSecretRequest(
        request_id=str(uuid4()),
        account_id=SMS_ACCOUNT,
        name="auth_token",
        value=places.credentials.twilio_auth_token,
    )
    await call(stub.RotateSecret, secret, metadata=metadata)


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


def _accounts(places: Places) -> list[intake.Account]:
    return [
        intake.Account(
            account_id=SMS_ACCOUNT,
            channel=intake.CHANNEL_SMS,
            provider="twilio",
            address=SMS_NUMBER,
            display_name="Demo number",
            enabled=True,
            language="en",
            settings={"account_sid": places.credentials.twilio_account_sid},
        ),
        intake.Account(
            account_id=FORM_ACCOUNT,
            channel=intake.CHANNEL_FORM,
            provider="web",
            display_name="Demo form",
            enabled=True,
            language="en",
        ),
        intake.Account(
            account_id=API_ACCOUNT,
            channel=intake.CHANNEL_API,
            provider="api",
            display_name="Demo gateway",
            enabled=True,
            language="en",
        ),
    ]


def _agent(name: str) -> routing.Agent:
    channels = (intake.CHANNEL_SMS, intake.CHANNEL_FORM, intake.CHANNEL_API)
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
    channel = {
        Door.TWILIO: intake.CHANNEL_SMS,
        Door.FORM: intake.CHANNEL_FORM,
        Door.GRPC: intake.CHANNEL_API,
    }[person.door]
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
