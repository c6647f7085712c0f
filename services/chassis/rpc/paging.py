"""Pages of a list (AIP-158): a token says after which item to go on, and of which list.

A token is opaque to callers and good for the same request only: used with another filter it would
silently skip items, so it is refused.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

import orjson

from services.chassis.rpc.errors import InvalidArgument, Violation

PAGE_SIZE: Final = 50
Position = list[Any]
"""What the order of a list is by, of the last item given: JSON values."""


def page_size(request: Any) -> int:
    """How many items to give; the request's rules bound it from above."""
    return int(request.page_size) or PAGE_SIZE


def token_after(request: Any, position: Position) -> str:
    """The token of the page that begins after the item at `position`."""
    packed = orjson.dumps([_list_of(request), position])
    return base64.urlsafe_b64encode(packed).decode()


def position_of(request: Any) -> Position | None:
    """The position in the request's page token, None for the first page.

    Raises:
        InvalidArgument: the token is not ours, or belongs to another list.
    """
    if not request.page_token:
        return None
    try:
        listed, position = orjson.loads(base64.urlsafe_b64decode(request.page_token))
    except (ValueError, TypeError):
        raise _refused("is not one of ours") from None
    if listed != _list_of(request) or not isinstance(position, list):
        raise _refused("belongs to a request with another filter")
    return position


def _list_of(request: Any) -> str:
    """What tells one list from another: the request without its place and pace."""
    same = type(request)()
    same.CopyFrom(request)
    same.ClearField("page_token")
    same.ClearField("page_size")
    return hashlib.sha256(same.SerializeToString(deterministic=True)).hexdigest()[:16]


def _refused(why: str) -> InvalidArgument:
    description = f"the page token {why}; list from the start"
    return InvalidArgument(description, violations=[Violation("page_token", description)])
