"""Facebook Messenger: what people write to a page, what the page sent itself, and sending.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks

Meta repeats a webhook for hours until it hears a 200, and a batch whole: so one event that cannot
be read is counted and set aside, and what stands beside it is taken. It signs no time: a replay is
known by the message's id. What was read is told as a time only, and names no message.

Edits and reactions are events of their own; what was unsent comes as a message that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.commands import (
    EditMessage,
    NoteProgress,
    ReactToMessage,
    RetractMessage,
    Revision,
)
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Attachment, Progress
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.arrivals import arrived, revised
from services.intake.shell.channels.contents import Content, joined, map_link, unshown
from services.intake.shell.channels.forms import json_object, storable
from services.intake.shell.channels.json_fields import (
    Json,
    object_in,
    objects_in,
    text_in,
    wanted_in,
)
from services.intake.shell.channels.leftovers import MALFORMED, UNKNOWN, leftover
from services.intake.shell.channels.messenger_media import MessengerMedia
from services.intake.shell.channels.messenger_sender import MessengerSender
from services.intake.shell.channels.meta_webhook import (
    BODY_BYTES_MAX,
    Subscription,
    is_by_meta,
)
from services.intake.shell.channels.protocol import (
    Channel,
    Incoming,
    Item,
    Malformed,
    Reported,
    Unread,
)

PROVIDER: Final = "messenger"
PATH: Final = "/webhooks/messenger/{account_id}"
MEDIA: Final = frozenset({"audio", "file", "image", "sticker", "video"})
_OTHER: Final = frozenset(
    {
        "account_linking",
        "app_roles",
        "customer_information",
        "game_play",
        "message_context",
        "messaging_feedback",
        "optin",
        "pass_thread_control",
        "policy_enforcement",
        "read",
        "referral",
        "request_thread_control",
        "take_thread_control",
    }
)
"""Events that say nothing to us."""
SECONDS_MAX: Final = 100_000_000_000
"""Up to here a time is in seconds (the year 5138); in milliseconds it would be 1973."""


class WebhookHook:
    """One webhook: entries, each with the events of a page."""

    path = PATH
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the app's secret."""
        return is_by_meta(incoming, account)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """Everything in it, in order."""
        body = json_object(incoming.body)
        if body.get("object") != "page":
            raise Malformed("object is not page")
        return [
            item for entry in objects_in(body, "entry") for item in _items(entry, incoming, account)
        ]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Anything with a 200."""
        del incoming, items
        return Response()


def _items(entry: Json, incoming: Incoming, account: Account) -> Iterator[Item]:
    page = account.settings.get("page_id")
    if page and text_in(entry, "id") != page:
        yield Unread("other_page")  # of the same app: its own account has its own address
        return
    for event in objects_in(entry, "messaging"):
        yield from _taken(partial(_event, event, incoming, account), event)
    for _ in objects_in(entry, "standby"):
        yield Unread("standby")  # another app has the conversation, and answers
    for _ in objects_in(entry, "changes"):
        yield Unread("other_event")  # of the page's wall, not of its mailbox


def _taken(read: Callable[[], Iterable[Item]], event: Json) -> Sequence[Item]:
    """What `read` makes of `event`; what it cannot read holds up nobody."""
    try:
        return list(read())
    except (Malformed, BadAddress):
        return [leftover(MALFORMED, event)]


def _event(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    for name, read in _READERS.items():
        if name in event:
            return read(event, incoming, account)
    if _OTHER.isdisjoint(event):
        return [leftover(UNKNOWN, event)]
    return [Unread("watermark" if "read" in event else "other_event")]


def _message(event: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    said = object_in(event, "message")
    if said.get("is_echo"):
        return [_echo(event, said, incoming, account)]
    if said.get("is_deleted"):
        return [_revised(RetractMessage, event, said, incoming, account)]
    text, files = _text(said), _files(said)
    if text or files:
        return [_arrived(event, wanted_in(said, "mid"), text, files, incoming, account)]
    shown = _arrived(event, wanted_in(said, "mid"), unshown("message"), (), incoming, account)
    return [shown, leftover(UNKNOWN, event)]


def _edit(event: Json, incoming: Incoming, account: Account) -> Sequence[Item]:
    said = object_in(event, "message_edit")
    text = text_in(said, "text")
    return [_revised(EditMessage, event, said, incoming, account, text=text)]


def _reaction(event: Json, incoming: Incoming, account: Account) -> Sequence[Item]:
    """An emoji, which has a name as well; they may take it back."""
    said = object_in(event, "reaction")
    reaction = text_in(said, "emoji") or text_in(said, "reaction")
    if text_in(said, "action") == "unreact":
        reaction = ""
    elif not reaction:
        raise Malformed("reaction has no emoji")
    return [_revised(ReactToMessage, event, said, incoming, account, reaction=reaction)]


def _revised(
    make: Callable[..., Revision],
    event: Json,
    said: Json,
    incoming: Incoming,
    account: Account,
    **change: str,
) -> Item:
    return revised(
        make,
        account,
        incoming,
        sender=_person(event, "sender"),
        provider_id=wanted_in(said, "mid"),
        at_ms=_at_ms(event.get("timestamp"), incoming),
        **change,
    )


def _postback(event: Json, incoming: Incoming, account: Account) -> Sequence[Item]:
    """A pressed button says what is written on it. Not every press has an id of its own."""
    pressed = object_in(event, "postback")
    named = f"postback/{_person(event, 'sender')}/{event.get('timestamp')}"
    text = text_in(pressed, "title") or "[button]"
    return [_arrived(event, text_in(pressed, "mid") or named, text, (), incoming, account)]


def _echo(event: Json, said: Json, incoming: Incoming, account: Account) -> Item:
    # Meta lists nothing that was sent, and no receipt but this one bears our id: the echo is how a
    # call whose end is unknown is recognised, and how its later receipts find their message.
    ours = text_in(said, "metadata")
    if not ours or said.get("is_deleted"):
        return Unread("echo")  # by somebody in Meta's own inbox, or by another app
    recipient, at_ms = _person(event, "recipient"), _at_ms(event.get("timestamp"), incoming)
    return _reported(Progress.SENT, ours, wanted_in(said, "mid"), recipient, at_ms, account)


def _delivery(event: Json, incoming: Incoming, account: Account) -> Sequence[Item]:
    """One receipt a message, where it names any: older apps tell only up to when all have come."""
    told = object_in(event, "delivery")
    mids = told.get("mids")
    if not isinstance(mids, list) or not mids:
        return [Unread("watermark")]
    recipient = _person(event, "sender")
    at_ms = _at_ms(event.get("timestamp", told.get("watermark")), incoming)
    return [
        _reported(Progress.DELIVERED, "", storable(mid), recipient, at_ms, account)
        if isinstance(mid, str) and storable(mid)
        else leftover(MALFORMED, event)
        for mid in mids
    ]


def _reported(
    progress: Progress, ours: str, mid: str, recipient: str, at_ms: int, account: Account
) -> Reported:
    """A receipt under our id; where Meta does not tell it, `mid` finds the message."""
    note = NoteProgress(
        tenant_id=account.tenant_id,
        home_id=_home(account, recipient),
        account_id=account.account_id,
        message_id=ours,
        provider_message_id=mid,
        progress=progress,
        reason="",
        occurred_at_ms=at_ms,
        by_provider=True,
    )
    return Reported(note, recipient)


def _arrived(
    event: Json,
    provider_id: str,
    text: str,
    files: Iterable[str],
    incoming: Incoming,
    account: Account,
) -> Item:
    """What somebody said. Messenger does not tell their name."""
    message_id = inbound_message_id(account.account_id, provider_id)
    attachments = tuple(
        Attachment(f"{message_id}-{number}", "", "", 0, url) for number, url in enumerate(files)
    )
    return arrived(
        account,
        incoming,
        sender=_person(event, "sender"),
        provider_id=provider_id,
        content=Content(text, attachments),
        at_ms=_at_ms(event.get("timestamp"), incoming),
        answers=text_in(object_in(object_in(event, "message"), "reply_to"), "mid"),
    )


def _text(said: Json) -> str:
    """What they wrote, and what they shared that is not a file."""
    attached = objects_in(said, "attachments")
    shared = (_shared(each) for each in attached if text_in(each, "type") not in MEDIA)
    return "\n".join(filter(None, (text_in(said, "text"), *shared)))


def _files(said: Json) -> Sequence[str]:
    """Where the files are. A sticker may come twice, as itself and as an image; it is one."""
    found: dict[str, str] = {}
    for each in objects_in(said, "attachments"):
        payload = object_in(each, "payload")
        url = text_in(payload, "url")
        if url and text_in(each, "type") in MEDIA:
            found.setdefault(str(payload.get("sticker_id") or url), url)
    return tuple(found.values())


def _shared(attached: Json) -> str:
    """The title and the address of a link, a post, a template; of a place, its map's."""
    payload = object_in(attached, "payload")
    title = text_in(attached, "title") or text_in(payload, "title")
    url = text_in(attached, "url") or text_in(payload, "url")
    return joined((title, _map(object_in(payload, "coordinates")) or url))


def _map(place: Json) -> str:
    try:
        return map_link(place, "lat", "long")
    except Malformed:
        return ""


def _person(event: Json, role: str) -> str:
    """Somebody's id, which is of this page only."""
    return normalise(Medium.MESSENGER, wanted_in(object_in(event, role), "id"))


def _home(account: Account, address: str) -> str:
    return home_id(account.tenant_id, Medium.MESSENGER, address)


def _at_ms(given: object, incoming: Incoming) -> int:
    """Meta tells milliseconds, of some buttons seconds as text. A clock ahead is not believed."""
    if isinstance(given, str) and given.isdecimal() and len(given) <= 15:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or given <= 0:
        raise Malformed("timestamp is not in milliseconds")
    return min(given * 1000 if given <= SECONDS_MAX else given, incoming.now_ms)


_READERS: Final[Mapping[str, Callable[[Json, Incoming, Account], Iterable[Item]]]] = {
    "message": _message,
    "message_edit": _edit,
    "reaction": _reaction,
    "postback": _postback,
    "delivery": _delivery,
}

CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.MESSENGER}),
    hooks=(WebhookHook(),),
    handshakes=(Subscription(PATH),),
    patient=True,
    sender=MessengerSender,
    media_source=MessengerMedia,
)
