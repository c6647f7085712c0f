"""The simulator and intake's own way out to it: a real sender, and a door that reads the webhooks.

Both sides have the accounts of a local stack, so what a channel verifies is what a provider signs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from local import endpoints, jsonl
from local.credentials import Credentials
from local.endpoints import Endpoint
from local.simulator.account import Account as AtProvider
from local.simulator.app import Settings, build
from local.simulator.receipts import Pace
from services.intake.core.account import Account
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Channel as Medium
from services.intake.ports import Sender
from services.intake.shell.channels.discovery import discover
from services.intake.shell.channels.protocol import Channel, Hook, Incoming, Item, SendingContext
from tests.unit.intake.doors import account
from tests.unit.intake.given import dispatch

CREDENTIALS = Credentials(**{each.name: f"the-{each.name}" for each in fields(Credentials)})
ENDPOINTS = {each.provider: each for each in endpoints.simulated(CREDENTIALS)}
FAST = Pace(until_sent_ms=1, until_delivered_ms=1, until_read_ms=1)
PEOPLE = {
    "twilio": "+15556660001",
    "whatsapp": "+15556660001",
    "messenger": "24000000015556660001",
    "telegram": "4503599627370497",
    "line": "U5e11e5e11e5e11e5e11e5e11e5e11e5e1",
    "slack": "U0GRETE01",
}
TEXT = "Ihr Päckchen ist da: <A & B> 🎁"
ANSWER_S = 10.0


def channel_of(provider: str) -> Channel:
    """Intake's channel of a provider."""
    return next(each for each in discover() if each.provider == provider)


@dataclass
class Door:
    """Takes webhooks as intake does: verifies and reads each with the channel's own hooks."""

    account: Account
    url: str = ""
    answers: list[int] = field(default_factory=list)
    items: asyncio.Queue[Item] = field(default_factory=asyncio.Queue)
    requests: list[Incoming] = field(default_factory=list)

    def routes(self, channel: Channel) -> list[web.RouteDef]:
        """Give a route for each hook."""
        return [web.post(hook.path, self._taking(hook)) for hook in channel.hooks]

    def _taking(self, hook: Hook) -> Any:
        async def take(request: web.Request) -> web.Response:
            incoming = Incoming(
                url=str(request.url),
                query=request.query,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.read(),
                now_ms=time.time_ns() // 1_000_000,
            )
            assert hook.verify(incoming, self.account), "signed by somebody else"
            self.requests.append(incoming)
            status = self.answers.pop(0) if self.answers else 200
            if status == 200:
                for item in hook.parse(incoming, self.account):
                    await self.items.put(item)
            return web.Response(status=status)

        return take

    async def next(self) -> Any:
        """What comes next."""
        return await asyncio.wait_for(self.items.get(), timeout=ANSWER_S)


@dataclass
class Simulated:
    """One provider, played, with our account there and its sender."""

    provider: str
    ledger: Path
    api: TestClient[web.Request, web.Application]
    session: aiohttp.ClientSession
    sender: Sender
    account: Account
    door: Door

    @property
    def person(self) -> str:
        """The address of the one customer."""
        return PEOPLE[self.provider]

    def dispatch(self, **changes: Any) -> Dispatch:
        """A message to the customer, attempted now for the first time."""
        now_ms = time.time_ns() // 1_000_000
        made = replace(
            dispatch(),
            account_id=self.account.account_id,
            channel=self.account.channel,
            recipient=self.person,
            text=TEXT,
            phase=Phase.ATTEMPTING,
            attempts=1,
            queued_at_ms=now_ms,
            attempted_at_ms=now_ms,
        )
        return replace(made, **changes)

    async def faults(self, **faults: float) -> None:
        """Set the faults of all providers."""
        async with self.api.put("/admin/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def faults_here(self, **faults: float) -> None:
        """Set the faults of this provider alone."""
        async with self.api.put(f"/admin/faults/{self.provider}", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def played(self) -> dict[str, int]:
        """How often each fault was played at this provider."""
        async with self.api.get("/admin/faults") as answer:
            told: dict[str, int] = (await answer.json())["providers"][self.provider]["played"]
            return told

    async def write(self, text: str = "Hallo <&> 👋", **more: Any) -> dict[str, Any]:
        """Let the customer write to us."""
        said = {
            "provider": self.provider,
            "account_id": self.account.account_id,
            "from": self.person,
            "text": text,
        }
        async with self.api.post("/admin/inbound", json=said | more) as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.status == 200, told
            return told

    async def greet(self) -> Any:
        """Let the customer write, so that they may be written to; gives what came in."""
        await self.write()
        return await self.door.next()

    def effects(self) -> list[dict[str, Any]]:
        """What the provider has accepted, by its own ledger."""
        return [each for each in jsonl.read(self.ledger) if each["kind"] == "accepted"]

    def statuses(self) -> list[str]:
        """The statuses that messages have come to, in order."""
        return [each["status"] for each in jsonl.read(self.ledger) if each["kind"] == "moved"]


@asynccontextmanager
async def simulated(provider: str, folder: Path, *, pace: Pace = FAST) -> AsyncIterator[Simulated]:
    """Play a provider: its API, our account there, and a door for its webhooks."""
    endpoint = ENDPOINTS[provider]
    ours = _ours(endpoint)
    door, channel = Door(ours), channel_of(provider)
    async with AsyncExitStack() as stack:
        front = web.Application()
        front.add_routes(door.routes(channel))
        server = await stack.enter_async_context(TestServer(front))
        door.url = str(server.make_url("")).rstrip("/")
        settings = Settings(folder / "provider.jsonl", (_theirs(endpoint, door.url),), pace)
        api = await stack.enter_async_context(TestClient(TestServer(build(settings))))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        base = str(api.make_url("")).rstrip("/")
        assert channel.sender is not None
        sender = channel.sender(SendingContext(session, door.url, {provider: base}))
        yield Simulated(provider, settings.ledger, api, session, sender, ours, door)


def _ours(endpoint: Endpoint) -> Account:
    return account(
        account_id=endpoint.account_id,
        channel=Medium(endpoint.channel.upper()),
        provider=endpoint.provider,
        address=endpoint.address,
        settings=dict(endpoint.settings),
        secrets={name: (value,) for name, value in endpoint.secrets.items()},
    )


def _theirs(endpoint: Endpoint, url: str) -> AtProvider:
    return AtProvider(
        endpoint.account_id,
        endpoint.provider,
        endpoint.address,
        settings=endpoint.settings,
        secrets=endpoint.secrets,
        webhooks=(f"{url}{endpoint.hook}",),
    )
