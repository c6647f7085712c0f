"""What a Telegram message says, which it holds under the name of its kind.

https://core.telegram.org/bots/api#message

A file's `reference` is `telegram:` and its id: Telegram gives its address for an hour, to whoever
has the bot's token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from services.intake.core.model import Attachment
from services.intake.shell.channels.contents import Content, joined, map_link, unshown
from services.intake.shell.channels.json_fields import (
    Json,
    object_in,
    objects_in,
    size_in,
    text_in,
    wanted_in,
)
from services.intake.shell.channels.protocol import Malformed


def content_of(said: Json, message_id: str) -> Content:
    """The content of a message, which is at least that there was one."""
    kind = next((kind for kind in _KINDS if kind in said), "message")
    tell = _TEXTS.get(kind)
    try:
        if tell is not None:
            return Content(tell(said))
        if kind in _MEDIA:
            return _media(kind, said, message_id)
    except Malformed:
        pass
    lines = [unshown(kind), text_in(said, "caption")]
    return Content("\n".join(filter(None, lines)), unforeseen=kind not in _UNSHOWN)


def is_service(said: Json) -> bool:
    """Whether Telegram tells of the chat, and the customer has said nothing."""
    return not _SERVICE.isdisjoint(said)


def message_name(said: Json) -> str:
    """Chat and message, as `7/12`: messages are counted within their chat. Raises `Malformed`."""
    return f"{whole_in(object_in(said, 'chat'), 'id')}/{whole_in(said, 'message_id')}"


def full_name(person: Json) -> str:
    """First and last name of a user or a contact; empty where neither is there."""
    return " ".join(filter(None, [text_in(person, "first_name"), text_in(person, "last_name")]))


def whole_in(of: Json, name: str) -> int:
    """A whole number that must be there. Raises `Malformed`."""
    found = of.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise Malformed(f"{name} is not a whole number")
    return found


def _media(kind: str, said: Json, message_id: str) -> Content:
    media = max(reversed(objects_in(said, kind)), key=_pixels, default={})
    attachment = Attachment(
        attachment_id=f"{message_id}-0",
        file_name=text_in(media, "file_name"),
        media_type=text_in(media, "mime_type"),
        size_bytes=size_in(media, "file_size"),
        reference=f"telegram:{wanted_in(media, 'file_id')}",
    )
    text = text_in(said, "caption") or text_in(media, "emoji")  # a sticker stands for an emoji
    return Content(text, (attachment,))


def _pixels(media: Json) -> int:
    """How large it is shown: a photo comes in several sizes, by custom the largest last."""
    width, height = media.get("width"), media.get("height")
    return width * height if isinstance(width, int) and isinstance(height, int) else 0


def _plain(said: Json) -> str:
    return wanted_in(said, "text")


def _venue(said: Json) -> str:
    """Its name and address, and a link to a map."""
    venue = object_in(said, "venue")
    return joined([text_in(venue, "title"), text_in(venue, "address"), _location(venue)])


def _location(of: Json) -> str:
    """A link to a map."""
    return map_link(object_in(of, "location"), "latitude", "longitude")


def _contact(said: Json) -> str:
    """A name and a number."""
    card = object_in(said, "contact")
    return joined([full_name(card), wanted_in(card, "phone_number")])


_TEXTS: Final[Mapping[str, Callable[[Json], str]]] = {
    "text": _plain,
    "venue": _venue,  # has a location beside it, for programs that know no venues
    "location": _location,
    "contact": _contact,
}
_MEDIA: Final = (
    "animation",  # has a document beside it, for programs that know no animations
    "audio",
    "document",
    "photo",
    "sticker",
    "video",
    "video_note",
    "voice",
)
_UNSHOWN: Final = (
    "poll",
    "dice",
    "game",
    "invoice",
    "story",
    "checklist",
    "paid_media",
    "giveaway",
    "giveaway_winners",
    "gift",
    "unique_gift",
    "users_shared",
    "chat_shared",
    "web_app_data",
    "passport_data",
    "successful_payment",
)
"""Some are service messages to Telegram, and still what the customer has done on purpose."""
_KINDS: Final = (*_TEXTS, *_MEDIA, *_UNSHOWN)
_SERVICE: Final = frozenset(
    {
        "boost_added",
        "channel_chat_created",
        "chat_background_set",
        "chat_owner_changed",
        "chat_owner_left",
        "checklist_tasks_added",
        "checklist_tasks_done",
        "connected_website",
        "delete_chat_photo",
        "direct_message_price_changed",
        "forum_topic_closed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_reopened",
        "general_forum_topic_hidden",
        "general_forum_topic_unhidden",
        "gift_upgrade_sent",
        "giveaway_completed",
        "giveaway_created",
        "group_chat_created",
        "left_chat_member",
        "managed_bot_created",
        "message_auto_delete_timer_changed",
        "migrate_from_chat_id",
        "migrate_to_chat_id",
        "new_chat_members",
        "new_chat_photo",
        "new_chat_title",
        "paid_message_price_changed",
        "pinned_message",
        "poll_option_added",
        "poll_option_deleted",
        "proximity_alert_triggered",
        "refunded_payment",
        "suggested_post_approval_failed",
        "suggested_post_approved",
        "suggested_post_declined",
        "suggested_post_paid",
        "suggested_post_refunded",
        "supergroup_chat_created",
        "video_chat_ended",
        "video_chat_participants_invited",
        "video_chat_scheduled",
        "video_chat_started",
        "write_access_allowed",
    }
)
