"""A mail's header fields, and what is written in them (RFC 5322, 2047).

`email.header` raises for broken base64 and spoils what is neither ASCII nor encoded; both are daily
fare, so encoded words are read here, in time that grows with their length only.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from typing import Final

from services.intake.shell.mail.mail import BadMail
from services.intake.shell.mail.texts import decoded, one_line, storable

HEADERS_MAX: Final = 1_000
HEADER_CHARACTERS_MAX: Final = 256 * 1024
LINE_CHARACTERS_MAX: Final = 998  # RFC 5322, 2.1.1
MESSAGE_IDS_MAX: Final = 50
OWN_MARKER: Final = "x-switchboard-message"
"""A field of every mail that we send. Nobody's answer has it."""
ENCODED_WORD: Final = re.compile(r"=\?([^?\s]{1,64})\?([bq])\?([^?]*)\?=", re.IGNORECASE)

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_BRACKETED: Final = re.compile(rf"<([^<>\s]{{1,{LINE_CHARACTERS_MAX}}})>")


class Headers:
    """Header fields in their order; values are unfolded, their encoded words still encoded."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        """Raises `BadMail` for more fields than any mail has, or longer ones."""
        self._fields: dict[str, list[str]] = {}
        characters = 0
        for number, (name, value) in enumerate(fields, start=1):
            characters += len(name) + len(value)
            if number > HEADERS_MAX:
                raise BadMail(f"it has more than {HEADERS_MAX} header fields")
            if characters > HEADER_CHARACTERS_MAX:
                raise BadMail(f"its header is longer than {HEADER_CHARACTERS_MAX} characters")
            line = storable(_FOLD.sub("", value)).strip()
            self._fields.setdefault(name.strip().lower(), []).append(line)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a field; names are lower case everywhere here."""
        return name in self._fields

    def all(self, *names: str) -> list[str]:
        """The values of these fields, one name after the other."""
        return [value for name in names for value in self._fields.get(name, ())]

    def first(self, name: str) -> str:
        """The value of the topmost such field, empty where there is none."""
        return next(iter(self._fields.get(name, ())), "")

    def text(self, name: str) -> str:
        """The topmost such field as people read it."""
        return one_line(words_decoded(self.first(name)), LINE_CHARACTERS_MAX)


def words_decoded(value: str) -> str:
    """`value` with its encoded words decoded. It may hold any character then, line ends too.

    Words that only white space parts belong together (RFC 2047, 6.2), and mailers that count bytes
    part those of one character.
    """
    return "".join(_runs(value)) if "=?" in value else value


def _runs(value: str) -> Iterator[str]:
    charset, content, end = "", bytearray(), 0
    for word in ENCODED_WORD.finditer(value):
        gap = value[end : word.start()]
        adjacent = bool(charset) and not gap.strip()
        if charset and not (adjacent and charset == word[1].lower()):
            yield decoded(bytes(content), charset.partition("*")[0])  # RFC 2231, 5: a language
            content.clear()
        if not adjacent:
            yield gap
        charset, end = word[1].lower(), word.end()
        content += _word_bytes(word[2].lower(), word[3])
    if charset:
        yield decoded(bytes(content), charset.partition("*")[0])
    yield value[end:]


def _word_bytes(encoding: str, data: str) -> bytes:
    if encoding == "q":
        return binascii.a2b_qp(data.encode("utf-8", "replace"), header=True)
    bare = _NOT_BASE64.sub("", data)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    return base64.b64decode(bare + "=" * (-len(bare) % 4))


def message_ids(value: str) -> list[str]:
    """The message ids of a field in their order, without brackets; a bare one counts too."""
    found = _BRACKETED.findall(value)
    bare = [each for each in value.split() if "@" in each and len(each) <= LINE_CHARACTERS_MAX]
    return [one_line(each, LINE_CHARACTERS_MAX) for each in found or bare[:MESSAGE_IDS_MAX]]


def replied_to(headers: Headers) -> tuple[str, ...]:
    """The messages that this one follows: In-Reply-To, then References from the newest on."""
    answered = [each for value in headers.all("in-reply-to") for each in message_ids(value)]
    thread = [each for value in headers.all("references") for each in message_ids(value)]
    return tuple(dict.fromkeys([*answered, *reversed(thread)]))[:MESSAGE_IDS_MAX]


def date_ms(value: str) -> int:
    """The time of a Date field in unix milliseconds, 0 for what is none or lies before 1970."""
    try:
        parsed = parsedate_tz(value[:LINE_CHARACTERS_MAX])
        if parsed is None:
            return 0
        local = datetime(*parsed[:6], tzinfo=UTC)
        at = local - timedelta(seconds=parsed[9] or 0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    return max(0, int(at.timestamp()) * 1000)
