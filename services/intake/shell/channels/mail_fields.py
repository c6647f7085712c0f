"""A mail's header as providers hand it over, and as they make us put it together again."""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = re.compile(r"\r\n|\r|\n")
_NAME: Final = re.compile(r"[\x21-\x39\x3b-\x7e]+")  # RFC 5322, 2.2
_SPECIAL: Final = re.compile(r'(["\\])')

Fields = tuple[tuple[str, str], ...]


def fields_of(header: str) -> Fields:
    """The fields of a header as text, in order; a value keeps its encoded words (RFC 2047)."""
    found: list[tuple[str, str]] = []
    for line in _LINE.split(header):
        if line[:1] in {" ", "\t"}:
            if found:
                name, value = found[-1]
                found[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(name.rstrip()):
            found.append((name.rstrip(), value.strip()))
    return tuple(found)


def mailbox(address: str, name: str) -> str:
    """An address with a name, quoted, as a field has it (RFC 5322, 3.4)."""
    quoted = _SPECIAL.sub(r"\\\1", " ".join(name.split()))
    return f'"{quoted}" <{address}>' if quoted else address
