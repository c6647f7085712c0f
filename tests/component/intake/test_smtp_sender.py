"""The way out over SMTP, to a real relay: what it is handed, and what each end means."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt, Sighting
from services.intake.shell.channels import smtp_sender
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.channels.smtp_sender import SmtpSender
from tests.support import certificates
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.mailboxes import GRETE, OURS, SENT, mailbox, outgoing

HOST = "127.0.0.1"
LOOPBACK = (ip_network("127.0.0.0/8"),)
PASSWORD = "a-relay-password"
OTTO = "otto@example.org"


@dataclass
class Relay:
    """A mail server that answers as a test wants: by command, a reply; "" hangs up."""

    replies: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return await self._reply(server, "MAIL") or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        refused = await self._reply(server, "RCPT") or self.replies.get(address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await self._reply(server, "DATA")
        if reply is None:
            self.taken.append(envelope)
            self.secured.append(session.ssl is not None)
        elif not reply:
            self.taken.append(envelope)  # and nobody hears of it
        return reply or "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mech: str, given: Any) -> Any:
        assert isinstance(given, LoginPassword)
        self.logins.append(given.login.decode())
        return AuthResult(success=given.password.decode() == PASSWORD, handled=False)

    async def _reply(self, server: SMTP, command: str) -> str | None:
        reply = self.replies.get(command)
        if reply == "":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply

    def mail(self) -> Any:  # no property: aiosmtpd looks at them all
        (envelope,) = self.taken
        assert isinstance(envelope.content, bytes)
        return message_from_bytes(envelope.content, policy=default)


@asynccontextmanager
async def listening(
    relay: Relay, *, tls: ssl.SSLContext | None = None, from_the_start: bool = False
) -> AsyncIterator[None]:
    def made() -> SMTP:
        return SMTP(
            relay,
            loop=asyncio.get_running_loop(),
            hostname="relay.example",
            tls_context=None if from_the_start else tls,
            auth_require_tls=False,
            authenticator=relay.authenticate,
        )

    server = await asyncio.get_running_loop().create_server(
        made, HOST, 0, ssl=tls if from_the_start else None
    )
    relay.port = server.sockets[0].getsockname()[1]
    yield
    server.close()


def account_at(port: int, **settings: str) -> Account:
    found = {"smtp_host": HOST, "smtp_port": str(port), "smtp_tls": "none"} | settings
    return mailbox(settings=found)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    opened = Relay()
    async with listening(opened):
        yield opened


@pytest.fixture
async def sender() -> AsyncIterator[SmtpSender]:
    async with aiohttp.ClientSession() as session:
        yield SmtpSender(SendingContext(session, PUBLIC_URL, {}, networks=LOOPBACK))


async def test_a_mail_is_handed_over(relay: Relay, sender: SmtpSender) -> None:
    dispatch = outgoing(participants=(OTTO,), text="On its way.\n.\n..x\n")
    report = await sender.send(dispatch, account_at(relay.port))
    assert report == ReportAttempt(
        SENT,
        2,
        Answer.ACCEPTED,
        provider_message_id=f"{SENT}@desk.example",
        contact=Contact.ANSWERED,
    )
    (envelope,) = relay.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == (OURS, [GRETE, OTTO])
    assert (relay.mail()["To"], relay.mail()["Cc"]) == (GRETE, OTTO)
    assert relay.mail().get_content().split() == ["On", "its", "way.", ".", "..x"]
    assert relay.logins == []


async def test_an_account_with_a_password_logs_in(relay: Relay, sender: SmtpSender) -> None:
    named = account_at(relay.port, smtp_username="relay-user")
    for account, user in ((named, "relay-user"), (account_at(relay.port), OURS)):
        known = replace(account, secrets={"smtp_password": (PASSWORD, "the-one-before")})
        assert (await sender.send(outgoing(), known)).answer is Answer.ACCEPTED
        assert relay.logins[-1] == user
        stranger = replace(account, secrets={"smtp_password": ("wrong",)})
        report = await sender.send(outgoing(), stranger)
        assert (report.answer, report.reason) == (Answer.REFUSED, "smtp_535_5.7.8")


async def test_a_refused_copy_does_not_stop_the_mail(relay: Relay, sender: SmtpSender) -> None:
    relay.replies[OTTO] = "550 5.1.1 no such mailbox"
    report = await sender.send(outgoing(participants=(OTTO,)), account_at(relay.port))
    assert report.answer is Answer.ACCEPTED
    assert relay.taken[0].rcpt_tos == [GRETE]


A, C = Answer, Contact
ENDS = [
    ("MAIL", "421 4.3.2 shutting down", A.NOT_ACCEPTED, C.THROTTLED, "smtp_421_4.3.2"),
    ("MAIL", "452 4.3.1 disk full", A.NOT_ACCEPTED, C.THROTTLED, "smtp_452_4.3.1"),
    ("MAIL", "550 5.7.1 not you", A.REFUSED, C.ANSWERED, "smtp_550_5.7.1"),
    ("RCPT", "450 4.2.1 mailbox busy", A.NOT_ACCEPTED, C.ANSWERED, "smtp_450_4.2.1"),
    ("RCPT", "451 4.7.1 greylisted", A.NOT_ACCEPTED, C.THROTTLED, "smtp_451_4.7.1"),
    ("RCPT", "550 5.1.1 <grete@example.org> unknown", A.REFUSED, C.ANSWERED, "smtp_550_5.1.1"),
    ("RCPT", "550 unknown", A.REFUSED, C.ANSWERED, "smtp_550"),
    ("DATA", "451 4.3.0 try again", A.NOT_ACCEPTED, C.THROTTLED, "smtp_451_4.3.0"),
    ("DATA", "554 5.7.1 spam", A.REFUSED, C.ANSWERED, "smtp_554_5.7.1"),
    ("MAIL", "", A.NOT_ACCEPTED, C.UNREACHABLE, "SMTPServerDisconnected"),
    ("RCPT", "", A.NOT_ACCEPTED, C.UNREACHABLE, "SMTPServerDisconnected"),
    ("DATA", "", A.UNKNOWN, C.UNREACHABLE, "SMTPServerDisconnected"),
]


@pytest.mark.parametrize(("command", "reply", "answer", "contact", "reason"), ENDS)
async def test_what_each_end_means(
    relay: Relay,
    sender: SmtpSender,
    command: str,
    reply: str,
    answer: Answer,
    contact: Contact,
    reason: str,
) -> None:
    """RFC 5321, 4.2.1: 4yz is nothing done, 5yz for good; no answer to the data is neither."""
    relay.replies[command] = reply
    report = await sender.send(outgoing(), account_at(relay.port))
    assert (report.answer, report.contact, report.reason) == (answer, contact, reason)


async def test_a_relay_that_is_not_there_has_taken_nothing(sender: SmtpSender) -> None:
    report = await sender.send(outgoing(), account_at(1))
    assert (report.answer, report.contact) == (Answer.NOT_ACCEPTED, Contact.UNREACHABLE)


async def test_a_relay_that_falls_silent_after_the_data_may_have_taken_it(
    sender: SmtpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_sender, "DATA_SECONDS", 0.3)
    silent = asyncio.Event()
    relay = Relay()

    async def never(*_: Any) -> str:
        await silent.wait()
        return "250 OK"

    relay.handle_DATA = never  # type: ignore[method-assign, assignment] # for this one test
    async with listening(relay):
        report = await sender.send(outgoing(), account_at(relay.port))
        silent.set()
    assert (report.answer, report.reason) == (Answer.UNKNOWN, "SMTPReadTimeoutError")


async def test_nobody_can_be_asked_for_it(sender: SmtpSender) -> None:
    report = await sender.look_up(outgoing(), account_at(1), known_ids=frozenset())
    assert report.sighting is Sighting.ABSENT


WRONG: list[tuple[Callable[[int], Account], str]] = [
    (lambda port: account_at(port, smtp_host=""), "host_missing"),
    (lambda port: account_at(port, smtp_host="192.168.3.4"), "address_not_public"),
    (lambda port: account_at(port, smtp_host="192.0.9.1"), "tls_required"),
    (lambda port: account_at(0), "port_wrong"),
    (lambda port: account_at(port, smtp_tls="perhaps"), "tls_wrong"),
]


@pytest.mark.parametrize(("account", "reason"), WRONG)
async def test_what_must_not_be_reached_is_not(
    relay: Relay, sender: SmtpSender, account: Callable[[int], Account], reason: str
) -> None:
    report = await sender.send(outgoing(), account(relay.port))
    assert (report.answer, report.reason) == (Answer.REFUSED, reason)
    assert report.contact is Contact.NOT_CALLED


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_tls_is_spoken_with_whom_the_certificate_names(
    sender: SmtpSender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    certificate = certificates.made(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    relay = Relay()
    async with listening(relay, tls=context, from_the_start=tls == "implicit"):
        account = account_at(relay.port, smtp_tls=tls)
        stranger = await sender.send(outgoing(), account)
        assert (stranger.answer, stranger.contact) == (A.NOT_ACCEPTED, C.UNREACHABLE)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        assert (await sender.send(outgoing(), account)).answer is Answer.ACCEPTED
        if tls == "starttls":
            assert relay.secured == [True]


async def test_nothing_is_said_in_the_clear_where_tls_is_wanted(
    relay: Relay, sender: SmtpSender
) -> None:
    account = replace(
        account_at(relay.port, smtp_tls="starttls"), secrets={"smtp_password": (PASSWORD,)}
    )
    report = await sender.send(outgoing(), account)
    assert report.answer is Answer.NOT_ACCEPTED
    assert (relay.logins, relay.taken) == ([], [])
