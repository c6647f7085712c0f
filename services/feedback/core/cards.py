"""Payment card numbers in a text, masked but for their last four digits.

A number counts as a card's if it has 13 to 19 digits (ISO/IEC 7812-1), begins like the cards of the
large networks (2 to 6), and its check digit is right (Luhn). It may be written in groups and in the
digits of any script. What one in ten other numbers of that length shares is masked with them: a
card that is kept costs more than an order number that has to be asked for again (PCI DSS v4.0,
3.4.1 and 3.5.1). A number after a plus sign is a telephone's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

LENGTHS: Final = range(19, 12, -1)  # the longest first: what follows a card is masked with it
DIGITS_MIN: Final = min(LENGTHS)
FIRST_DIGITS: Final = frozenset({2, 3, 4, 5, 6})
SHOWN: Final = 4
MASK: Final = "•"
GAP_MAX: Final = 2  # separators between two groups
_SEPARATING: Final = frozenset({"Zs", "Pd"})  # spaces, dashes
_SEPARATORS: Final = frozenset("._/·\t")


@dataclass(slots=True)
class _Run:
    """Digits that nothing but separators parts, and where they are."""

    is_telephone: bool
    digits: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)  # of groups, as places in `digits`


def masked(text: str) -> str:
    """`text` of the same length, in which every card number shows its last four digits only."""
    if len(text) < DIGITS_MIN or sum(map(str.isdigit, text)) < DIGITS_MIN:  # as nearly every text
        return text
    shown = list(text)
    for run in _runs(text):
        for begin, end in _cards(run):
            for place in run.places[begin : end - SHOWN]:
                shown[place] = MASK
    return "".join(shown)


def _runs(text: str) -> Iterator[_Run]:
    run, gap, before = None, 0, ""
    for place, character in enumerate(text):
        digit = unicodedata.digit(character, None)
        if digit is None:
            category = unicodedata.category(character)
            if run is not None and category != "Cf":  # what is not seen parts nothing
                gap += 1
                if gap > GAP_MAX or not _separates(character, category):
                    yield run
                    run = None
        else:
            if run is None:
                run, gap = _Run(is_telephone=before == "+"), 0
            if gap or not run.digits:
                run.begins.append(len(run.digits))
            run.digits.append(digit)
            run.places.append(place)
            gap = 0
        before = character
    if run is not None:
        yield run


def _separates(character: str, category: str) -> bool:
    return category in _SEPARATING or character in _SEPARATORS


def _cards(run: _Run) -> Iterator[tuple[int, int]]:
    """Where cards begin and end in a run: at the edges of groups, and none within another."""
    if run.is_telephone:
        return
    edges, free = {*run.begins, len(run.digits)}, 0
    sums = _sums(run.digits)
    for begin in run.begins:
        if begin < free or run.digits[begin] not in FIRST_DIGITS:
            continue
        for end in (begin + length for length in LENGTHS):
            if end in edges and (sums[end % 2][end] - sums[end % 2][begin]) % 10 == 0:
                yield begin, end
                free = end
                break


def _sums(digits: Sequence[int]) -> list[list[int]]:
    """Luhn's sums of all beginnings, for numbers that end at even places and at odd ones.

    With them a number is checked by one subtraction, however many a text may seem to hold.
    """
    return [list(accumulate(_weighed(digits, end), initial=0)) for end in (0, 1)]


def _weighed(digits: Iterable[int], end: int) -> Iterator[int]:
    """Every second digit doubled, and its digits added up; never the last before `end`."""
    for place, digit in enumerate(digits):
        yield digit if (end - place) % 2 else (digit * 2 - 9 * (digit > 4))
