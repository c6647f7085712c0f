"""Opens mails: reads them where they can do no harm, and tells what they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from services.intake.core.account import Account
from services.intake.shell.channels.leftovers import leftover
from services.intake.shell.channels.protocol import (
    Arrived,
    Mailed,
    MailParts,
    Opened,
    RawMail,
    Unread,
)
from services.intake.shell.mail.mail import BadMail, Mail, MailFile
from services.intake.shell.mailroom.arriving import NO_SENDER, arriving
from services.intake.shell.mailroom.originals import original_of, unread_original_of
from services.intake.shell.mailroom.reports import reports

UNREADABLE: Final = "unreadable_mail"


class Reading(Protocol):
    """Who reads mails (`mail/sandbox.py`). Both raise `BadMail`, `ReaderUnavailable`."""

    async def read(self, raw: bytes) -> Mail:
        """The mail of these bytes."""

    async def compose(
        self, headers: Iterable[tuple[str, str]], text: str, html: str, files: Sequence[MailFile]
    ) -> Mail:
        """The mail of these parts."""


class Parking(Protocol):
    """Who sets aside what becomes no message (`parking.py`)."""

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        """Keep it; says where. Raises `StoreUnavailable`."""


class MailOpener:
    """Makes of each mail what the reception takes in."""

    def __init__(self, reader: Reading, parking: Parking) -> None:
        self._reader = reader
        self._parking = parking

    async def opened(self, item: Mailed, account: Account) -> Sequence[Opened]:
        """The message that a mail is, and receipts that it brings.

        What cannot be read, or is from nobody, is set aside. Raises `StoreUnavailable`,
        `ReaderUnavailable`: then nothing is said of the mail.
        """
        try:
            mail = await self._read(item)
        except BadMail as bad:
            return [await self._parked(item, account, UNREADABLE, str(bad))]
        digest = await asyncio.to_thread(_digest, item)
        found = arriving(mail, item.envelope, account, digest=digest)
        if found == NO_SENDER:
            return [await self._parked(item, account, NO_SENDER.kind, "it has no sender")]
        if isinstance(found, Unread):
            return [found]
        original = await asyncio.to_thread(original_of, item, mail)
        message = Arrived(found.message, files=found.files, original=original)
        return [message, *reports(mail, account, at_ms=item.envelope.received_at_ms)]

    async def _read(self, item: Mailed) -> Mail:
        match item:
            case RawMail():
                return await self._reader.read(item.raw)
            case MailParts():
                files = [
                    MailFile(each.file_name, each.media_type, each.content, each.content_id)
                    for each in item.files
                ]
                return await self._reader.compose(item.headers, item.text, item.html, files)

    async def _parked(self, item: Mailed, account: Account, kind: str, why: str) -> Unread:
        """What operators are shown of a mail: why it is no message, and where it is kept."""
        raw = await asyncio.to_thread(unread_original_of, item)
        reference = await self._parking.park(account, raw, why)
        return leftover(kind, {"reason": why, "mail": reference})


def _digest(item: Mailed) -> str:
    """SHA-256 of all that came."""
    if isinstance(item, RawMail):
        return hashlib.sha256(item.raw).hexdigest()
    found = hashlib.sha256()
    for name, value in item.headers:
        found.update(f"{name}: {value}\n".encode("utf-8", "replace"))
    for text in (item.text, item.html):
        found.update(b"\x1f" + text.encode("utf-8", "replace"))
    for file in item.files:
        found.update(b"\x1f" + file.content)
    return found.hexdigest()
