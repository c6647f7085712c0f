"""Sends over SMTP, through the relay that an account names (RFC 5321, RFC 6409).

A relay answers for good at each step: what it has not taken with a 250 after the mail's last line
is not taken, unless that very answer is lost. Then nobody knows, and no relay can be asked; what
may still tell is a report on the mail, which names our id (`mailroom/reports.py`).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import ListsNothing, ended, unsent
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.destinations import Forbidden
from services.intake.shell.mailroom.letters import Letter, LetterWriter, Unsendable
from services.intake.shell.mailroom.mime import mime_of
from services.intake.shell.mailroom.servers import Server, Tls, address_of, server_of

SUBMISSION_PORT: Final = 587
PASSWORD: Final = "smtp_password"  # noqa: S105 - the name of a secret, not one
CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 10.0
DATA_SECONDS: Final = 60.0
QUIT_SECONDS: Final = 2.0
FILES_BYTES_MAX: Final = 15 * 1024 * 1024  # 20 MB as Base64, which most relays take
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_WAITS: Final = re.compile(r"4\.[37]\.")
"""The system's own state, and policy: RFC 3463, 3.4 and 3.8."""


@dataclass(frozen=True, slots=True)
class _Relay:
    """Where mails go, at the IP address that was checked, and how to get in."""

    server: Server
    address: str
    username: str
    password: str = field(repr=False)


class SmtpSender(ListsNothing):
    """The way out of `smtp` and `imap` accounts: one connection for each mail."""

    def __init__(self, context: SendingContext) -> None:
        self._networks = context.networks
        self._writer = LetterWriter(context, files_bytes_max=FILES_BYTES_MAX)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One transaction."""
        try:
            letter = await self._writer.written(dispatch, account)
            relay = await self._relay(account)
        except Unsendable as unsendable:
            return unsendable.report
        except Forbidden as never:
            return unsent(dispatch, never.reason)
        except OSError as error:
            return _unreached(dispatch, error)
        mime = await asyncio.to_thread(mime_of, letter, time.time_ns() // 1_000_000)
        client = _client(relay.server, letter)
        try:
            return await _transaction(client, dispatch, relay, letter, mime)
        finally:
            client.close()

    async def _relay(self, account: Account) -> _Relay:
        server = server_of(account.settings, prefix="smtp_", port=SUBMISSION_PORT, tls=Tls.STARTTLS)
        return _Relay(
            server,
            await address_of(server, self._networks),
            account.settings.get("smtp_username", "") or account.address,
            account.key(PASSWORD),
        )


async def _transaction(
    client: SMTP, dispatch: Dispatch, relay: _Relay, letter: Letter, mime: bytes
) -> ReportAttempt:
    """Hand the mail over. Whatever breaks before its data has certainly changed nothing."""
    try:
        await _introduced(client, relay)
        await _addressed(client, letter)
    except SMTPResponseException as refusal:
        return _refused(dispatch, refusal)
    except (SMTPException, OSError) as error:
        return _unreached(dispatch, error)
    try:
        await client.data(mime, timeout=DATA_SECONDS)
    except SMTPResponseException as refusal:
        return _refused(dispatch, refusal)
    except (SMTPException, OSError) as error:
        reason = type(error).__name__
        return ended(dispatch, Answer.UNKNOWN, reason, contact=Contact.UNREACHABLE)
    with suppress(SMTPException, OSError):
        await client.quit(timeout=QUIT_SECONDS)
    return ended(dispatch, Answer.ACCEPTED, provider_message_id=letter.message_id)


def _client(server: Server, letter: Letter) -> SMTP:
    return SMTP(
        hostname=server.host,
        local_hostname=letter.sender.rpartition("@")[2],
        use_tls=server.tls is Tls.IMPLICIT,
        start_tls=server.tls is Tls.STARTTLS,
        tls_context=ssl.create_default_context(),
        timeout=COMMAND_SECONDS,
    )


async def _introduced(client: SMTP, relay: _Relay) -> None:
    """Connect, and log in where there is a password."""
    await client.connect(sock=await _connected(relay.address, relay.server.port))
    if relay.password:
        await client.login(relay.username, relay.password)


async def _connected(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.settimeout(0)  # for the loop to wait on
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(plain, (address, port))
    except BaseException:
        plain.close()
        raise
    return plain


async def _addressed(client: SMTP, letter: Letter) -> None:
    """Name sender and recipients. What goes to the recipient goes without a refused copy, too."""
    await client.mail(letter.sender)
    await client.rcpt(letter.recipient)
    for copy in letter.copies:
        with suppress(SMTPRecipientRefused):
            await client.rcpt(copy)


def _refused(dispatch: Dispatch, refusal: SMTPResponseException) -> ReportAttempt:
    """5yz is for good, 4yz for now (RFC 5321, 4.2.1). What follows the code may hold addresses."""
    enhanced = _ENHANCED.match(refusal.message.strip())
    code = enhanced[1] if enhanced else ""
    reason = "_".join(filter(None, ("smtp", str(refusal.code), code)))
    if refusal.code >= 500:
        return ended(dispatch, Answer.REFUSED, reason)
    is_theirs = isinstance(refusal, SMTPRecipientRefused) and not _WAITS.match(code)
    contact = Contact.ANSWERED if is_theirs and refusal.code != 421 else Contact.THROTTLED
    return ended(dispatch, Answer.NOT_ACCEPTED, reason, contact=contact)


def _unreached(dispatch: Dispatch, error: Exception) -> ReportAttempt:
    reason = type(error).__name__
    return ended(dispatch, Answer.NOT_ACCEPTED, reason, contact=Contact.UNREACHABLE)
