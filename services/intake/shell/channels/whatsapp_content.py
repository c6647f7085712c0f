"""What a WhatsApp message says. A file's `reference` is `whatsapp:` and the media's id.

Kinds that Meta adds later are named, as are those that it does not pass on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from services.intake.core.model import Attachment
from services.intake.shell.channels.contents import Content, joined, map_link, unshown
from services.intake.shell.channels.json_fields import (
    Json,
    number_in,
    object_in,
    objects_in,
    text_in,
    wanted_in,
)
from services.intake.shell.channels.protocol import Malformed

_NOT_PASSED_ON: Final = frozenset({"unsupported", "unknown"})
"""Kinds of which Meta tells no more than that they came."""
MEDIA: Final = frozenset({"audio", "document", "image", "sticker", "video"})


def content_of(kind: str, said: Json, message_id: str) -> Content:
    """The content of a message, which is at least that there was one."""
    parts, tell = objects_in(said, kind), _TEXTS.get(kind)
    try:
        if parts and tell is not None:
            return Content(tell(parts))
        if parts and kind in MEDIA:
            return _media(parts[0], message_id)
    except Malformed:
        pass
    named = text_in(parts[0], "type") if parts else ""
    return Content(unshown(named or kind), unforeseen=kind not in _NOT_PASSED_ON)


def _media(media: Json, message_id: str) -> Content:
    attachment = Attachment(
        attachment_id=f"{message_id}-0",
        file_name=text_in(media, "filename"),
        media_type=text_in(media, "mime_type"),
        size_bytes=0,
        reference=f"whatsapp:{wanted_in(media, 'id')}",
    )
    return Content(text_in(media, "caption"), (attachment,))


def _plain(parts: list[Json]) -> str:
    return wanted_in(parts[0], "body")


def _button(parts: list[Json]) -> str:
    return wanted_in(parts[0], "text")


def _choice(parts: list[Json]) -> str:
    """What was chosen from buttons or a list, or what a form was filled in with."""
    kind = wanted_in(parts[0], "type")
    chosen = object_in(parts[0], kind)
    return text_in(chosen, "title") or text_in(chosen, "body") or unshown(kind)


def _location(parts: list[Json]) -> str:
    """Its name and address, and a link to a map."""
    place = parts[0]
    link = map_link(place, "latitude", "longitude")
    return joined([text_in(place, "name"), text_in(place, "address"), link])


def _contacts(parts: list[Json]) -> str:
    return "\n".join(filter(None, map(_contact, parts)))


def _contact(card: Json) -> str:
    """A name, numbers and mailboxes."""
    numbers = [text_in(phone, "phone") for phone in objects_in(card, "phones")]
    mailboxes = [text_in(mailbox, "email") for mailbox in objects_in(card, "emails")]
    called = text_in(object_in(card, "name"), "formatted_name")
    return joined([called, *numbers, *mailboxes])


def _order(parts: list[Json]) -> str:
    """What they want from the catalogue."""
    items = [
        f"{number_in(item, 'quantity')} × {text_in(item, 'product_retailer_id')}"
        for item in objects_in(parts[0], "product_items")
    ]
    return joined([text_in(parts[0], "text"), *items])


_TEXTS: Final[Mapping[str, Callable[[list[Json]], str]]] = {
    "text": _plain,
    "button": _button,
    "interactive": _choice,
    "location": _location,
    "contacts": _contacts,
    "order": _order,
}
