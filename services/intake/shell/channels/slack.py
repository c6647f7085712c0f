"""Slack: direct messages to the app, by its Events API, and the app's answers.

https://docs.slack.dev/apis/events-api/

Slack waits three seconds for a 2xx and repeats an event three times; after many failures it takes
the subscription away. So an event that cannot be read is counted, and answered like any other. The
signature holds for five minutes, which keeps replays out. A repeat is known by the message's time,
which is unique within its conversation; the client's own id is not there for every client.

Edits and deletions are messages around the message as it was, reactions are events of their own.
Somebody may react several times to one message; which reaction was taken back is not kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from starlette.responses import PlainTextResponse, Response

from services.intake.core.account import Account
from services.intake.core.commands import (
    EditMessage,
    ReactToMessage,
    RetractMessage,
    Revision,
)
from services.intake.core.identity import inbound_message_id
from services.intake.core.model import Attachment
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
    size_in,
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
    Channel,
    Incoming,
    Item,
    Malformed,
    Unread,
)
from services.intake.shell.channels.slack_media import SlackMedia
from services.intake.shell.channels.slack_sender import SlackSender

PROVIDER: Final = "slack"
PATH: Final = "/webhooks/slack/{account_id}"
SIGNATURE: Final = "x-slack-signature"
TIMESTAMP: Final = "x-slack-request-timestamp"
SIGNING_SECRET: Final = "signing_secret"  # noqa: S105 - the name of a secret, not one
BODY_BYTES_MAX: Final = 1024 * 1024
CHALLENGE_CHARACTERS_MAX: Final = 256
WINDOW_MS: Final = 300_000
"""How far the signed time may be from ours, either way."""

_DIRECT: Final = "D"
"""What ids of direct conversations begin with: reactions tell nothing else of where they are."""
_OTHER: Final = frozenset(
    {
        "assistant_app_thread",
        "bot_add",
        "bot_remove",
        "channel_archive",
        "channel_convert_to_private",
        "channel_convert_to_public",
        "channel_join",
        "channel_leave",
        "channel_name",
        "channel_posting_permissions",
        "channel_purpose",
        "channel_topic",
        "channel_unarchive",
        "document_mention",
        "ekm_access_denied",
        "group_archive",
        "group_join",
        "group_leave",
        "group_name",
        "group_purpose",
        "group_topic",
        "group_unarchive",
        "huddle_thread",
        "message_replied",
        "pinned_item",
        "reminder_add",
        "reply_broadcast",
        "sh_room_created",
        "tombstone",
        "unpinned_item",
    }
)
"""Subtypes that say nothing to us."""
_SLACKBOT: Final = "USLACKBOT"
_TOMBSTONE: Final = "tombstone"
"""What stands for a deleted message that has answers."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_TIME: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_MARKUP: Final = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


class EventHook:
    """One event, or the question whether the address is really ours."""

    path = PATH
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the app's signing secret, within the window."""
        timestamp = incoming.headers.get(TIMESTAMP, "")
        if not _SECONDS.fullmatch(timestamp):
            return False
        if abs(incoming.now_ms - int(timestamp) * 1000) > WINDOW_MS:
            return False
        signatures = (sign(incoming.body, timestamp, key) for key in account.keys(SIGNING_SECRET))
        return is_among(incoming.headers.get(SIGNATURE, ""), signatures)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One item; none where Slack only asks for its challenge."""
        body = json_object(incoming.body)
        kind = text_in(body, "type")
        if kind == "url_verification":
            return []
        if kind != "event_callback" or not object_in(body, "event"):
            return [Unread("other_body")]
        try:
            return list(_items(body, incoming, account))
        except (Malformed, BadAddress):
            return [leftover(MALFORMED, body["event"])]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """The challenge, where there is one; anything with a 200 otherwise."""
        if items:
            return Response()
        challenge = text_in(json_object(incoming.body), "challenge")
        too_long = len(challenge) > CHALLENGE_CHARACTERS_MAX
        return PlainTextResponse("" if too_long else challenge)


def sign(body: bytes, timestamp: str, key: str) -> str:
    """The signature of exactly these bytes at `timestamp`, in Unix seconds as Slack wrote them."""
    signed = b"v0:%b:%b" % (timestamp.encode(), body)
    return f"v0={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


def _items(body: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    event = object_in(body, "event")
    team = account.settings.get("team_id")
    if team and text_in(body, "team_id") != team:
        return [Unread("other_team")]  # of the same app: its own account has its own address
    kind = wanted_in(event, "type")
    if kind in _REACTIONS:
        return [_reaction(event, body, incoming, account)]
    if kind != "message":
        return [Unread("channel" if kind == "app_mention" else "other_event")]
    subtype = text_in(event, "subtype")
    if subtype == "bot_message" or _is_by_bot(_written(event), body):
        return [Unread("bot")]
    read = _READERS.get(subtype)
    if read is None and subtype in _OTHER:
        return [Unread("other_subtype")]
    if wanted_in(event, "channel_type") != "im":
        return [Unread("channel")]
    return [leftover(UNKNOWN, event)] if read is None else read(event, incoming, account)


def _is_by_bot(event: Json, body: Json) -> bool:
    """What the app itself says comes back as an event too."""
    own = {
        text_in(each, "user_id")
        for each in objects_in(body, "authorizations")
        if each.get("is_bot") is True
    }
    return bool(text_in(event, "bot_id")) or text_in(event, "user") in own - {""} | {_SLACKBOT}


def _message(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    """Slack names nobody in an event: `from_name` stays empty. A thread answers its first."""
    sender = normalise(Medium.SLACK, wanted_in(event, "user"))
    channel, ts = wanted_in(event, "channel"), wanted_in(event, "ts")
    thread = text_in(event, "thread_ts")
    provider_id = f"{channel}/{ts}"
    message_id = inbound_message_id(account.account_id, provider_id)
    text, files = shown(text_in(event, "text")), _attachments(event, message_id)
    content = Content(text, files)
    if not text.strip() and not files:
        content = Content(unshown("message"), unforeseen=True)
    message = arrived(
        account,
        incoming,
        sender=sender,
        provider_id=provider_id,
        content=content,
        at_ms=_at_ms(event),
        answers=f"{channel}/{thread}" if thread not in {"", ts} else "",
    )
    return with_leftover(message, content, event)


def _written(event: Json) -> Json:
    """The message that an event is about: itself, or one that was changed, as it was if known."""
    return object_in(event, "previous_message") or object_in(event, "message") or event


def _changed(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    """What they wrote reads otherwise now; or its links were looked up, or it was deleted."""
    now = object_in(event, "message")
    if text_in(now, "subtype") == _TOMBSTONE:
        return _deleted(event, incoming, account)
    if not object_in(now, "edited"):
        return [Unread("preview")]
    ts = text_in(now, "ts") or text_in(_written(event), "ts")
    text = shown(text_in(now, "text"))
    return [_revised(EditMessage, event, ts, incoming, account, text=text)]


def _deleted(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    ts = text_in(event, "deleted_ts") or text_in(_written(event), "ts")
    return [_revised(RetractMessage, event, ts, incoming, account)]


def _revised(
    make: Callable[..., Revision],
    event: Json,
    ts: str,
    incoming: Incoming,
    account: Account,
    **change: str,
) -> Item:
    """A change of the message that was written at `ts` in the conversation of the event."""
    if not ts:
        raise Malformed("the message has no ts")
    return revised(
        make,
        account,
        incoming,
        sender=normalise(Medium.SLACK, wanted_in(_written(event), "user")),
        provider_id=f"{wanted_in(event, 'channel')}/{ts}",
        at_ms=_at_ms(event),
        **change,
    )


def _reaction(event: Json, body: Json, incoming: Incoming, account: Account) -> Item:
    """By its name, as Slack calls it."""
    item, reaction = object_in(event, "item"), wanted_in(event, "reaction")
    channel = wanted_in(item, "channel")
    if _is_by_bot(event, body):
        return Unread("bot")
    if not channel.startswith(_DIRECT):
        return Unread("channel")
    return revised(
        ReactToMessage,
        account,
        incoming,
        sender=normalise(Medium.SLACK, wanted_in(event, "user")),
        provider_id=f"{channel}/{wanted_in(item, 'ts')}",
        at_ms=_at_ms(event, "event_ts"),
        reaction=reaction if text_in(event, "type") == "reaction_added" else "",
    )


_REACTIONS: Final = frozenset({"reaction_added", "reaction_removed"})
_READERS: Final[Mapping[str, Callable[[Json, Incoming, Account], Iterable[Item]]]] = {
    **dict.fromkeys(("", "file_share", "me_message", "thread_broadcast"), _message),
    "message_changed": _changed,
    "message_deleted": _deleted,
}
"""By subtype; an ordinary message has none."""


def _at_ms(event: Json, name: str = "ts") -> int:
    """Slack tells seconds with a fraction."""
    told = _TIME.fullmatch(text_in(event, name))
    if told is None:
        raise Malformed(f"{name} is not in seconds")
    milliseconds = (told[2] or "").ljust(3, "0")[:3]
    return int(told[1] + milliseconds)


def shown(text: str) -> str:
    """Text as a reader without Slack wants it: links and names in full, and no escapes."""
    marked = _MARKUP.sub(_unmarked, text)
    # What a customer typed is escaped, so it is no markup; `&amp;` is last, or `&amp;lt;` is lost.
    return marked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _unmarked(found: re.Match[str]) -> str:
    target, label = found[1], found[2] or ""
    mark, name = target[0], target[1:]
    if mark in "@#":
        return f"{mark}{label or name}"
    if mark == "!":
        return label or f"@{name}"
    return _link(target, label)


def _link(target: str, label: str) -> str:
    """Both, as a label may hide where a link goes; one is enough for a mailbox that is its own."""
    if not label or label == target:
        return target
    return label if target == f"mailto:{label}" else f"{label} ({target})"


def _attachments(event: Json, message_id: str) -> tuple[Attachment, ...]:
    """Files that are still with Slack: their content is for whoever has the app's token."""
    files = [file for file in objects_in(event, "files") if _reference(file)]
    return tuple(
        Attachment(
            attachment_id=f"{message_id}-{place}",
            file_name=text_in(file, "name"),
            media_type=text_in(file, "mimetype"),
            size_bytes=size_in(file, "size"),
            reference=_reference(file),
        )
        for place, file in enumerate(files)
    )


def _reference(file: Json) -> str:
    """Its address; of a file that another workspace shares, Slack tells the id only.

    The address for downloads is preferred: the other one leads to a viewer for some files.
    """
    file_id = text_in(file, "id")
    url = text_in(file, "url_private_download") or text_in(file, "url_private")
    return url or (f"slack:{file_id}" if file_id else "")


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.SLACK}),
    hooks=(EventHook(),),
    sender=SlackSender,
    media_source=SlackMedia,
)
