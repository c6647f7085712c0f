"""Takes mail in over SMTP, from a relay that stands before us and keeps what we do not take.

250 is said once Kafka has the mail: what a relay was told is taken is not lost, and what it was not
told it brings again, and again it is the same message.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from aiosmtpd import smtp

from services.chassis.clock import Clock
from services.intake.metrics import MailMetrics
from services.intake.shell.accounts import AddressBook
from services.intake.shell.channels.protocol import Envelope, RawMail
from services.intake.shell.mailroom.smtp_session import (
    NOT_ALLOWED,
    TOO_MANY_CONNECTIONS,
    Connection,
    Delivered,
    Handler,
    Network,
    is_within,
)
from services.intake.shell.reception import Reception

HOST_NAME: Final = "switchboard"
DRAIN_SECONDS: Final = 6.0
COMMAND_SECONDS: Final = 120.0
"""From one command to the next, a mail and our answer to it included."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where mail servers knock, and what they may. Without a certificate there is no STARTTLS."""

    host: str
    port: int
    networks: tuple[Network, ...]
    connections_max: int
    mail_bytes_max: int
    certificate: str = ""
    key: str = ""
    command_seconds: float = COMMAND_SECONDS


class SmtpDoor:
    """A component."""

    name = "smtp"

    def __init__(
        self,
        doorway: Doorway,
        *,
        addresses: AddressBook,
        reception: Reception,
        clock: Clock,
        metrics: MailMetrics,
    ) -> None:
        self.port = doorway.port
        self._doorway = doorway
        self._reception = reception
        self._clock = clock
        self._handler = Handler(addresses, self._take, lambda code: metrics.smtp.labels(code).inc())
        self._connections: set[Connection] = set()
        self._taking = 0
        self._idle = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError where the address is taken. A port of 0 becomes the one taken."""
        smtp.log.disabled = True  # it would write down addresses
        loop = asyncio.get_running_loop()
        make = partial(
            Connection,
            self,
            self._handler,
            loop=loop,
            hostname=HOST_NAME,
            ident="ESMTP",
            data_size_limit=self._doorway.mail_bytes_max,
            enable_SMTPUTF8=True,
            timeout=self._doorway.command_seconds,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            tls_context=_tls(self._doorway),
        )
        self._server = await loop.create_server(make, self._doorway.host, self._doorway.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        log.info("listening", component=self.name, port=self.port)

    async def stop(self) -> None:
        """Let nobody in, answer for the mails that are being taken, then hang up."""
        if self._server is not None:
            self._server.close()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._taking:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("smtp_drain_timed_out", count=self._taking)
        for connection in list(self._connections):
            connection.hang_up()

    def refusal(self, peer: Any) -> bytes | None:
        """Strangers are sent away for good, whoever is one too many is to come again."""
        if not is_within(peer, self._doorway.networks):
            return NOT_ALLOWED
        full = len(self._connections) >= self._doorway.connections_max
        return TOO_MANY_CONNECTIONS if full else None

    def opened(self, connection: Connection) -> None:
        """One more."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """One less."""
        self._connections.discard(connection)

    async def _take(self, raw: bytes, delivered: Delivered) -> None:
        envelope = Envelope(self._clock.now_ms(), recipients=tuple(delivered.recipients))
        self._taking += 1
        try:
            await self._reception.take([RawMail(raw, envelope)], delivered.account)
        finally:
            self._taking -= 1
            self._idle.set()


def _tls(doorway: Doorway) -> ssl.SSLContext | None:
    if not doorway.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(doorway.certificate, doorway.key)
    return context
