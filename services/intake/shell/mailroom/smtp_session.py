"""One connection of a mail server that hands mails over: who may connect, and what it is told.

The protocol is aiosmtpd's. RFC 5321, with the enhanced codes of RFC 3463.
"""

from __future__ import annotations

from asyncio import BaseTransport, Transport
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, Protocol

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import Account
from services.intake.shell.accounts import AddressBook
from services.intake.shell.mailroom.addressing import mailbox_of
from services.intake.shell.reception import NOT_NOW

LINE_BYTES_MAX: Final = 64 * 1024
"""998 says the RFC (5322, 2.1.1), and a relay that has taken more can only hand it on as it is."""
RECIPIENTS_MAX: Final = 100

TAKEN: Final = "250 2.0.0 taken"
NOT_TAKEN_NOW: Final = "451 4.3.0 not taken, try again"
NO_SUCH_MAILBOX: Final = "550 5.1.1 no such mailbox"
NO_MAILBOX: Final = "553 5.1.3 not a mailbox"
TOO_MANY_RECIPIENTS: Final = "452 4.5.3 too many recipients"
TOO_MANY_CONNECTIONS: Final = b"421 4.3.2 too many connections, try again\r\n"
NOT_ALLOWED: Final = b"554 5.7.1 not for you\r\n"

Network = IPv4Network | IPv6Network

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Delivered:
    """An account, and the addresses of its that a mail is for."""

    account: Account
    recipients: list[str] = field(default_factory=list)


class Addressed(Envelope):
    """What is told before a mail, and whose its recipients are."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: dict[str, Delivered] = {}


class Taking(Protocol):
    """Who takes mails in. Raises one of `NOT_NOW`."""

    async def __call__(self, raw: bytes, delivered: Delivered) -> None:
        """Return once the mail is durable for this account."""


class Handler:
    """What aiosmtpd asks at each step; `count` is told how each ends."""

    def __init__(self, addresses: AddressBook, take: Taking, count: Callable[[str], None]) -> None:
        self._addresses = addresses
        self._take = take
        self._count = count

    async def handle_RCPT(
        self, _: SMTP, __: Session, envelope: Addressed, address: str, options: list[str]
    ) -> str:
        """Whether there is such a mailbox here."""
        reply = await self._recipient(envelope, address)
        if reply is not None:
            return self._counted(reply)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Addressed) -> str:
        """Take the mail in for each account that has a recipient; 250 is said for all or none.

        Where one of them fails, the others have it: when it comes again, they know it.
        """
        assert isinstance(envelope.content, bytes)
        raw = _return_path(envelope.mail_from or "") + envelope.content
        try:
            for delivered in envelope.delivered.values():
                await self._take(raw, delivered)
        except NOT_NOW:
            return self._counted(NOT_TAKEN_NOW)
        return self._counted(TAKEN)

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is no reason to give a mail back."""
        log.error("smtp_session_broke", exc_info=error)
        return self._counted(NOT_TAKEN_NOW)

    async def _recipient(self, envelope: Addressed, address: str) -> str | None:
        """Note whose it is; the reply where it is nobody's."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return TOO_MANY_RECIPIENTS
        normalised = mailbox_of(address)
        if not normalised:
            return NO_MAILBOX
        try:
            account = await self._found(normalised)
        except StoreUnavailable:
            return NOT_TAKEN_NOW
        if account is None:
            return NO_SUCH_MAILBOX
        delivered = envelope.delivered.setdefault(account.account_id, Delivered(account))
        delivered.recipients.append(normalised)
        return None

    async def _found(self, address: str) -> Account | None:
        """Whose mailbox it is, as it stands or without its tag."""
        account = await self._addresses.get(address)
        local, _, domain = address.rpartition("@")
        if account is None and "+" in local:
            account = await self._addresses.get(f"{local.partition('+')[0]}@{domain}")
        return account if account is not None and account.enabled else None

    def _counted(self, reply: str) -> str:
        self._count(reply[:3])
        return reply


class Connections(Protocol):
    """The connections of a door."""

    def refusal(self, peer: Any) -> bytes | None:
        """What to tell somebody who may not connect, or not now; None lets them in."""

    def opened(self, connection: Connection) -> None:
        """One more."""

    def closed(self, connection: Connection) -> None:
        """One less."""


class Connection(SMTP):
    """One connection."""

    line_length_limit = LINE_BYTES_MAX

    def __init__(self, connections: Connections, handler: Handler, **options: Any) -> None:
        super().__init__(handler, **options)
        self._connections = connections
        self._refused = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Let it in, or say why not and hang up. It is called again when TLS begins."""
        if self._original_transport is None:
            refusal = self._connections.refusal(transport.get_extra_info("peername"))
            if refusal is not None:
                assert isinstance(transport, Transport)
                self._refused = True
                transport.write(refusal)
                transport.close()
                return
            self._connections.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        if not self._refused:
            self._connections.closed(self)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """They have said all that they will."""
        return None if self._refused else super().eof_received()

    def data_received(self, data: bytes) -> None:
        """They go on; whoever is refused is not listened to."""
        if not self._refused:
            super().data_received(data)

    def hang_up(self) -> None:
        """End it, whatever it is doing: what was not answered comes again."""
        if self.transport is not None:
            self.transport.close()

    def _create_envelope(self) -> Addressed:
        return Addressed()


def is_within(peer: Any, networks: tuple[Network, ...]) -> bool:
    """Whether a peer is in one of the networks; an IPv4 address may come as an IPv6 one."""
    address = ip_address(str(peer[0]).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def _return_path(sender: str) -> bytes:
    """The field that whoever delivers a mail puts on top of it (RFC 5321, 4.4)."""
    bare = sender.strip("<>")  # the null one comes as `<>`
    return b"Return-Path: <" + bare.encode("utf-8", "surrogateescape") + b">\r\n"
