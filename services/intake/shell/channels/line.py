"""LINE Messaging API: messages and pressed buttons in batches, and sending.

https://developers.line.biz/en/reference/messaging-api/#webhooks

LINE repeats a webhook only where its redelivery is switched on, and then event by event, late and
out of order. A repeat has the ids of the first delivery: a message's own, which names it here, and
`webhookEventId`, which names a pressed button. `isRedelivery` is not looked at: of what never
reached us, the repeat is all there is. LINE signs no time: a replay is known by the same ids.

A message may quote an earlier one, and may be taken back; it cannot be edited or reacted to.

One event that cannot be read is counted and set aside, and what stands beside it is taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.commands import RetractMessage
from services.intake.core.identity import inbound_message_id
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.arrivals import arrived, revised
from services.intake.shell.channels.body_signature import is_among
from services.intake.shell.channels.contents import Content
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.json_fields import Json, object_in, text_in, wanted_in
from services.intake.shell.channels.leftovers import (
    MALFORMED,
    UNKNOWN,
    leftover,
    with_leftover,
)
from services.intake.shell.channels.line_content import button_of, content_of
from services.intake.shell.channels.line_media import LineMedia
from services.intake.shell.channels.line_sender import LineSender
from services.intake.shell.channels.protocol import (
    Arrived,
    Channel,
    Incoming,
    Item,
    Malformed,
    Unread,
)

PROVIDER: Final = "line"
PATH: Final = "/webhooks/line/{account_id}"
BODY_BYTES_MAX: Final = 1024 * 1024
SIGNATURE: Final = "x-line-signature"
CHANNEL_SECRET: Final = "channel_secret"  # noqa: S105 - the name of a secret, not one

_SHARED: Final = frozenset({"group", "room"})
"""Chats of several people: none of them is a customer who waits for us."""
_COUNTED: Final = frozenset({"follow", "unfollow"})
"""Kinds that are counted by their own names; they change nothing yet."""
_OTHER: Final = frozenset(
    {
        "accountLink",
        "activated",
        "beacon",
        "botResumed",
        "botSuspended",
        "deactivated",
        "delivery",
        "join",
        "leave",
        "memberJoined",
        "memberLeft",
        "membership",
        "module",
        "things",
        "videoPlayComplete",
    }
)
"""Kinds that say nothing to us."""


class WebhookHook:
    """One webhook: events, none at all when LINE only tries the address."""

    path = PATH
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the channel's secret."""
        signatures = (sign(incoming.body, key) for key in account.keys(CHANNEL_SECRET))
        return is_among(incoming.headers.get(SIGNATURE, ""), signatures)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """Everything in it, in order."""
        events = json_object(incoming.body).get("events")
        if not isinstance(events, list):
            raise Malformed("events is not a list")
        return [item for event in events for item in _taken(event, incoming, account)]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Anything with a 200."""
        del incoming, items
        return Response()


def sign(body: bytes, key: str) -> str:
    """The signature of exactly these bytes."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def _taken(event: object, incoming: Incoming, account: Account) -> Sequence[Item]:
    """What an event says; one that cannot be read holds up nobody."""
    try:
        if isinstance(event, dict):
            return list(_items(event, incoming, account))
    except (Malformed, BadAddress):
        pass
    return [leftover(MALFORMED, event)]


def _items(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    if text_in(object_in(event, "source"), "type") in _SHARED:
        return [Unread("group")]
    if text_in(event, "mode") == "standby":
        return [Unread("standby")]  # another service answers this customer now
    kind = wanted_in(event, "type")
    if kind == "message":
        return _message(event, incoming, account)
    if kind == "postback":
        return [_button(event, incoming, account)]
    if kind == "unsend":
        return [_unsend(event, incoming, account)]
    if kind in _COUNTED:
        return [Unread(kind)]
    return [Unread("other_event") if kind in _OTHER else leftover(UNKNOWN, event)]


def _message(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    said = object_in(event, "message")
    provider_id = wanted_in(said, "id")
    message_id = inbound_message_id(account.account_id, provider_id)
    content = content_of(wanted_in(said, "type"), said, message_id)
    answers = text_in(said, "quotedMessageId")
    message = _arrived(provider_id, content, event, incoming, account, answers=answers)
    return with_leftover(message, content, event)


def _unsend(event: Json, incoming: Incoming, account: Account) -> Item:
    """LINE asks to show such a message no more: nobody shall read what they took back."""
    return revised(
        RetractMessage,
        account,
        incoming,
        sender=_sender(event),
        provider_id=wanted_in(object_in(event, "unsend"), "messageId"),
        at_ms=_at_ms(event),
    )


def _button(event: Json, incoming: Incoming, account: Account) -> Item:
    content = button_of(object_in(event, "postback"))
    return _arrived(wanted_in(event, "webhookEventId"), content, event, incoming, account)


def _arrived(
    provider_id: str,
    content: Content,
    event: Json,
    incoming: Incoming,
    account: Account,
    *,
    answers: str = "",
) -> Arrived:
    return arrived(
        account,
        incoming,
        sender=_sender(event),
        provider_id=provider_id,
        content=content,
        at_ms=_at_ms(event),
        answers=answers,
    )


def _sender(event: Json) -> str:
    """Their id, which is theirs with this provider's channels only."""
    source = object_in(event, "source")
    if text_in(source, "type") != "user":
        raise Malformed("source is not a user")
    return normalise(Medium.LINE, wanted_in(source, "userId"))


def _at_ms(event: Json) -> int:
    """When they wrote, not when it was delivered."""
    at_ms = event.get("timestamp")
    if type(at_ms) is not int or at_ms < 0:  # true is an int too
        raise Malformed("timestamp is not in milliseconds")
    return at_ms


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.LINE}),
    hooks=(WebhookHook(),),
    sender=LineSender,
    media_source=LineMedia,
)
