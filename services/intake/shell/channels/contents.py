"""What a message of any channel says, as text and attachments, for readers who lack the channel.

What cannot be shown is named in the text: the customer did write, and waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.intake.core.model import Attachment
from services.intake.shell.channels.json_fields import Json
from services.intake.shell.channels.protocol import Malformed

KIND_CHARACTERS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Content:
    """Text, and files that are still with the provider: a `reference` is an address, or its id.

    `unforeseen`: the text only stands for something, which is new or not as it is documented.
    """

    text: str
    attachments: tuple[Attachment, ...] = ()
    unforeseen: bool = False


def unshown(kind: str) -> str:
    """What stands for something that is not text and no file."""
    return f"[{kind[:KIND_CHARACTERS_MAX]}: cannot be shown]"


def joined(parts: Iterable[str]) -> str:
    """Those that are not empty, in one line."""
    return ", ".join(filter(None, parts))


def map_link(place: Json, latitude: str, longitude: str) -> str:
    """A link to a map, by the names of the coordinates. Raises `Malformed`."""
    north, east = place.get(latitude), place.get(longitude)
    if not isinstance(north, (int, float)) or not isinstance(east, (int, float)):
        raise Malformed("location has no coordinates")
    return f"https://www.google.com/maps?q={north},{east}"
