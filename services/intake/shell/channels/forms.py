"""Reads bodies of `application/x-www-form-urlencoded` and of JSON, strictly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from services.intake.shell.channels.protocol import Malformed

FIELDS_MAX: Final = 200
URLENCODED: Final = "application/x-www-form-urlencoded"


def media_type(headers: Mapping[str, str]) -> str:
    """The media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


@lru_cache(maxsize=1)  # a hook reads a form twice: to verify it, and at once to parse it
def urlencoded(body: bytes) -> Mapping[str, list[str]]:
    """Names and their values in the order of the form. Raises `Malformed`."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except UnicodeError:
        raise Malformed("the form is not percent-encoded UTF-8") from None
    except ValueError:
        raise Malformed(f"the form has more than {FIELDS_MAX} fields") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def json_object(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises `Malformed`, for NaN, lone surrogates and runaway depth too."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object")
    return found


def required(form: Mapping[str, str], name: str) -> str:
    """A field that must be there. Raises `Malformed`."""
    value = form.get(name, "")
    if not value:
        raise Malformed(f"{name} is missing")
    return value


def storable(text: str) -> str:
    """Text that Postgres stores: it has no NUL, which no medium shows either."""
    return text.replace("\x00", "")
