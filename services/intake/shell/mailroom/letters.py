"""A message of ours as a mail: how it is called, whom it goes to, what it answers, what it carries.

Its Message-ID is our own id at the account's domain, so that every answer is known by it
(`core/identity.py`). Carriers that give mails another id leave References alone, where ours stands
too. Whoever's mail program keeps neither answers to an address that names the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import PLUS_ADDRESSING, SUBJECT_NUMBER, Account
from services.intake.core.blobs import digest_in
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.core.identity import conversation_token
from services.intake.core.model import Attachment, Kind
from services.intake.core.subjects import is_answer
from services.intake.shell.channels.calls import ended, unsent
from services.intake.shell.channels.mail_receipts import RECIPIENT as RECIPIENT_ID
from services.intake.shell.channels.mail_receipts import ids_of
from services.intake.shell.channels.outgoing import NO_FILE, File, with_links
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.mail.mail import MailFile
from services.intake.shell.mail.texts import one_line
from services.intake.shell.mailroom import markers
from services.intake.shell.mailroom.addressing import is_own, mailbox_of, own_addresses, tagged

REFERENCES_MAX: Final = 20
ID_CHARACTERS_MAX: Final = 250
SUBJECT_CHARACTERS_MAX: Final = 900
NAME_CHARACTERS_MAX: Final = 200
COPIES_MAX: Final = 50
BAD_RECIPIENT: Final = "recipient_not_a_mailbox"
BAD_ACCOUNT: Final = "account_address_not_a_mailbox"

_AUTOMATIC: Final = frozenset({Kind.AUTO_REPLY, Kind.SURVEY, Kind.NOTICE})
_ADDRESS: Final = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\U0010ffff]+@([^\s@<>()\[\],;:\\\"]+)"
)
"""Of the addresses there are, those that stand in a header as they are."""
_ID: Final = re.compile(rf"(?=.{{3,{ID_CHARACTERS_MAX}}}$)[!-;=?-~]+@[!-;=?-~]+")
"""An id that stands in a header as it is: what others have, and none that we have made up."""
_NUMBER: Final = re.compile(r"\s*\[#[a-z2-7]{26}\]", re.IGNORECASE)

Fields = tuple[tuple[str, str], ...]


class Unsendable(Exception):
    """It cannot go out, now or ever: `report` says which."""

    def __init__(self, report: ReportAttempt) -> None:
        super().__init__(report.reason)
        self.report = report


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail. No text of it but `text` has a line end; addresses are ASCII.

    `fields` are those beside From, To, Cc, Reply-To, Subject and Message-ID. `ids` are what
    providers are given to know it by.
    """

    message_id: str
    sender: str
    sender_name: str
    recipient: str
    copies: tuple[str, ...]
    reply_to: str
    subject: str
    fields: Fields
    text: str
    files: tuple[MailFile, ...] = field(repr=False)
    ids: tuple[tuple[str, str], ...]


class LetterWriter:
    """Writes the mails of one way out, which carries files of so many bytes in each."""

    def __init__(self, context: SendingContext, *, files_bytes_max: int) -> None:
        self._context = context
        self._files_bytes_max = files_bytes_max

    async def written(self, dispatch: Dispatch, account: Account) -> Letter:
        """The mail of a message, the same in every attempt. Raises `Unsendable`."""
        sender = next(iter(own_addresses(account)), "")
        if not _plain(sender):
            raise Unsendable(unsent(dispatch, BAD_ACCOUNT))
        recipient = _plain(mailbox_of(dispatch.recipient))
        if not recipient:
            raise Unsendable(unsent(dispatch, BAD_RECIPIENT))
        message_id = own_id(dispatch.message_id, sender)
        earlier = _earlier(dispatch)
        text, files = await self._enclosed(dispatch)
        return Letter(
            message_id=message_id,
            sender=_plain(sender),
            sender_name=one_line(account.display_name, NAME_CHARACTERS_MAX),
            recipient=recipient,
            copies=_copies(dispatch, account, recipient),
            reply_to=_reply_to(dispatch, account, _plain(sender)),
            subject=_subject(dispatch, account, answers=bool(earlier)),
            fields=_fields(dispatch, message_id, earlier),
            text=text,
            files=files,
            ids=tuple(ids_of(dispatch).items()),
        )

    async def _enclosed(self, dispatch: Dispatch) -> tuple[str, tuple[MailFile, ...]]:
        """The text and the files that go along; of those that do not fit, a link in the text."""
        linked, files, left = list[File](), list[MailFile](), self._files_bytes_max
        for attachment in dispatch.attachments:
            if attachment.size_bytes <= left and digest_in(attachment.reference):
                content = await self._content(dispatch, attachment)
                left -= len(content)
                files.append(MailFile(_name(attachment), _kind(attachment), content))
                continue
            url = self._context.link(dispatch, attachment)
            if url is None:
                raise Unsendable(unsent(dispatch, NO_FILE))
            linked.append(File(attachment, url))
        return with_links(dispatch.text, linked), tuple(files)

    async def _content(self, dispatch: Dispatch, attachment: Attachment) -> bytes:
        try:
            content = await self._context.content(dispatch.tenant_id, attachment)
        except StoreUnavailable:
            raise Unsendable(_later(dispatch, "files_unreadable")) from None
        if content is None:
            raise Unsendable(unsent(dispatch, NO_FILE))
        return content


def own_id(message_id: str, sender: str) -> str:
    """What a message of ours is called as a mail; without brackets."""
    return f"{message_id}@{_plain(sender).rpartition('@')[2]}"


def _later(dispatch: Dispatch, reason: str) -> ReportAttempt:
    return ended(dispatch, Answer.NOT_ACCEPTED, reason, contact=Contact.NOT_CALLED)


def _earlier(dispatch: Dispatch) -> Sequence[str]:
    """Ids of the mails before it, the oldest first; the last one is answered."""
    known = filter(None, (*dispatch.references, dispatch.in_reply_to))
    return [each for each in dict.fromkeys(known) if _ID.fullmatch(each)][-REFERENCES_MAX:]


def _plain(address: str) -> str:
    """An address as a header has it, its domain in ASCII (RFC 5890); empty where it cannot."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return ""
    try:
        domain = found[1].encode("idna").decode() if not found[1].isascii() else found[1]
    except UnicodeError:
        return ""
    return f"{address.rpartition('@')[0]}@{domain}"


def _copies(dispatch: Dispatch, account: Account, recipient: str) -> tuple[str, ...]:
    """Everybody else who has a part in it. What a program says goes to the customer alone."""
    if dispatch.kind in _AUTOMATIC:
        return ()
    named = (mailbox_of(each) for each in dispatch.participants)
    others = (_plain(each) for each in named if not is_own(account, each))
    return tuple(dict.fromkeys(each for each in others if each and each != recipient))[:COPIES_MAX]


def _reply_to(dispatch: Dispatch, account: Account, sender: str) -> str:
    """An own address that names the conversation; empty where the account does not want that."""
    if not account.says(PLUS_ADDRESSING, unless_stated=True):
        return ""
    try:
        return tagged(sender, conversation_token(dispatch.conversation_id))
    except ValueError:  # not one of our ids
        return ""


def _subject(dispatch: Dispatch, account: Account, *, answers: bool) -> str:
    subject = one_line(_NUMBER.sub("", dispatch.subject), SUBJECT_CHARACTERS_MAX)
    if answers and not is_answer(subject):
        subject = f"Re: {subject}".rstrip()
    if not account.says(SUBJECT_NUMBER):
        return subject
    try:
        return f"{subject} [#{conversation_token(dispatch.conversation_id)}]".lstrip()
    except ValueError:
        return subject


def _fields(dispatch: Dispatch, message_id: str, earlier: Sequence[str]) -> Fields:
    """What stands in its header for programs."""
    answered = (("In-Reply-To", f"<{earlier[-1]}>"),) if earlier else ()
    line = " ".join(f"<{each}>" for each in (*earlier, message_id))
    automatic = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
    return (
        *answered,
        ("References", line),
        *(automatic if dispatch.kind in _AUTOMATIC else ()),
        (markers.MESSAGE.title(), message_id),
        (markers.RECIPIENT.title(), ids_of(dispatch)[RECIPIENT_ID]),
    )


def _name(attachment: Attachment) -> str:
    return one_line(attachment.file_name, NAME_CHARACTERS_MAX) or "attachment"


def _kind(attachment: Attachment) -> str:
    kind = attachment.media_type.partition(";")[0].strip().lower()
    return kind if re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind) else "application/octet-stream"
