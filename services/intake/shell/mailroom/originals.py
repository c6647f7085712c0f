"""A mail as it is kept: as it came, or put together anew where it must not be kept as it came."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from typing import Final

from services.intake.core.cards import MASK, masked
from services.intake.shell.channels.mail_fields import mailbox
from services.intake.shell.channels.protocol import Mailed, MailParts, RawMail
from services.intake.shell.mail.mail import Mail

_OF_THE_BODY: Final = frozenset({"content-type", "content-transfer-encoding", "mime-version"})
_POLICY: Final = SMTP.clone(utf8=True)
_MAY_BE_CARD: Final = re.compile(r"\d(?:[\W_]{0,8}\d){12}")
"""Most html has digits, and hardly any so many in a row: `masked` looks at each character."""
_LOOKED_AT_BYTES: Final = 1 << 20


def original_of(item: Mailed, mail: Mail) -> bytes:
    """What to keep of a mail whose text has been read.

    A mail that shows a card number is kept with the number masked, and without all that nobody has
    looked at: its other header fields and alternatives. Its files are kept beside it in any case.
    """
    shown = (mail.subject, mail.from_name, mail.text, mail.quoted, mail.html)
    if any(_MAY_BE_CARD.search(each) and masked(each) != each for each in shown):
        text = "\n\n".join(filter(None, (mail.text, mail.quoted)))
        return _together(_fields(mail), masked(text), masked(mail.html))
    match item:
        case RawMail():
            return item.raw
        case MailParts():
            fields = (each for each in item.headers if each[0].lower() not in _OF_THE_BODY)
            return _together(fields, item.text, item.html)


def unread_original_of(item: Mailed) -> bytes:
    """What to keep of a mail that nobody can read. Numbers in plain parts at its top are masked."""
    raw = item.raw if isinstance(item, RawMail) else _together(item.headers, item.text, item.html)
    top = raw[:_LOOKED_AT_BYTES].decode("latin-1")
    return masked(top).replace(MASK, "*").encode("latin-1") + raw[_LOOKED_AT_BYTES:]


def _fields(mail: Mail) -> Iterator[tuple[str, str]]:
    yield "From", mailbox(mail.from_address, masked(mail.from_name))
    for name, addresses in (("Reply-To", (mail.reply_to,)), ("To", mail.to), ("Cc", mail.cc)):
        if any(addresses):
            yield name, ", ".join(addresses)
    yield "Subject", masked(mail.subject)
    for name, ids in (("Message-ID", (mail.message_id,)), ("References", mail.in_reply_to[::-1])):
        if any(ids):
            yield name, " ".join(f"<{each}>" for each in ids)


def _together(fields: Iterable[tuple[str, str]], text: str, html: str) -> bytes:
    body = EmailMessage(_POLICY)
    if text or not html:
        body.set_content(text)
        if html:
            body.add_alternative(html, subtype="html")
    else:
        body.set_content(html, subtype="html")
    if body.is_multipart():
        # Not one that is drawn by lot: a mail that comes again is kept as the same file.
        body.set_boundary(f"=_{sha256(f'{text}{html}'.encode()).hexdigest()[:32]}")
    lines = (f"{name}: {' '.join(value.split())}\r\n" for name, value in fields)
    return "".join(lines).encode("utf-8", "replace") + body.as_bytes()
