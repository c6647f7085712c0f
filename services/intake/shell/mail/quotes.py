"""Tells what a person newly wrote from what they quote, and from their signature.

Lines are looked at as people do: marks at their beginning, the line that a mailer writes above a
quote, the header that Outlook copies into it, what the html says about itself. Where the quote
begins, the text is cut in two and nothing is lost. Who answers below a quote or between its lines
is only understood with it, so all is kept, as it is where nothing would be left.

After GitHub's email_reply_parser and Mailgun's talon, which do the same in English and some others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from services.intake.core.phrases import any_of, any_word_of
from services.intake.shell.mail.flowed import SIGNATURE
from services.intake.shell.mail.headings import (
    FORWARDS,
    FORWARDS_BARE,
    LABELS,
    ORIGINALS,
    Label,
)
from services.intake.shell.mail.phrases import (
    DEVICES,
    MOBILE_SIGNATURES,
    OPENINGS,
    VERBS,
    VERBS_UNPARTED,
)

LINES_MAX: Final = 10_000  # beyond them nobody looks for the beginning of a quote
ATTRIBUTION_LINES_MAX: Final = 4
ATTRIBUTION_CHARACTERS_MAX: Final = 500
HEADER_LINES_MAX: Final = 16
SIGNATURE_LINES_MAX: Final = 15
UNMARKED_LINES_MIN: Final = 3  # of a quote that nothing introduces

_MARKED: Final = re.compile(r" {0,3}>")
_TURNING: Final = r"\u200e\u200f\u202a-\u202e"  # marks of scripts that run from right to left
_DASHES: Final = r"[\s*]*[-_=–—]{2,}\s*"
_ORIGINAL: Final = re.compile(
    rf"{_DASHES}{any_of(ORIGINALS)}\s*[-_=–—:]{{2,}}[\s*:]*", re.IGNORECASE
)
_FORWARD: Final = re.compile(
    rf"{_DASHES}{any_of(FORWARDS)}\s*[-_=–—:]{{2,}}[\s*:]*|[\s*]*{any_of(FORWARDS_BARE)}\s*[:：]?[\s*]*",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(
    rf"[\s*_{_TURNING}]*(?:[-–—]{{2,}}\s*)?"
    rf"(?:{any_word_of(OPENINGS)}(?:\s|(?<=[在於]))|\w{{2,10}}[.,]? \d|\d{{1,4}}[-./年])"
)
_VERB: Final = re.compile(
    rf"(?<!\w){any_word_of(VERBS)}(?!\w)|{any_word_of(VERBS_UNPARTED)}", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"[^\s@]@[^\s@]")
_DATE: Final = re.compile(
    r"\d{1,2}\.?\s(?:de\s)?[^\W\d]{3,12}|\d{1,4}[-./]\d{1,2}|\d{4}\s?[年년]|\b(?:19|20)\d\d\b"
)
_CLOCK: Final = re.compile(r"(?<!\d)\d{1,2}[:.h時时点시]\s?\d{2}")
_AFTER_ENDING: Final = " \t*_\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
_ENDINGS: Final = (":", "：", "--", "——")
_RULE: Final = re.compile(r"\s*[_\-–—]{5,}\s*")
_LABELLED: Final = re.compile(
    rf"[\s*{_TURNING}]*(?:"
    + "|".join(rf"(?P<{label.name}>{any_word_of(words)})" for label, words in LABELS.items())
    + r")\s?\*{0,2}\s?[:：]",
    re.IGNORECASE,
)
_DELIMITER: Final = re.compile(r"--\s?|—\s?|__\s?")
_DEVICE: Final = rf".{{0,40}}{any_word_of(DEVICES)}.{{0,40}}"
_MOBILE: Final = re.compile(
    rf"\W{{0,3}}{any_of(MOBILE_SIGNATURES)}\W{{0,3}}(?:<https?://\S+>)?".replace("DEVICE", _DEVICE),
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Split:
    """A text in two: one after the other they are the whole, but for empty lines between them."""

    text: str
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class _Quote:
    """The line at which a quote begins, and the one after what introduces it."""

    begin: int
    end_of_introduction: int
    is_forward: bool = False


def split(text: str, *, quote_lines: Iterable[int] = (), is_forward: bool = False) -> Split:
    """The text of a mail in two; `is_forward` says that it passes on what it quotes.

    `quote_lines` are lines of which the html says that a quote begins there.
    """
    lines = text.split("\n")
    cut = len(lines)
    quote = next(_quotes(lines, frozenset(quote_lines)), None)
    if quote is not None:
        if is_forward or quote.is_forward or not _ends_the_text(lines, quote):
            return Split(_trimmed(lines))
        cut = quote.begin
    cut = _signature(lines, cut)
    own = _trimmed(lines[:cut])
    return Split(own, _trimmed(lines[cut:])) if own.strip() else Split(_trimmed(lines))


def _trimmed(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()


def _quotes(lines: list[str], quote_lines: frozenset[int]) -> Iterator[_Quote]:
    """The quotes that begin in these lines, from the top."""
    unmarked = _unmarked_quote(lines)
    for number, line in enumerate(lines[:LINES_MAX]):
        if number in quote_lines:
            yield _marked_by_html(lines, number)
        elif _FORWARD.fullmatch(line):
            yield _Quote(number, number + 1, is_forward=True)
        elif _ORIGINAL.fullmatch(line):
            yield _Quote(number, number + 1)
        elif _is_header(lines, number):
            yield _Quote(_above_rule(lines, number), number + 1)
        elif line.rstrip(_AFTER_ENDING).endswith(_ENDINGS) and not _MARKED.match(line):
            begin = _attribution(lines, number)
            if begin is not None:
                yield _Quote(begin, number + 1)
        elif number == unmarked:
            yield _Quote(number, number)


def _marked_by_html(lines: list[str], begin: int) -> _Quote:
    """A quote in any language: what stands in the next lines before its marks introduces it."""
    for number in range(begin, min(begin + ATTRIBUTION_LINES_MAX, len(lines))):
        if _FORWARD.fullmatch(lines[number]):
            return _Quote(begin, number + 1, is_forward=True)
        if _MARKED.match(lines[number]):
            return _Quote(begin, number)
    return _Quote(begin, begin + 1)


def _attribution(lines: list[str], end: int) -> int | None:
    """Where the line that says who wrote what follows begins, if `end` is its last one.

    Above the marks of a quote, a verb will do, or an address and a time. Elsewhere people write
    like that too, so that it has to begin as mailers do, and to say more.
    """
    is_above_marks = _MARKED.match(_next_written(lines, end + 1)) is not None
    found = None
    for begin in range(end, max(-1, end - ATTRIBUTION_LINES_MAX), -1):
        if not lines[begin].strip() or _MARKED.match(lines[begin]):
            break
        joined = " ".join(lines[begin : end + 1])
        if len(joined) > ATTRIBUTION_CHARACTERS_MAX:
            break
        if _introduces(joined, is_above_marks=is_above_marks):
            found = begin if found is None else found
            if _OPENING.match(lines[begin]):
                return begin
    return found


def _introduces(line: str, *, is_above_marks: bool) -> bool:
    address, times = _ADDRESS.search(line), [_DATE.search(line), _CLOCK.search(line)]
    if is_above_marks:
        return bool((address and any(times)) or _VERB.search(line))
    if not _OPENING.match(line):
        return bool(address and any(times) and _VERB.search(line))
    return bool(
        (address and all(times))
        or ((all(times) or (address and any(times))) and _VERB.search(line))
    )


def _next_written(lines: list[str], number: int) -> str:
    return next((line for line in lines[number : number + 3] if line.strip()), "")


def _is_header(lines: list[str], begin: int) -> bool:
    """Whether a copied header begins here: a sender, a subject, and a date or a recipient."""
    if _label(lines[begin]) is None:
        return False
    found, others = set[Label](), 0
    for line in lines[begin : begin + HEADER_LINES_MAX]:
        label = _label(line)
        if label is not None:
            found.add(label)
            others = 0
            continue
        others += 1
        if others > 2:  # an empty line, or the rest of a long one
            break
    return {Label.FROM, Label.SUBJECT} <= found and bool({Label.DATE, Label.TO} & found)


def _label(line: str) -> Label | None:
    """The label that a line begins with."""
    found = _LABELLED.match(line)
    return Label[found.lastgroup] if found is not None and found.lastgroup is not None else None


def _above_rule(lines: list[str], begin: int) -> int:
    """Where a quote begins whose header stands at `begin`: at a rule above it, or there."""
    above = begin - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and _RULE.fullmatch(lines[above]) else begin


def _unmarked_quote(lines: list[str]) -> int:
    """Where the marked lines begin that end the text, if they are several; else beyond it.

    They are a quote though nothing introduces them.
    """
    end = _signature(lines, len(lines))
    begin, marked = len(lines), 0
    for number in range(end - 1, -1, -1):
        if _MARKED.match(lines[number]):
            begin, marked = number, marked + 1
        elif lines[number].strip():
            break
    return begin if marked >= UNMARKED_LINES_MIN else len(lines)


def _ends_the_text(lines: list[str], quote: _Quote) -> bool:
    """Whether nobody has written below the quote, or between its lines.

    If its lines are not marked, nobody can tell, and it reaches to the end.
    """
    number = quote.end_of_introduction
    if not _MARKED.match(_next_written(lines, number)):
        return True
    while number < len(lines) and (not lines[number].strip() or _MARKED.match(lines[number])):
        number += 1
    return number == len(lines) or _signature(lines, len(lines), number) == number


def _signature(lines: list[str], end: int, begin: int = 0) -> int:
    """Where the signature begins that ends at `end`, unless before `begin`; else `end`."""
    window = range(max(begin, end - SIGNATURE_LINES_MAX), end)
    exact = (number for number in window if lines[number] == SIGNATURE)
    loose = (number for number in reversed(window) if _DELIMITER.fullmatch(lines[number]))
    found = next(chain(exact, loose), end)
    for number in range(found - 1, begin - 1, -1):
        if _MOBILE.fullmatch(lines[number]):
            found = number
        elif lines[number].strip():
            break
    return found
