"""A street of doors: all of them on a real socket, the bus and the accounts as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from google.protobuf.message import Message

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import SystemClock
from services.chassis.health import Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.model import Channel as Medium
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.admission import Admission, WebhookGate
from services.intake.shell.channels.protocol import Channel
from services.intake.shell.channels.twilio_signature import sign
from services.intake.shell.filing import Filing
from services.intake.shell.http import Door, doorways
from services.intake.shell.mail.sandbox import MailReader
from services.intake.shell.mailroom.opening import MailOpener
from services.intake.shell.reception import Reception
from services.intake.shell.turning_away import gated
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake import voice, whatsapp
from tests.unit.intake.doors import FORM, PUBLIC_URL, SMS_PATH, TOKEN, account
from tests.unit.intake.whatsapp import business

WHATSAPP_PATH = whatsapp.PATH
FORM_PATH = "/forms/form-1"
POST = {"message_id": "0190aaaa-bbbb", "email": "grete@example.org", "text": "Where is it?"}


@dataclass
class Surroundings:
    """A bus and a store that can be away."""

    bus_is_away: bool = False
    store_is_away: bool = False
    published: list[tuple[str, str, Any]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    held: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def publish(self, topic: str, key: str, message: Message) -> None:
        self.held += 1
        await self.gate.wait()
        self.held -= 1
        if self.bus_is_away:
            raise BusUnavailable("away")
        self.published.append((topic, key, message))

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        raise AssertionError(f"no mail comes in these tests: {reason}")

    async def read(self, account_id: str) -> Account | None:
        if self.store_is_away:
            raise StoreUnavailable("away")
        web = {"channel": Medium.FORM, "provider": "web", "secrets": {}, "settings": self.settings}
        known = {
            "sms-berlin": account(settings={**account().settings, **self.settings}),
            "off": account(account_id="off", enabled=False),
            "wa-berlin": business(),
            voice.ACCOUNT: voice.line(settings={**voice.SETTINGS, **self.settings}),
            "form-1": account(account_id="form-1", **web),
            "form-2": account(account_id="form-2", **web | {"secrets": {"signing_key": ("k",)}}),
        }
        return known.get(account_id)


@dataclass
class Street:
    """What is in front of the doors."""

    around: Surroundings
    session: aiohttp.ClientSession
    base: str
    catalogue: Catalogue

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, str, Any]:
        """Post; gives status, body and headers."""
        async with self.session.post(self.base + path, data=body, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def twilio(
        self, form: dict[str, str], path: str = SMS_PATH, *, token: str = TOKEN
    ) -> tuple[int, str, Any]:
        """Post a form as Twilio does."""
        fields = {name: [value] for name, value in form.items()}
        signature = sign(url=PUBLIC_URL + path, form=fields, token=token)
        headers = {"content-type": FORM, "x-twilio-signature": signature}
        return await self.post(path, urlencode(form).encode(), **headers)

    async def form(self, post: Any, path: str = FORM_PATH) -> tuple[int, str, Any]:
        """Post a form as a page does."""
        return await self.post(path, orjson.dumps(post), **{"content-type": "application/json"})


@asynccontextmanager
async def street_of(
    channels: Iterable[Channel], *, requests_open_max: int = 200
) -> AsyncIterator[Street]:
    around, clock, blobs, reader = Surroundings(), SystemClock(), MemoryBlobs(), MailReader()
    catalogue = Catalogue("intake")
    metrics = IntakeMetrics(catalogue, clock)
    admission, channels = Admission(requests_open_max, metrics), list(channels)
    door = Door(
        accounts=AccountBook(around),
        reception=Reception(
            bus=around,
            clock=clock,
            metrics=metrics,
            opener=MailOpener(reader, around),
            filing=Filing(blobs),
        ),
        admission=admission,
        clock=clock,
        metrics=metrics,
        public_url=PUBLIC_URL,
    )
    app = build_app(health=Health(), catalogue=catalogue, routes=door.routes(channels))
    server = HttpServer(app, host="127.0.0.1", port=0, background=Background())
    server.speak(http=gated(WebhookGate(admission, doorways(channels), metrics)))
    await reader.start()
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Street(around, session, f"http://127.0.0.1:{server.port}", catalogue)
    finally:
        await server.stop()
        await reader.stop()
