"""A chat account, a visitor, and their lines in memory, for unit tests of web chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf.message import Message

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.model import Channel, Kind, Progress
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.admission import Admission
from services.intake.shell.attachment_links import AttachmentLinks
from services.intake.shell.chat.hub import Hub
from services.intake.shell.chat.limits import Buckets
from services.intake.shell.chat.lines import PAGE, Line, LineStore
from services.intake.shell.chat.sessions import Session, SessionTokens, begun
from services.intake.shell.chat.standing import Limits, Parts, Standing
from services.intake.shell.chat.uploads import Uploads
from services.intake.shell.reception import Reception
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake.doors import account
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailroom.reading import Room

ID = "shop"
SITE = "https://shop.example"
KEY = bytes(range(32))
IDENTITY_KEY = "0123456789abcdef" * 4
VISITOR = "v-1"
FILE_BYTES_MAX = 3 * 1024 * 1024


def chat_account(**changes: Any) -> Account:
    """An account for the pages of `SITE`."""
    given: dict[str, Any] = {
        "account_id": ID,
        "channel": Channel.CHAT,
        "provider": "web_chat",
        "address": "shop",
        "settings": {"allowed_origins": f"https://other.example/ {SITE}"},
        "secrets": {"identity_key": (IDENTITY_KEY, "the-key-before-of-thirty-two-letters")},
    }
    return account(**given | changes)


def line(number: int, *, kind: Kind = Kind.REPLY, text: str = "") -> Line:
    """One line."""
    named = f"id-{number}" if kind is Kind.INBOUND else ""
    return Line(number, f"m-{number}", kind, text or f"text {number}", NOON_MS, named, ())


class Written(LineStore):
    """The lines of one visitor, and who is whom, in memory; `away` as Postgres may be."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.progress: dict[str, Progress] = {}
        self.persons: dict[str, str] = {}
        self.away = False

    def add(self, kind: Kind = Kind.REPLY) -> None:
        """One more."""
        self.lines.append(line(len(self.lines) + 1, kind=kind))

    async def after(self, session: Session, number: int) -> Sequence[Line]:
        self._check()
        return [each for each in self.lines if each.number > number][:PAGE]

    async def before(self, session: Session, number: int) -> Sequence[Line]:
        self._check()
        return [each for each in self.lines if each.number < number][-PAGE:]

    async def behind(self, session: Session, number: int, progress: Progress) -> Sequence[str]:
        self._check()
        done = {Progress.READ, progress}
        ours = [each for each in self.lines if each.kind is not Kind.INBOUND]
        ids = [each.message_id for each in ours if each.number <= number]
        return [each for each in ids if self.progress.get(each) not in done]

    async def seen(self, session: Session) -> int:
        self._check()
        return 0

    async def is_named(self, session: Session) -> bool:
        self._check()
        return session.visitor_id in self.persons.values()

    async def visitor_of(self, account: Account, home_id: str, offered: str) -> str | None:
        self._check()
        if offered not in self.persons.values():
            self.persons.setdefault(home_id, offered)
        return self.persons.get(home_id)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("away")


@dataclass
class World:
    """What is around one connection."""

    lines: Written = field(default_factory=Written)
    account: Account | None = field(default_factory=chat_account)
    accounts_away: bool = False
    bus_away: bool = False
    requests_open_max: int = 100
    published: list[Any] = field(default_factory=list)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    time_ms: int = NOON_MS

    def now_ms(self) -> int:
        return self.time_ms

    async def publish(self, topic: str, key: str, message: Message) -> None:
        if self.bus_away:
            raise BusUnavailable("away")
        self.published.append(message)

    async def read(self, account_id: str) -> Account | None:
        if self.accounts_away:
            raise StoreUnavailable("away")
        return self.account

    def parts(self, hub: Hub, metrics: IntakeMetrics) -> Parts:
        """What connections share; tests set the pace themselves."""
        room = Room()
        slow = [Buckets(burst=n, per_second=1, monotonic=self._seconds) for n in (50, 3, 2, 40)]
        return Parts(
            accounts=AccountBook(self, monotonic=self._seconds),
            reception=Reception(
                bus=self, clock=self, metrics=metrics, opener=room.opener, filing=room.filing
            ),
            admission=Admission(self.requests_open_max, metrics),
            lines=self.lines,
            hub=hub,
            tokens=SessionTokens([KEY]),
            links=AttachmentLinks([KEY], "https://desk.example"),
            uploads=Uploads(self.blobs, [KEY], bytes_max=FILE_BYTES_MAX),
            clock=self,
            metrics=metrics,
            limits=Limits(*slow),
        )

    def standing(self, session: Session | None = None) -> Standing:
        """A session that lasts."""
        metrics = IntakeMetrics(Catalogue("intake"), self)
        tail: Any = None  # nobody listens in these tests
        hub = Hub(tail, background=Background(), metrics=metrics, connections_max=10)
        opened = session or begun(ID, VISITOR, now_ms=NOON_MS)
        return Standing(opened, chat_account(), self.parts(hub, metrics))

    def _seconds(self) -> float:
        return self.time_ms / 1000


def said(frame: str) -> Any:
    """What a frame says."""
    return orjson.loads(frame)
