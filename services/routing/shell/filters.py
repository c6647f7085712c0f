"""Filters of lists: the AIP-160 subset `field = value`, joined by `AND`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.chassis.rpc.errors import InvalidArgument, Violation
from services.routing.core.kinds import Channel, Level, Presence, WorkState

_TERM: Final = re.compile(
    r"\s*(?P<field>[a-z_]+)\s*=\s*"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s\"]+))(?:\s+AND\s+(?=\S)|\s*$)"
)

Field = tuple[str, Callable[[str], Any]]  # an SQL test with {} for its parameter, and its reader

WORK_FIELDS: Final[Mapping[str, Field]] = {
    "pool": ("pool = {}", str),
    "state": ("state = {}", WorkState),
    "agent_id": ("agent_id = {}", str),
    "conversation_id": ("conversation_id = {}", str),
    "channel": ("channel = {}", Channel),
    "level": ("level = {}", lambda name: Level[name].value),
}
AGENT_FIELDS: Final[Mapping[str, Field]] = {
    "pool": ("{} = ANY(pools)", str),
    "presence": ("presence = {}", Presence),
    "skill": ("skills ? {}", str),
    "level": ("level = {}", lambda name: Level[name].value),
}

Filter = tuple[tuple[str, Any], ...]  # SQL tests, each with its value


def parse(text: str, fields: Mapping[str, Field]) -> Filter:
    """The conditions of a filter, none for an empty one. Raises `InvalidArgument`."""
    terms: list[tuple[str, Any]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TERM.match(text, at)
        if found is None:
            raise _refused(f"cannot be read from character {at + 1} on")
        terms.append(_term(found, fields))
        at = found.end()
    return tuple(terms)


def where(conditions: Filter, *, first: int) -> tuple[str, list[Any]]:
    """SQL that follows a WHERE, with parameters numbered from `first` on, and their values."""
    tests = [
        f" AND {test.format(f'${number}')}" for number, (test, _) in enumerate(conditions, first)
    ]
    return "".join(tests), [value for _, value in conditions]


def _term(found: re.Match[str], fields: Mapping[str, Field]) -> tuple[str, Any]:
    name = found["field"]
    if name not in fields:
        raise _refused(f"{name} is none of {', '.join(fields)}")
    test, read = fields[name]
    try:
        return test, read(found["quoted"] if found["bare"] is None else found["bare"])
    except (ValueError, KeyError):
        raise _refused(f"{name} has no such value") from None


def _refused(why: str) -> InvalidArgument:
    return InvalidArgument(f"filter: {why}", violations=[Violation("filter", why)])
