"""Phrases of many languages as data, and the patterns that find them."""

from __future__ import annotations

import re
from collections.abc import Iterable


def listed(text: str) -> tuple[str, ...]:
    """The phrases of lines that begin with the code of their language and part them by commas."""
    lines = (line.strip().partition(" ")[2] for line in text.strip().splitlines())
    return tuple(phrase.strip() for line in lines for phrase in line.split(","))


def any_of(patterns: Iterable[str]) -> str:
    """A group that matches any of these patterns, the longest first; a space is any white space."""
    longest_first = sorted(set(patterns), key=lambda each: (-len(each), each))
    return "(?:" + "|".join(each.replace(" ", r"\s+") for each in longest_first) + ")"


def any_word_of(words: Iterable[str]) -> str:
    """A group that matches any of these words as they stand."""
    return any_of(re.escape(word).replace(r"\ ", " ") for word in words)
