"""What a channel cannot read, kept as it came for somebody to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from services.intake.shell.channels.contents import Content
from services.intake.shell.channels.protocol import Arrived, Item, Unread

MALFORMED: Final = "malformed"
UNKNOWN: Final = "unknown"


def leftover(kind: str, item: Any) -> Unread:
    """A part of a request that its provider does not document so, or that is new. Any JSON."""
    return Unread(kind, orjson.dumps(item))


def with_leftover(message: Arrived, content: Content, said: Any) -> Iterator[Item]:
    """A message, and what it was made of where its content only stands for that."""
    yield message
    if content.unforeseen:
        yield leftover(UNKNOWN, said)
