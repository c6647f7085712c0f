"""Opens mails in this very process: its tests need no protection from what they write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.intake.core.account import Account
from services.intake.core.blobs import reference_of
from services.intake.shell.channels.protocol import Arrived, Envelope, Mailed, Opened, RawMail
from services.intake.shell.filing import Filing
from services.intake.shell.mail import reading
from services.intake.shell.mail.mail import Mail, MailFile
from services.intake.shell.mailroom.opening import MailOpener
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake.mailboxes import envelope, mailbox


class Reader:
    """The library without its processes."""

    async def read(self, raw: bytes) -> Mail:
        """Raises `BadMail`."""
        return reading.read(raw)

    async def compose(
        self, headers: Iterable[tuple[str, str]], text: str, html: str, files: Sequence[MailFile]
    ) -> Mail:
        """Raises `BadMail`."""
        return reading.composed(headers, text, html, files)


class Room:
    """A mailroom, and the files that it has kept."""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or mailbox()
        self.blobs = MemoryBlobs()
        self.parked: list[tuple[bytes, str]] = []
        self.opener = MailOpener(Reader(), self)
        self.filing = Filing(self.blobs)

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        """Keep what becomes no message."""
        assert account == self.account
        digest = await self.blobs.put(account.tenant_id, raw)
        self.parked.append((raw, reason))
        return reference_of(digest)

    async def opened(self, item: bytes | Mailed, told: Envelope | None = None) -> list[Opened]:
        """What a mail turns out to be; what arrived is filed."""
        mailed = RawMail(item, told or envelope()) if isinstance(item, bytes) else item
        found = await self.opener.opened(mailed, self.account)
        return [
            await self.filing.filed(each) if isinstance(each, Arrived) else each for each in found
        ]

    async def arrived(self, item: bytes | Mailed, told: Envelope | None = None) -> Arrived:
        """The message that a mail is."""
        (first, *_) = await self.opened(item, told)
        assert isinstance(first, Arrived), first
        return first

    def kept(self, reference: str) -> bytes:
        """A file of the account's tenant."""
        return self.blobs.held[self.account.tenant_id, reference.removeprefix("blob:")]
