"""Filters of a list: the part of AIP-160 that our lists have, `field = value AND …`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from services.chassis.rpc.errors import InvalidArgument, Violation

_TERM: Final = re.compile(
    r"""\s*(?P<field>[a-z_]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\\x00]|\\[^\x00])*)"|(?P<bare>[\w.:+@/-]+))\s*"""
)
_AND: Final = re.compile(r"AND\b")


def equalities(text: str, *, fields: Collection[str]) -> Mapping[str, str]:
    """Value by field; a field may be named once, and only if it is one of `fields`.

    Raises:
        InvalidArgument: the filter is not of that form.
    """
    found: dict[str, str] = {}
    place = 0
    while place < len(text.rstrip()):
        if found:
            place = _past_and(text, place)
        term = _TERM.match(text, place)
        if term is None or term["field"] not in fields or term["field"] in found:
            raise _refused(f"at {place}: expected `field = value`, of {', '.join(sorted(fields))}")
        quoted = term["quoted"]
        found[term["field"]] = term["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        place = term.end()
    return found


def _past_and(text: str, place: int) -> int:
    between = _AND.match(text, place)
    if between is None:
        raise _refused(f"at {place}: expected `AND`")
    return between.end()


def _refused(why: str) -> InvalidArgument:
    return InvalidArgument(f"filter {why}", violations=[Violation("filter", why)])
