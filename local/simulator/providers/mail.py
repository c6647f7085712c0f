"""A mail relay: takes messages over SMTP from who logs in, and delivers them.

RFC 5321, RFC 4954 (AUTH), RFC 3463 (enhanced codes). A 4yz says that nothing was done, so where an
error comes after the effect, it is a connection that breaks before the 250.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import cast

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from local.simulator.account import Account, is_same
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Post
from local.simulator.provider import Desk, Journey

NAME = "mail"
HOSTNAME = "relay.example"
SIZE_BYTES_MAX = 25 * 1024 * 1024
LOGIN, PASSWORD = "smtp_username", "smtp_password"
THROTTLED = "450 4.7.1 Too many messages, try again later"
BROKEN = "451 4.3.0 Local error in processing"
STRANGER = "530 5.7.0 Authentication required"
UNREACHABLE = "550 5.1.1 The mailbox does not exist"
_AFTER = frozenset({"error_after", "drop_after"})


@dataclass(frozen=True)
class Mail:
    """The relay. Mail from customers comes in by other ways than a relay's."""

    desk: Desk
    journey = Journey(("sent",))

    def routes(self) -> Iterable[web.RouteDef]:
        """It has no HTTP API."""
        return ()

    def receipt(self, message: SentMessage) -> None:
        """A relay tells nothing but by mail."""

    def name_of_next(self, account: Account, person: str) -> str:
        """A Message-ID."""
        del account
        return f"<{secrets.token_hex(16)}@{person.rpartition('@')[2] or HOSTNAME}>"

    def inbound(self, written: Written, account: Account) -> Post | None:
        """A relay for outgoing mail brings nothing in."""
        del written, account
        return None

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Serve SMTP; port 0 takes a free one."""
        return await asyncio.get_running_loop().create_server(self._session, host, port)

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname=HOSTNAME,
            ident="ESMTP",
            data_size_limit=SIZE_BYTES_MAX,
            enable_SMTPUTF8=True,
            auth_require_tls=False,  # it is reached over loopback only
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        """Let an account in; `auth_data` is what the session is known by from then on."""
        del server, session, envelope, mechanism
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        login = given.login.decode("utf-8", "replace")
        account = self.desk.accounts.called(LOGIN, login)
        password = given.password.decode("utf-8", "replace")
        known = account is not None and is_same(account.secret(PASSWORD), password)
        return AuthResult(success=known, handled=False, auth_data=account)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a sender, from who has logged in."""
        del server
        if not session.authenticated:
            return STRANGER
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or say that there is none of that name."""
        del server, session
        if self.desk.faults().happens("undeliverable"):
            return UNREACHABLE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a message for all its recipients."""
        dice = self.desk.faults()
        fault = dice.call()
        if dice.happens("slow"):
            await asyncio.sleep(dice.faults.slow_ms / 1000)
        if fault == "throttle":
            return THROTTLED
        if fault == "error_before":
            return BROKEN
        if fault == "drop_before":
            return _hang_up(server)
        queue_id = secrets.token_hex(6).upper()
        for message in _messages(queue_id, envelope, cast("Account", session.auth_data)):
            self.desk.accept(message)
        return _hang_up(server) if fault in _AFTER else f"250 2.0.0 OK: queued as {queue_id}"


def _hang_up(server: SMTP) -> str:
    """Break the connection; the answer reaches nobody."""
    cast("asyncio.Transport", server.transport).abort()
    return BROKEN


def _messages(queue_id: str, envelope: Envelope, account: Account) -> Iterable[SentMessage]:
    """One message for each recipient."""
    mail = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
    names = ("Message-ID", "In-Reply-To", "References", "From", "To", "Subject")
    facts = {name: str(mail[name]) for name in names if mail[name] is not None}
    for number, recipient in enumerate(envelope.rcpt_tos):
        yield SentMessage(
            sid=f"{queue_id}/{number}",
            provider=NAME,
            account_id=account.account_id,
            sender=envelope.mail_from or "",
            recipient=recipient,
            body=_text(mail),
            created_ms=now_ms(),
            facts=facts,
        )


def _text(mail: EmailMessage) -> str:
    """What a reader of plain text sees, without the line end that mail always has."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    return str(part.get_content()).replace("\r\n", "\n").removesuffix("\n")
