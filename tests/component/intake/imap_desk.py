"""An IMAP door with a bus, an account and a mailbox's place as a test wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from google.protobuf.message import Message

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.blobs import digest_of, reference_of
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.filing import Filing
from services.intake.shell.mailroom.imap_door import ImapDoor, Polling
from services.intake.shell.mailroom.mailbox_store import Lease
from services.intake.shell.mailroom.opening import MailOpener
from services.intake.shell.reception import Reception
from tests.support.memory_blobs import MemoryBlobs
from tests.support.pymap import HOST, PASSWORD, USER, ImapServer
from tests.support.waiting import until
from tests.unit.intake.mailboxes import ACCOUNT, mailbox
from tests.unit.intake.mailroom.reading import Reader

LOOPBACK = (ip_network("127.0.0.0/8"),)
EVERY_SECONDS = 0.05


@dataclass
class Desk:
    """A bus that can be away, and one mailbox's place, which only its holder may move."""

    account: Account | None
    bus_is_away: bool = False
    leases_are_away: bool = False
    place: tuple[int, int] = (0, 0)
    holder: str = ""
    errors: list[str] = field(default_factory=list)
    failures: int = 0
    published: list[Any] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    taking: int = 0
    waits: list[float] = field(default_factory=list)
    claims: int = 0

    async def publish(self, topic: str, key: str, message: Message) -> None:
        self.taking += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.bus_is_away:
            raise BusUnavailable("away")
        self.published.append(message)

    async def read(self, account_id: str) -> Account | None:
        return self.account

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        self.unread.append(reason)
        return reference_of(digest_of(raw))

    async def claim(self, holder: str, *, limit: int) -> Sequence[Lease]:
        self.claims += 1
        if self.leases_are_away:
            raise StoreUnavailable("away")
        if self.holder:
            return []
        self.holder = holder
        return [Lease(ACCOUNT, holder, *self.place, self.failures)]

    async def renew(self, lease: Lease) -> bool:
        return lease.holder == self.holder

    async def advance(self, lease: Lease, validity: int, last_uid: int) -> bool:
        if lease.holder == self.holder:
            self.place = (validity, last_uid)
        return lease.holder == self.holder

    async def release(self, lease: Lease, *, due_seconds: float, failures: int, error: str) -> None:
        self.errors.append(error)
        self.waits.append(due_seconds)
        self.failures = failures
        if lease.holder == self.holder:
            self.holder = ""

    def texts(self) -> list[str]:
        said = (each for each in self.published if each.HasField("inbound_message"))
        return [each.inbound_message.text for each in said]

    async def polled(self, times: int = 1) -> None:
        """Wait until it was looked into as often once more."""
        have = len(self.errors)
        await until(lambda: len(self.errors) >= have + times, what="a look into the mailbox")


def account_at(server: ImapServer | int, **settings: str) -> Account:
    at = ImapServer(server) if isinstance(server, int) else server
    found = {"host": HOST, "port": str(at.port), "username": USER, "tls": "none"}
    found |= {"mailbox": at.folder} | settings
    return mailbox("imap", settings=found, secrets={"password": (PASSWORD,)})


@asynccontextmanager
async def door_of(desk: Desk, networks: Any = LOOPBACK) -> AsyncIterator[ImapDoor]:
    """The door, polling as fast as it can."""
    clock, blobs = SystemClock(), MemoryBlobs()
    metrics = IntakeMetrics(Catalogue("intake"), clock)
    reception = Reception(
        bus=desk,
        clock=clock,
        metrics=metrics,
        opener=MailOpener(Reader(), desk),
        filing=Filing(blobs),
    )
    door = ImapDoor(
        Polling(EVERY_SECONDS, networks),
        leases=desk,
        accounts=AccountBook(desk),
        reception=reception,
        clock=clock,
        metrics=metrics.mail,
        background=Background(),
    )
    await door.start()
    yield door
    await door.stop()
