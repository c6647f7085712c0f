"""Undoes `format=flowed` (RFC 3676): a paragraph that mailers broke up is one line again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = "-- "

_QUOTES: Final = re.compile(r">*")


def unflowed(text: str, *, delete_space: bool) -> str:
    """The text with soft line ends removed, its quote marks kept in front of each line.

    `delete_space` is the parameter DelSp: the space that marks a soft end is none of the text's.
    """
    return "\n".join(_paragraphs(text.split("\n"), delete_space=delete_space))


def _paragraphs(lines: list[str], *, delete_space: bool) -> Iterator[str]:
    depth, parts = 0, list[str]()
    for line in lines:
        quotes = len(_QUOTES.match(line)[0])  # type: ignore[index]  # it always matches
        written = line[quotes:].removeprefix(" ")  # 4.4: space-stuffing
        if parts and (quotes != depth or written == SIGNATURE):  # 4.5: a mailer's fault
            yield _quoted(depth, parts)
            parts = []
        depth = quotes
        if written.endswith(" ") and written != SIGNATURE:
            parts.append(written[:-1] if delete_space else written)
        else:
            yield _quoted(depth, [*parts, written])
            parts = []
    if parts:
        yield _quoted(depth, parts)


def _quoted(depth: int, parts: list[str]) -> str:
    text = "".join(parts)
    return f"{'>' * depth} {text}" if depth else text
