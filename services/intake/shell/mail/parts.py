"""Takes a MIME mail apart (RFC 2045 to 2049): what is shown as its text, and its files.

A mail that is attached to a mail stays as it came: nobody's text but the sender's is read, and no
nesting leads through it. Beyond the limits a mail is refused while it is being parsed, so that it
costs what it may and no more.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.feedparser import BytesFeedParser
from email.message import Message
from itertools import chain
from typing import Final, TypeVar

from services.intake.shell.mail.flowed import unflowed
from services.intake.shell.mail.headers import Headers, words_decoded
from services.intake.shell.mail.mail import BadMail, MailFile
from services.intake.shell.mail.texts import content_id, decoded, file_name, storable

MAIL_BYTES_MAX: Final = 40 * 1024 * 1024
PARTS_MAX: Final = 100
DEPTH_MAX: Final = 20
CONTENT_FIELD_CHARACTERS_MAX: Final = 8_192
HEAD_BYTES_MAX: Final = 64 * 1024
META_BYTES_MAX: Final = 1_024  # where HTML wants it
CHUNK_BYTES: Final = 64 * 1024
LIBRARY_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What `email` raises for fields that nobody should write: other ones in each release."""

_PLAIN: Final = "text/plain"
_HTML: Final = "text/html"
_ATTACHED_MAIL: Final = "message/rfc822"
_UNKNOWN: Final = "application/octet-stream"
_DOUBLETS: Final = frozenset({"text/x-amp-html", "text/watch-html"})  # of the html beside them
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][\w.+-]{0,99}/[a-z0-9][\w.+-]{0,99}", re.ASCII)
_EXTENSIONS: Final = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "message/rfc822": ".eml",
    "message/delivery-status": ".txt",
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/ms-tnef": ".dat",
}
_META_CHARSET: Final = re.compile(rb"""<meta[^>]{0,200}charset=["']?([\w-]{1,40})""", re.IGNORECASE)

T = TypeVar("T")
U = TypeVar("U")


class Part(Message):
    """A part as the parser makes it. To the parser, an attached mail is one of the leaves."""

    def get_content_type(self) -> str:
        """What the parser goes by."""
        found = super().get_content_type()
        return _UNKNOWN if found.startswith("message/") else found

    def media_type(self) -> str:
        """What the part says it is."""
        return media_type(_sound(super().get_content_type, ""))


@dataclass(frozen=True, slots=True)
class Body:
    """A passage of the text, in one form or in both."""

    plain: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a part holds, in the order in which it is shown."""

    bodies: tuple[Body, ...] = ()
    files: tuple[MailFile, ...] = field(default=(), repr=False)


def parsed(raw: bytes) -> Part:
    """The tree of a mail. Raises `BadMail`."""
    refuse_large(len(raw))
    made = 0

    def part(**options: object) -> Part:
        nonlocal made
        made += 1
        if made > PARTS_MAX + 1:  # the parser makes one to try us
            raise BadMail(f"it has more than {PARTS_MAX} parts")
        return Part(**options)  # type: ignore[arg-type]  # the parser's own options

    parser = BytesFeedParser(part)
    try:
        for begin in range(0, len(raw), CHUNK_BYTES):
            parser.feed(raw[begin : begin + CHUNK_BYTES])
        return parser.close()
    except BadMail:
        raise
    except LIBRARY_ERRORS:
        raise BadMail("its parts cannot be told apart") from None


def refuse_large(size: int) -> None:
    """Raises `BadMail` for more bytes than a mail may have."""
    if size > MAIL_BYTES_MAX:
        raise BadMail(f"it is larger than {MAIL_BYTES_MAX} bytes")


def header_of(part: Message) -> Headers:
    """The header of a part; bytes that are not ASCII are read as UTF-8, or else as Western."""
    return Headers((name, _eight_bit(str(value))) for name, value in part.raw_items())


def head_of(content: bytes) -> Headers:
    """The header of an attached mail; empty if it breaks the limits, which it may."""
    head = content[:HEAD_BYTES_MAX].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    try:
        return header_of(parsed(head))
    except BadMail:
        return Headers(())


def content_of(part: Part, depth: int = 1) -> Content:
    """The bodies and files of a part and all below it. Raises `BadMail`."""
    if depth > DEPTH_MAX:
        raise BadMail(f"its parts are nested more than {DEPTH_MAX} deep")
    header = header_of(part)
    if not part.is_multipart():
        return _leaf(part, header)
    children = [
        content_of(each, depth + 1) for each in part.get_payload() if isinstance(each, Part)
    ]
    files = tuple(chain.from_iterable(each.files for each in children))
    if part.media_type() == "multipart/alternative":
        return Content(_alternative(children), files)
    return Content(tuple(chain.from_iterable(each.bodies for each in children)), files)


def _alternative(children: Sequence[Content]) -> tuple[Body, ...]:
    """One body of the plainest and the richest form: they stand in this order (RFC 2046, 5.1.4)."""
    plain = (plain_of(each.bodies) for each in children)
    rich = [each.bodies for each in children if any(body.html for body in each.bodies)]
    body = Body(
        next((each for each in plain if each.strip()), ""), html_of(rich[-1]) if rich else ""
    )
    return (body,) if body != Body() else ()


def plain_of(bodies: Sequence[Body]) -> str:
    """The passages that are plain text."""
    return "\n\n".join(body.plain for body in bodies if body.plain.strip())


def html_of(bodies: Sequence[Body]) -> str:
    """All passages as html; plain ones keep their lines."""
    return "\n".join(body.html or f"<pre>{markup.escape(body.plain)}</pre>" for body in bodies)


def _leaf(part: Part, header: Headers) -> Content:
    kind = part.media_type()
    if part.get_content_maintype() == "multipart":  # it said so, and has no part
        kind = _PLAIN
    for name in ("content-type", "content-disposition"):
        if len(header.first(name)) > CONTENT_FIELD_CHARACTERS_MAX:
            raise BadMail(f"a {name} is longer than {CONTENT_FIELD_CHARACTERS_MAX} characters")
        if name in header:  # of bytes that are not ASCII the library would make question marks
            part.replace_header(name, header.first(name))
    name = _sound(part.get_filename, None) or ""
    disposition = _sound(part.get_content_disposition, None)
    content = _sound(lambda: part.get_payload(decode=True), b"")
    content = content if isinstance(content, bytes) else b""
    if kind in {_PLAIN, _HTML} and not name and disposition != "attachment":
        return Content((_html(part, content) if kind == _HTML else _plain(part, content),))
    if kind in _DOUBLETS or not (content or name):
        return Content()
    file = MailFile(name, kind, content, header.first("content-id"))
    return Content(files=(tidy_file(file),))


def _plain(part: Part, content: bytes) -> Body:
    text = storable(decoded(content, _parameter(part, "charset")))
    if _parameter(part, "format").lower() == "flowed":
        text = unflowed(text, delete_space=_parameter(part, "delsp").lower() == "yes")
    return Body(plain=text)


def _html(part: Part, content: bytes) -> Body:
    charset = _parameter(part, "charset") or _meta_charset(content)
    return Body(html=storable(decoded(content, charset)))


def _meta_charset(content: bytes) -> str:
    """What html says of itself, where the mail says nothing."""
    found = _META_CHARSET.search(content[:META_BYTES_MAX])
    return found[1].decode("ascii") if found else ""


def _parameter(part: Part, name: str) -> str:
    """A parameter of the part's Content-Type; one with a charset of its own counts as it stands."""
    found = _sound(lambda: part.get_param(name, ""), "")
    return str(found[2] if isinstance(found, tuple) else found)


def tidy_file(file: MailFile) -> MailFile:
    """The same file under a name that can be shown and saved, made up where it has none."""
    kind = media_type(file.media_type)
    name = file_name(words_decoded(file.file_name)) or _made_up(kind, file.content)
    return MailFile(name, kind, file.content, content_id(file.content_id))


def _made_up(kind: str, content: bytes) -> str:
    stem = "attachment"
    if kind == _ATTACHED_MAIL:
        subject = re.sub(r"[/\\]", "-", head_of(content).text("subject"))
        stem = file_name(subject[:100]) or "message"
    return stem + _EXTENSIONS.get(kind, "")


def media_type(written: str) -> str:
    """A media type without its parameters; `application/octet-stream` for what is none."""
    bare = written.partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) else _UNKNOWN


def _eight_bit(value: str) -> str:
    """Text of a value in which the parser has hidden bytes that are not ASCII."""
    return decoded(value.encode("utf-8", "surrogateescape"), "")


def _sound(ask: Callable[[], T], otherwise: U) -> T | U:
    """What the library answers, `otherwise` where it cannot."""
    try:
        return ask()
    except LIBRARY_ERRORS:
        return otherwise
