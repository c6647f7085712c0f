"""What all connections share, and whether one of them may go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import Clock
from services.intake.core.account import Account
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.admission import Admission
from services.intake.shell.attachment_links import AttachmentLinks
from services.intake.shell.chat import frames
from services.intake.shell.chat.hub import Hub
from services.intake.shell.chat.limits import Buckets
from services.intake.shell.chat.lines import Line, LineStore
from services.intake.shell.chat.sessions import Session, SessionTokens
from services.intake.shell.chat.uploads import Uploads
from services.intake.shell.reception import Reception


class Close(IntEnum):
    """Why we close. Below 4000 as RFC 6455 and IANA have it."""

    NOT_TEXT = 1003
    RESTART = 1012  # come again, to another process
    TRY_LATER = 1013
    UNREADABLE = 4400
    SIGNED_OUT = 4401  # the token opens nothing (any more): ask for a session
    NO_ACCOUNT = 4403
    NO_HELLO = 4408
    TOO_MANY = 4409  # connections of this visitor
    TOO_FAST = 4429


class Ended(Exception):
    """The connection is to be closed."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a visitor may go on, and all of an account together, in each process."""

    frames: Buckets = field(default_factory=lambda: Buckets(burst=60, per_second=20))
    messages: Buckets = field(default_factory=lambda: Buckets(burst=10, per_second=1))
    pages: Buckets = field(default_factory=lambda: Buckets(burst=10, per_second=1))
    of_account: Buckets = field(default_factory=lambda: Buckets(burst=500, per_second=100))
    pieces: Buckets = field(default_factory=lambda: Buckets(burst=60, per_second=1))
    pieces_of_account: Buckets = field(default_factory=lambda: Buckets(burst=300, per_second=5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all connections of a process share."""

    accounts: AccountBook
    reception: Reception
    admission: Admission
    lines: LineStore
    hub: Hub
    tokens: SessionTokens
    links: AttachmentLinks
    uploads: Uploads
    clock: Clock
    metrics: IntakeMetrics
    limits: Limits = field(default_factory=Limits)


class Standing:
    """One session on its account, while it lasts."""

    def __init__(self, session: Session, account: Account, parts: Parts) -> None:
        self.session = session
        self.parts = parts
        self._account = account

    @property
    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self.parts.clock.now_ms()

    @property
    def left_s(self) -> float:
        """Until the widget needs another token."""
        return max(0.0, (self.session.renew_at_ms - self.now_ms) / 1000)

    def shown(self, line: Line) -> str:
        """The frame of a line, with addresses of its files."""
        tenant_id, now_ms = self._account.tenant_id, self.now_ms
        urls = [
            self.parts.links.address(tenant_id, each, from_ms=now_ms) for each in line.attachments
        ]
        return frames.message(line, urls)

    async def check(self) -> None:
        """Raise `Ended` if the connection is to end."""
        if self.now_ms >= self.session.expires_at_ms:
            raise Ended(Close.SIGNED_OUT)
        if self.parts.hub.draining or self.now_ms >= self.session.renew_at_ms:
            raise Ended(Close.RESTART)
        await self.account()

    async def account(self) -> Account:
        """The account as it is now; one that cannot be read is as it was. Raises `Ended`."""
        try:
            found = await self.parts.accounts.get(self._account.account_id)
        except StoreUnavailable:
            return self._account
        if found is None or not found.enabled or found.provider != self._account.provider:
            raise Ended(Close.NO_ACCOUNT)
        self._account = found
        return found
