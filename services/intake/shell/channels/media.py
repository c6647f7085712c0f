"""What the media sources of all providers share: asking an API, and what names a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson

from services.intake.shell.channels.json_fields import Json
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetcher, Unfetchable

ANSWER_BYTES_MAX: Final = 64 * 1024


async def asked(fetcher: Fetcher, api_url: str, path: str, headers: Mapping[str, str]) -> Json:
    """What an API answers with, an object; `path` begins with a slash and is quoted."""
    said = await fetcher.fetch(
        f"{api_url}{path}", headers=headers, bytes_max=ANSWER_BYTES_MAX, hosts=(api_url,)
    )
    try:
        told = orjson.loads(said.content)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise Unfetchable("answer_unreadable")
    return told


def named(reference: str, provider: str, shape: re.Pattern[str]) -> str:
    """The provider's id in `<provider>:<id>`. Raises `Forbidden` for what is no such id."""
    prefix, _, name = reference.partition(":")
    if prefix != provider or not shape.fullmatch(name):
        raise Forbidden("reference_unknown")
    return name


def bearer(token: str) -> Mapping[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}
