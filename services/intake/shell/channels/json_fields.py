"""Reads providers' JSON as far as it is what it should be; what is not counts as absent.

Texts come as Postgres stores them, without NUL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from services.intake.shell.channels.forms import storable
from services.intake.shell.channels.protocol import Malformed

BYTES_MAX: Final = 2**63 - 1

Json: TypeAlias = Mapping[str, Any]


def text_in(of: Json, name: str) -> str:
    """A text, empty where there is none."""
    found = of.get(name)
    return storable(found) if isinstance(found, str) else ""


def texts_in(of: Json, name: str) -> list[str]:
    """The texts of a list that are not empty."""
    found = of.get(name)
    several = found if isinstance(found, list) else []
    return [storable(each) for each in several if isinstance(each, str) and storable(each)]


def number_in(of: Json, name: str) -> int:
    """A whole number, 0 where there is none."""
    found = of.get(name)
    return found if type(found) is int else 0  # true is an int too


def size_in(of: Json, name: str) -> int:
    """A number of bytes, 0 where there is none or one beyond what the contract's field holds."""
    found = number_in(of, name)
    return found if 0 <= found <= BYTES_MAX else 0


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
