"""How a text travels as SMS: in which alphabet, and as how many segments, which is what is paid.

3GPP TS 23.038 has the GSM 7-bit default alphabet (6.2.1) and its extension table (6.2.1.1), whose
characters take two septets. A text with any other character travels as UCS-2. 140 octets hold 160
septets or 70 UCS-2 units; in parts, the header that joins them (TS 23.040, 9.2.3.24.1) leaves 153
and 67.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_BEYOND_BMP: Final = 0x10000


class Encoding(StrEnum):
    """How the characters of a text are written."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ALONE_AND_IN_PARTS: Final = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Length:
    """A text as SMS. `units` are septets or UCS-2 units; `segments` is 1 at the least."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> Length:
    """How a text travels."""
    if all(character in _BASIC or character in _EXTENSION for character in text):
        encoding = Encoding.GSM7
        widths = [2 if character in _EXTENSION else 1 for character in text]
    else:
        encoding = Encoding.UCS2
        widths = [2 if ord(character) >= _BEYOND_BMP else 1 for character in text]
    units = sum(widths)
    alone, in_parts = _ALONE_AND_IN_PARTS[encoding]
    return Length(encoding, units, 1 if units <= alone else _parts(widths, in_parts))


def _parts(widths: Iterable[int], size: int) -> int:
    """How many parts it takes where no character is cut in two."""
    parts, used = 1, 0
    for width in widths:
        if used + width > size:
            parts, used = parts + 1, 0
        used += width
    return parts
