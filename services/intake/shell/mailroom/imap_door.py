"""Takes mail in from mailboxes that are polled over IMAP.

A mail is handed over, and only when it is durable is it marked as read, and is our place in the
mailbox written down. A crash in between brings it again, and again it is the same message. Of a
mailbox that we have never read, what is unread counts; after that everything that comes, so that
nothing is missed because a person has looked into the mailbox before us.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import structlog

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.lifecycle import Background
from services.intake.core.account import Account
from services.intake.metrics import MailMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.channels.protocol import Envelope, RawMail, Unread
from services.intake.shell.destinations import Forbidden
from services.intake.shell.mailroom.mailbox_store import Lease
from services.intake.shell.mailroom.servers import Network, Tls, address_of, server_of
from services.intake.shell.reception import NOT_NOW, Reception

if TYPE_CHECKING:
    from services.intake.shell.mailroom.imap_mailbox import Login, Mailbox

AT_ONCE_MAX: Final = 4
TICK_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 6.0
HANG_UP_SECONDS: Final = 1.0
BACKOFF_SECONDS_MAX: Final = 900.0
IMAPS_PORT: Final = 993
INBOX: Final = "INBOX"
TOO_LARGE: Final = Unread("too_large")

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Leases(Protocol):
    """Who reads which mailbox (`mailbox_store.py`). Every call raises `StoreUnavailable`."""

    async def claim(self, holder: str, *, limit: int) -> Sequence[Lease]:
        """Mailboxes that are ours now."""

    async def renew(self, lease: Lease) -> bool:
        """Whether it is still ours."""

    async def advance(self, lease: Lease, validity: int, last_uid: int) -> bool:
        """Write down our place; whether it is still ours."""

    async def release(self, lease: Lease, *, due_seconds: float, failures: int, error: str) -> None:
        """Give it back for a while."""


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a mailbox is looked into, and which networks beside the public one it may be in."""

    every_seconds: float
    networks: tuple[Network, ...]


class Lost(Exception):
    """The lease is somebody else's by now."""


class ImapDoor:
    """A component. Of several processes, one reads a mailbox at a time."""

    name = "imap"

    def __init__(
        self,
        polling: Polling,
        *,
        leases: Leases,
        accounts: AccountBook,
        reception: Reception,
        clock: Clock,
        metrics: MailMetrics,
        background: Background,
    ) -> None:
        self._polling = polling
        self._leases = leases
        self._accounts = accounts
        self._reception = reception
        self._clock = clock
        self._metrics = metrics
        self._background = background
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="imap")
        self._polls: set[asyncio.Task[None]] = set()
        self._open: set[Mailbox] = set()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin, if mailboxes are to be polled at all."""
        if self._polling.every_seconds > 0:
            self._loop = self._background.spawn(self._serve(), name="imap")

    async def stop(self) -> None:
        """Finish the mails that are being taken; what is left unread comes again."""
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
        if self._polls:
            await asyncio.wait(self._polls, timeout=DRAIN_SECONDS)
        for mailbox in self._open:
            mailbox.hang_up()
        for poll in self._polls:
            poll.cancel()
        if self._polls:
            await asyncio.wait(self._polls, timeout=HANG_UP_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _serve(self) -> None:
        while True:
            free = AT_ONCE_MAX - len(self._polls)
            try:
                leases = await self._leases.claim(self._holder, limit=free) if free else ()
            except StoreUnavailable:
                leases = ()
            for lease in leases:
                poll = self._background.spawn(self._poll(lease), name="imap poll")
                self._polls.add(poll)
                poll.add_done_callback(self._polls.discard)
            await asyncio.sleep(TICK_SECONDS)

    async def _poll(self, lease: Lease) -> None:
        """Look into a mailbox once, and say when to do so again."""
        error = await self._outcome(lease)
        self._metrics.polls.labels(error or "ok").inc()
        failures = lease.failures + 1 if error else 0
        wait_s = self._polling.every_seconds
        if failures:
            log.warning("mailbox_poll_failed", account_id=lease.account_id, reason=error)
            wait_s = min(wait_s * 2 ** min(failures, 10), max(wait_s, BACKOFF_SECONDS_MAX))
        wait_s *= random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        try:
            await self._leases.release(lease, due_seconds=wait_s, failures=failures, error=error)
        except StoreUnavailable:
            log.warning("mailbox_not_released", account_id=lease.account_id)  # it will expire

    async def _outcome(self, lease: Lease) -> str:
        """Empty where all went well, else why not. What a server says is not repeated."""
        try:
            account = await self._accounts.get(lease.account_id)
            if account is None or not account.enabled:
                return "account_disabled"
            await self._read(account, lease)
        except Forbidden as never:
            return never.reason
        except NOT_NOW:
            return "not_taken"
        except Lost:
            return "lease_lost"
        except _imap().FAILURES as failure:
            return "login_refused" if _imap().is_refusal(failure) else "server_failed"
        except Exception:
            log.exception("mailbox_poll_broke", account_id=lease.account_id)
            return "poll_broke"
        return ""

    async def _read(self, account: Account, lease: Lease) -> None:
        login = _login(account)
        address = await address_of(login.server, self._polling.networks)
        mailbox: Mailbox = await self._in_thread(_imap().Mailbox, login, address)
        self._open.add(mailbox)
        try:
            if mailbox.validity == lease.validity:
                await self._read_new(mailbox, account, lease)
            else:
                await self._read_first(mailbox, account, lease)
        finally:
            self._open.discard(mailbox)
            await self._in_thread(mailbox.close)

    async def _read_first(self, mailbox: Mailbox, account: Account, lease: Lease) -> None:
        """Take what is unread; our place is written down once that is all done."""
        last_uid = await self._in_thread(mailbox.last_uid)
        for uid in await self._in_thread(mailbox.unseen):
            if self._stopping:
                return
            await self._take(uid, mailbox, account)
            _check(held=await self._leases.renew(lease))
        _check(held=await self._leases.advance(lease, mailbox.validity, last_uid))

    async def _read_new(self, mailbox: Mailbox, account: Account, lease: Lease) -> None:
        for uid in await self._in_thread(mailbox.after, lease.last_uid):
            if self._stopping:
                return
            await self._take(uid, mailbox, account)
            _check(held=await self._leases.advance(lease, mailbox.validity, uid))

    async def _take(self, uid: int, mailbox: Mailbox, account: Account) -> None:
        """Hand a mail over, and then mark it. One that is too large is left as it is."""
        fetched = await self._in_thread(mailbox.fetch, uid)
        if fetched is None:
            return  # somebody has deleted it
        if fetched.is_too_large:
            await self._reception.take([TOO_LARGE], account)
            return
        now_ms = self._clock.now_ms()
        at_ms = min(fetched.arrived_at_ms or now_ms, now_ms)
        await self._reception.take([RawMail(fetched.raw, Envelope(at_ms))], account)
        if not await self._in_thread(mailbox.settle, uid):
            log.warning("mail_not_marked", account_id=account.account_id)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _imap() -> Any:
    """What speaks IMAP: 2 MB, for whoever has a mailbox."""
    from services.intake.shell.mailroom import imap_mailbox

    return imap_mailbox


def _check(*, held: bool) -> None:
    if not held:
        raise Lost


def _login(account: Account) -> Login:
    settings = account.settings
    login: Login = _imap().Login(
        server=server_of(settings, prefix="", port=IMAPS_PORT, tls=Tls.IMPLICIT),
        username=settings.get("username", "") or account.address,
        password=account.key("password"),
        mailbox=settings.get("mailbox", "") or INBOX,
        processed=settings.get("processed_folder", ""),
    )
    return login
