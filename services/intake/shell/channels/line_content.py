"""What a LINE message says. A file's `reference` is `line:` and the message's id.

Of a file that an app has sent for the customer it is the address that the app gave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from services.intake.core.model import Attachment
from services.intake.shell.channels.contents import Content, joined, map_link, unshown
from services.intake.shell.channels.json_fields import (
    Json,
    object_in,
    size_in,
    text_in,
    texts_in,
    wanted_in,
)
from services.intake.shell.channels.protocol import Malformed

MEDIA: Final = frozenset({"audio", "file", "image", "video"})
DATA_CHARACTERS_MAX: Final = 300
FILE_NAME_CHARACTERS_MAX: Final = 255
LINK_CHARACTERS_MAX: Final = 2000


def content_of(kind: str, said: Json, message_id: str) -> Content:
    """The content of a message, which is at least that there was one."""
    tell = _TEXTS.get(kind)
    try:
        if tell is not None:
            return Content(tell(said))
        if kind in MEDIA:
            return Content("", (_file(kind, said, message_id),))
    except Malformed:
        pass
    return Content(unshown(kind), unforeseen=True)


def button_of(postback: Json) -> Content:
    """What a button stands for; LINE does not pass on what was written on it."""
    return Content(_named("button", text_in(postback, "data")[:DATA_CHARACTERS_MAX]))


def _file(kind: str, said: Json, message_id: str) -> Attachment:
    return Attachment(
        attachment_id=f"{message_id}-0",
        file_name=text_in(said, "fileName")[:FILE_NAME_CHARACTERS_MAX],
        media_type=_TYPES.get(kind, ""),
        size_bytes=size_in(said, "fileSize"),
        reference=_reference(said),
    )


def _reference(said: Json) -> str:
    provider = object_in(said, "contentProvider")
    if text_in(provider, "type") != "external":
        return f"line:{wanted_in(said, 'id')}"
    link = wanted_in(provider, "originalContentUrl")
    if not link.startswith("https://") or len(link) > LINK_CHARACTERS_MAX:
        raise Malformed("originalContentUrl is no link")  # LINE takes no other from an app
    return link


def _plain(said: Json) -> str:
    return wanted_in(said, "text")


def _location(said: Json) -> str:
    """Its title and address, and a link to a map."""
    link = map_link(said, "latitude", "longitude")
    return joined([text_in(said, "title"), text_in(said, "address"), link])


def _sticker(said: Json) -> str:
    """What the customer wrote on it, and what LINE says that it means."""
    words = [text_in(said, "text"), *texts_in(said, "keywords")]
    return _named("sticker", joined(words))


_TEXTS: Final[Mapping[str, Callable[[Json], str]]] = {
    "text": _plain,
    "location": _location,
    "sticker": _sticker,
}


_TYPES: Final[Mapping[str, str]] = {"audio": "audio/mp4", "video": "video/mp4"}
"""As LINE prepares sound and film; it names the type of nothing."""


def _named(kind: str, what: str) -> str:
    return f"[{kind}: {what}]" if what else f"[{kind}]"
