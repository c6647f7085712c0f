"""A letter in bytes (RFC 5322, MIME).

Its header is written here, field by field: `email` breaks ids that are longer than a line into
encoded words, which no mail program reads as ids, and has let line ends pass (CVE-2024-6923).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from services.intake.shell.mailroom.letters import Letter

LINE_CHARACTERS_MAX: Final = 76
_LINE_END: Final = re.compile(r"[\r\n]")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def mime_of(letter: Letter, at_ms: int) -> bytes:
    """The whole mail, dated; its lines end in CRLF and none is longer than SMTP takes."""
    head = "".join(f"{name}: {value}\r\n" for name, value in _head(letter, at_ms))
    return head.encode("ascii") + _body(letter)


def _head(letter: Letter, at_ms: int) -> Iterator[tuple[str, str]]:
    yield "Date", format_datetime(datetime.fromtimestamp(at_ms // 1000, UTC))
    yield "From", mailbox(letter.sender, letter.sender_name)
    if letter.reply_to:
        yield "Reply-To", letter.reply_to
    yield "To", letter.recipient
    if letter.copies:
        yield "Cc", ",\r\n ".join(letter.copies)
    yield "Subject", _words(letter.subject, "Subject")
    yield "Message-ID", f"<{letter.message_id}>"
    for name, value in letter.fields:
        if _LINE_END.search(value):
            raise AssertionError(f"{name} has a line end")
        yield name, value.replace("> <", ">\r\n <")


def mailbox(address: str, name: str) -> str:
    """An address with its name, quoted or encoded."""
    if not name:
        return address
    if _ATOMS.fullmatch(name) and "=?" not in name:
        return f"{name} <{address}>"
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_words(name, 'From')} <{address}>"


def _words(text: str, name: str) -> str:
    """A text in encoded words, if it needs them (RFC 2047), folded."""
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    header = Header(text, charset, header_name=name, maxlinelen=LINE_CHARACTERS_MAX)
    return header.encode(linesep="\r\n")


def _body(letter: Letter) -> bytes:
    body = EmailMessage(SMTP)
    body.set_content(letter.text, charset="utf-8", cte=_encoding(letter.text))
    for file in letter.files:
        main, _, sub = file.media_type.partition("/")
        if main in {"message", "multipart"}:
            main, sub = "application", "octet-stream"  # as one file, whatever is in it
        body.add_attachment(file.content, main, sub, filename=file.file_name)
    if body.is_multipart():
        # It follows from the letter: an attempt that is made again sends the same bytes.
        body.set_boundary(f"=_{sha256(letter.message_id.encode()).hexdigest()[:32]}")
    return body.as_bytes()


def _encoding(text: str) -> str:
    """Base64 where quoting would treble it."""
    return "quoted-printable" if len(text.encode()) < len(text) * 1.25 else "base64"
