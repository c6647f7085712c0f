"""Reads lists of addresses (RFC 5322, 3.4), as mailers write them.

`email.utils.getaddresses` reads differently in each release of Python (CVE-2023-27043) and recurses
into comments; an address is who a customer is, so it is read here, in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from services.intake.shell.mail.headers import ENCODED_WORD, words_decoded
from services.intake.shell.mail.texts import one_line

ADDRESS_CHARACTERS_MAX: Final = 320  # RFC 5321, 4.5.3.1: 64, an at sign, 255
NAME_CHARACTERS_MAX: Final = 200
ADDRESSES_MAX: Final = 200

_ROUTE: Final = re.compile(r"^\s*(?:@[^:]*|mailto):", re.IGNORECASE)  # RFC 5322, 4.4
_ATOM: Final = re.compile(rf"{ENCODED_WORD.pattern}|.", re.IGNORECASE | re.DOTALL)
_ADDRESS: Final = re.compile(r'[^\s<>"(),:;@]{1,64}@[^\s<>"(),:;@]{1,255}')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name that its owner, or whoever wrote it down, goes by."""

    address: str
    name: str = ""


def mailboxes(values: Iterable[str]) -> list[Mailbox]:
    """The mailboxes of these fields in their order, each address once; what is none is left out."""
    found: dict[str, Mailbox] = {}
    for value in values:
        for mailbox in _mailboxes(value):
            found.setdefault(mailbox.address.lower(), mailbox)
    return list(found.values())[:ADDRESSES_MAX]


def _mailboxes(value: str) -> list[Mailbox]:
    """Those of one field; of one that is broken, whatever in it looks like an address."""
    entries = (entry.mailbox() for entry in _entries(value))
    found = [each for each in entries if each is not None]
    likely = (one_line(each, ADDRESS_CHARACTERS_MAX) for each in _ADDRESS.findall(value))
    return found or [Mailbox(each) for each in likely if _fits(each)]


class _Place(Enum):
    """Where a character of a list stands, or what it ends."""

    BARE = auto()
    ANGLE = auto()
    COMMENT = auto()
    CLOSED = auto()
    END = auto()
    GROUP = auto()


_OPENING: Final = "(<"
_ENDS: Final = {",": _Place.END, ";": _Place.END, ":": _Place.GROUP}


@dataclass(slots=True)
class _Entry:
    """What stands between two commas. `bare` is what stands outside of brackets and comments; a
    line feed in it, which no field has, is a comma that belongs to a name.
    """

    bare: list[str] = field(default_factory=list)
    angle: list[str] = field(default_factory=list)
    comment: list[str] = field(default_factory=list)
    has_address: bool = False
    is_closed: bool = False  # what follows the first address in brackets is noise

    def add(self, character: str, place: _Place) -> None:
        """Take the next character."""
        if place is _Place.CLOSED:
            self.is_closed = True
        elif place is _Place.COMMENT:
            self.comment.append(character)
        elif place is _Place.BARE:
            self.bare.append(character)
        elif not self.is_closed:
            self.angle.append(character)
        self.has_address = self.has_address or character == "@" or self.is_closed

    def mailbox(self) -> Mailbox | None:
        """The mailbox, None if there is no address in it."""
        name, _, last = "".join(self.bare).rpartition("\n")
        written = _ROUTE.sub("", "".join(self.angle)) if self.angle else last
        address = one_line(written, ADDRESS_CHARACTERS_MAX + 1)
        name = f"{name}\n{last}".lstrip("\n").replace("\n", ",") if self.angle else ""
        return Mailbox(address, _name(name or "".join(self.comment))) if _fits(address) else None


def _fits(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    is_quoted = len(local) > 2 and local[0] == local[-1] == '"'
    return (
        bool(local and domain)
        and len(address) <= ADDRESS_CHARACTERS_MAX
        and " " not in domain
        and (is_quoted or not {" ", "@", '"'} & set(local))
    )


def _name(text: str) -> str:
    bare = text.replace('\\"', "\n").replace('"', "").replace("\n", '"').replace("\\\\", "\\")
    return one_line(words_decoded(bare), NAME_CHARACTERS_MAX).strip("'").strip()


def _entries(value: str) -> Iterator[_Entry]:
    """The entries of a list. What has no address and no end, as `Doe` of `Doe, Jane <j@x>`, belongs
    to the name that follows; what stands before a colon is the name of a group.
    """
    entry = _Entry()
    for character, place in _placed(value):
        if place is _Place.END and (character == ";" or entry.has_address):
            yield entry
            entry = _Entry()
        elif place is _Place.GROUP:
            entry = _Entry()
        else:
            entry.add(*(("\n", _Place.BARE) if place is _Place.END else (character, place)))
    yield entry


def _placed(value: str) -> Iterator[tuple[str, _Place]]:
    """Each character that says something, and where it stands or what it ends.

    An encoded word counts as one: mailers forget to encode the commas in it.
    """
    quoted = escaped = angle = False
    depth = 0
    for character in (found[0] for found in _ATOM.finditer(value)):
        where = _Place.COMMENT if depth else _Place.ANGLE if angle else _Place.BARE
        if escaped or (quoted and character != '"'):
            escaped = not escaped and character == "\\"
            yield character, where
        elif depth:
            depth += {"(": 1, ")": -1}.get(character, 0)
            escaped = character == "\\"
            if depth:
                yield character, where
        elif character == '"':
            quoted = not quoted
            yield character, where
        elif angle:
            angle = character != ">"
            yield character, where if angle else _Place.CLOSED
        elif character in _OPENING:
            depth, angle = int(character == "("), character == "<"
        else:
            yield character, _ENDS.get(character, where)
