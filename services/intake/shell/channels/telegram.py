"""Telegram bots: one update a request, the token that proves whose it is, and sending.

https://core.telegram.org/bots/api#update

Telegram repeats an update for a day until it hears a 200: so one that cannot be read is counted and
answered like any other. It signs no body and no time: a repeat is known by the message's id. Photos
and files that are sent together come as a message each, with the same `media_group_id`, and each is
a message here. Only chats of one person with the bot are read: a group has no customer.

Telegram tells of edits and, where `setWebhook` asks for them, of reactions. It never tells that a
message was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.commands import EditMessage, ReactToMessage
from services.intake.core.identity import inbound_message_id
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.arrivals import arrived, revised
from services.intake.shell.channels.body_signature import is_among
from services.intake.shell.channels.contents import Content, unshown
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.json_fields import (
    Json,
    object_in,
    objects_in,
    text_in,
    wanted_in,
)
from services.intake.shell.channels.leftovers import (
    MALFORMED,
    UNKNOWN,
    leftover,
    with_leftover,
)
from services.intake.shell.channels.protocol import (
    Arrived,
    Channel,
    Incoming,
    Item,
    Malformed,
    Unread,
)
from services.intake.shell.channels.telegram_content import (
    content_of,
    full_name,
    is_service,
    message_name,
    whole_in,
)
from services.intake.shell.channels.telegram_media import TelegramMedia
from services.intake.shell.channels.telegram_sender import TelegramSender

PROVIDER: Final = "telegram"
PATH: Final = "/webhooks/telegram/{account_id}"
BODY_BYTES_MAX: Final = 1024 * 1024
HEADER: Final = "x-telegram-bot-api-secret-token"
SECRET_TOKEN: Final = "secret_token"  # noqa: S105 - the name of a secret, not one
BUTTON_CHARACTERS_MAX: Final = 300

_MEMBERSHIP: Final = frozenset({"my_chat_member", "chat_member", "chat_join_request"})
"""Updates about who is in a chat; they are counted."""
_OTHER: Final = frozenset(
    {
        "business_connection",
        "business_message",
        "channel_post",
        "chat_boost",
        "chosen_inline_result",
        "deleted_business_messages",
        "edited_business_message",
        "edited_channel_post",
        "inline_query",
        "message_reaction_count",
        "poll",
        "poll_answer",
        "pre_checkout_query",
        "purchased_paid_media",
        "removed_chat_boost",
        "shipping_query",
    }
)
"""Updates that say nothing to us."""


class WebhookHook:
    """One webhook: one update, with one thing in it."""

    path = PATH
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the token that was given to `setWebhook`."""
        return is_among(incoming.headers.get(HEADER, ""), account.keys(SECRET_TOKEN))

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """The one thing in it. Raises `Malformed` for what is no update at all."""
        update = json_object(incoming.body)
        whole_in(update, "update_id")
        try:
            return list(_items(update, incoming, account))
        except (Malformed, BadAddress):
            return [leftover(MALFORMED, update)]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Anything with a 200; a body would be read as a call of ours."""
        del incoming, items
        return Response()


def _items(update: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    if "message" in update:
        return _message(object_in(update, "message"), incoming, account)
    if "callback_query" in update:
        return [_press(object_in(update, "callback_query"), incoming, account)]
    if "edited_message" in update:
        return [_edit(object_in(update, "edited_message"), incoming, account)]
    if "message_reaction" in update:
        return [_reaction(object_in(update, "message_reaction"), incoming, account)]
    if not _MEMBERSHIP.isdisjoint(update):
        return [Unread("membership")]
    return [leftover(UNKNOWN, update) if _OTHER.isdisjoint(update) else Unread("other_update")]


def _message(said: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    chat, sender = object_in(said, "chat"), object_in(said, "from")
    unread = _unread(chat, sender)
    if unread or is_service(said):
        return [unread or Unread("service")]
    name = message_name(said)
    content = content_of(said, inbound_message_id(account.account_id, name))
    answers = object_in(said, "reply_to_message")
    message = _arrived(
        name,
        chat,
        sender,
        content,
        _at_ms(said),
        incoming,
        account,
        answers=message_name(answers) if "message_id" in answers else "",
    )
    return with_leftover(message, content, said)


def _edit(said: Json, incoming: Incoming, account: Account) -> Item:
    """What they wrote before reads like this now. A place that is shared live is no new text."""
    chat, sender = object_in(said, "chat"), object_in(said, "from")
    unread = _unread(chat, sender)
    if unread:
        return unread
    if "live_period" in object_in(said, "location"):
        return Unread("live_location")
    return revised(
        EditMessage,
        account,
        incoming,
        sender=_customer(chat),
        provider_id=message_name(said),
        at_ms=_at_ms(said, "edit_date"),
        text=content_of(said, "").text,
    )


def _reaction(told: Json, incoming: Incoming, account: Account) -> Item:
    """All the reactions that the customer has to the message now, none if they took them back."""
    chat = object_in(told, "chat")
    unread = _unread(chat, object_in(told, "user"))
    if unread:
        return unread
    now = (text_in(each, "emoji") or "[emoji]" for each in objects_in(told, "new_reaction"))
    return revised(
        ReactToMessage,
        account,
        incoming,
        sender=_customer(chat),
        provider_id=message_name(told),
        at_ms=_at_ms(told),
        reaction="".join(now),
    )


def _press(query: Json, incoming: Incoming, account: Account) -> Item:
    """A button under a message of the bot. When it was pressed is not told, so it was now."""
    if "inline_message_id" in query:
        return Unread("other_update")  # under a message in a chat that the bot does not see
    chat, sender = object_in(object_in(query, "message"), "chat"), object_in(query, "from")
    unread = _unread(chat, sender)
    if unread:
        return unread
    name = f"callback/{wanted_in(query, 'id')}"
    data = text_in(query, "data") or text_in(query, "game_short_name")
    text = f"[button: {data[:BUTTON_CHARACTERS_MAX]}]" if data else unshown("button")
    return _arrived(name, chat, sender, Content(text), incoming.now_ms, incoming, account)


def _unread(chat: Json, sender: Json) -> Unread | None:
    """Why nobody reads what is said there; None for what a customer says to us alone."""
    kind = wanted_in(chat, "type")
    if kind in {"group", "supergroup"}:
        return Unread("group")
    if kind != "private":
        return Unread("other_update")
    return Unread("bot") if sender.get("is_bot") is True else None


def _arrived(
    provider_id: str,
    chat: Json,
    sender: Json,
    content: Content,
    at_ms: int,
    incoming: Incoming,
    account: Account,
    *,
    answers: str = "",
) -> Arrived:
    """A message of theirs.

    Its language is the account's: `language_code` is that of their buttons, not of what they write,
    and would ask for an agent who speaks it.
    """
    return arrived(
        account,
        incoming,
        sender=_customer(chat),
        provider_id=provider_id,
        content=content,
        at_ms=at_ms,
        from_name=full_name(sender) or text_in(sender, "username"),
        answers=answers,
    )


def _customer(chat: Json) -> str:
    """Whose chat with the bot it is."""
    return normalise(Medium.TELEGRAM, str(whole_in(chat, "id")))


def _at_ms(said: Json, name: str = "date") -> int:
    """Telegram tells whole seconds."""
    seconds = whole_in(said, name)
    if seconds < 0:
        raise Malformed(f"{name} is not in seconds since 1970")
    return seconds * 1000


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.TELEGRAM}),
    hooks=(WebhookHook(),),
    patient=True,
    sender=TelegramSender,
    media_source=TelegramMedia,
)
