"""Reads providers' JSON as far as it is what it should be; what is not counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from services.intake.shell.channels.protocol import Malformed

Json: TypeAlias = Mapping[str, Any]


def text_in(of: Json, name: str) -> str:
    """A text, empty where there is none."""
    found = of.get(name)
    return found if isinstance(found, str) else ""


def wanted_in(of: Json, name: str) -> str:
    """A text that must be there. Raises `Malformed`."""
    found = text_in(of, name)
    if not found:
        raise Malformed(f"{name} is missing")
    return found


def object_in(of: Json, name: str) -> Json:
    """An object, empty where there is none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def objects_in(of: Json, name: str) -> list[Json]:
    """The objects of a list; one that stands alone counts as a list of one."""
    found = of.get(name)
    several = found if isinstance(found, list) else [found]
    return [each for each in several if isinstance(each, dict)]
