"""Filters of lists and watches: the AIP-160 subset `field = value`, `>=`, `<=`, joined by `AND`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.intake.core.model import Channel, Conversation, Status, Tier

_TERM: Final = re.compile(
    r"\s*(?P<field>[a-z_]+)\s*(?P<test><=|>=|=)\s*"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s\"]+))(?:\s+AND\s+(?=\S)|\s*$)"
)
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "status": Status,
    "channel": Channel,
    "tier": Tier,
    "customer_id": str,
    "account_id": str,
    "tag": str,
    "updated_at_ms": int,
}
_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda found, wanted: found == wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
}


class BadFilter(ValueError):
    """The text is no filter; the message says where."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    field: str
    test: str
    value: Any

    def holds(self, conversation: Conversation) -> bool:
        """Whether the conversation meets it."""
        if self.field == "tag":
            return self.value in conversation.tags
        return _TESTS[self.test](getattr(conversation, self.field), self.value)


Filter = tuple[Term, ...]


def parse(text: str) -> Filter:
    """The conditions of a filter, none for an empty one. Raises `BadFilter`."""
    terms: list[Term] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TERM.match(text, at)
        if found is None:
            raise BadFilter(f"cannot be read from character {at + 1} on")
        terms.append(_term(found))
        at = found.end()
    return tuple(terms)


def holds(conditions: Filter, conversation: Conversation) -> bool:
    """Whether a conversation meets all conditions."""
    return all(term.holds(conversation) for term in conditions)


def where(conditions: Filter, *, first: int, of: str = "conversation") -> tuple[str, list[Any]]:
    """SQL that follows a WHERE, with parameters numbered from `first` on, and their values.

    `of` is what the query calls the table of conversations.
    """
    tests = [
        f" AND ${number} = ANY({of}.tags)"
        if term.field == "tag"
        else f" AND {of}.{term.field} {term.test} ${number}"
        for number, term in enumerate(conditions, start=first)
    ]
    return "".join(tests), [term.value for term in conditions]


def _term(found: re.Match[str]) -> Term:
    field, test = found["field"], found["test"]
    read = _READERS.get(field)
    if read is None:
        raise BadFilter(f"{field} is none of {', '.join(_READERS)}")
    if test != "=" and read is not int:
        raise BadFilter(f"{field} takes = only")
    try:
        value = read(found["quoted"] if found["bare"] is None else found["bare"])
    except ValueError:
        raise BadFilter(f"{field} has no such value") from None
    return Term(field, test, value)
