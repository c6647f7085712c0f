"""WhatsApp Cloud: messages and statuses in batches, the handshake of a subscription, and sending.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks

Meta repeats a webhook for days until it hears a 200, and a batch whole: so one item that cannot be
read is counted and set aside, and what stands beside it is taken. It signs no time: a replay is
known by the message's id. Statuses overtake each other; the threader knows which one is further.

Edits, deletions and reactions are messages that name another. Somebody who changes their number
gets another business-scoped user id as well; a system message tells the old and the new ones.
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
)
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel as Medium
from services.intake.core.model import Progress, StatedIdentity
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.arrivals import arrived, linked, revised, verified
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.json_fields import (
    Json,
    number_in,
    object_in,
    objects_in,
    text_in,
    wanted_in,
)
from services.intake.shell.channels.leftovers import MALFORMED, leftover, with_leftover
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
from services.intake.shell.channels.whatsapp_content import content_of
from services.intake.shell.channels.whatsapp_media import WhatsAppMedia
from services.intake.shell.channels.whatsapp_sender import WhatsAppSender, reason_of

PROVIDER: Final = "whatsapp"
PATH: Final = "/webhooks/whatsapp/{account_id}"

_PROGRESS: Final[Mapping[str, Progress]] = {
    "sent": Progress.SENT,
    "delivered": Progress.DELIVERED,
    "read": Progress.READ,
    "played": Progress.READ,
    "failed": Progress.FAILED,
}
_MOVES: Final = frozenset({"user_changed_number", "user_changed_user_id"})
"""Of the system messages, those that tell another address of somebody we know."""


class WebhookHook:
    """One webhook: entries, each with changes, each with messages or statuses."""

    path = PATH
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the app's secret."""
        return is_by_meta(incoming, account)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """Everything in it, in order."""
        body = json_object(incoming.body)
        if body.get("object") != "whatsapp_business_account":
            raise Malformed("object is not whatsapp_business_account")
        return [
            item
            for entry in objects_in(body, "entry")
            for change in objects_in(entry, "changes")
            for item in _items(change, incoming, account)
        ]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Anything with a 200."""
        del incoming, items
        return Response()


def _items(change: Json, incoming: Incoming, account: Account) -> Iterator[Item]:
    if change.get("field") != "messages":
        yield Unread("other_field")
        return
    value = object_in(change, "value")
    number = account.settings.get("phone_number_id")
    if number and text_in(object_in(value, "metadata"), "phone_number_id") != number:
        yield Unread("other_number")  # of the same app: its own account has its own address
        return
    for message in objects_in(value, "messages"):
        yield from _taken(partial(_message, message, value, incoming, account), message)
    for status in objects_in(value, "statuses"):
        yield from _taken(partial(_status, status, incoming, account), status)


def _taken(read: Callable[[], Iterable[Item]], said: Json) -> Sequence[Item]:
    """What `read` makes of `said`; what it cannot read holds up nobody."""
    try:
        return list(read())
    except (Malformed, BadAddress):
        return [leftover(MALFORMED, said)]


def _message(said: Json, value: Json, incoming: Incoming, account: Account) -> Iterable[Item]:
    kind = wanted_in(said, "type")
    if text_in(said, "group_id"):
        return [Unread("group")]
    if kind == "system":
        return _moved(said, account)
    change = _CHANGES.get(kind)
    if change is not None:
        return [change(said, incoming, account)]
    provider_id, sender, contact = wanted_in(said, "id"), _sender(said), _contact(said, value)
    content = content_of(kind, said, inbound_message_id(account.account_id, provider_id))
    message = arrived(
        account,
        incoming,
        sender=sender,
        provider_id=provider_id,
        content=content,
        at_ms=_at_ms(said),
        from_name=text_in(object_in(contact, "profile"), "name"),
        answers=text_in(object_in(said, "context"), "id"),
        also=_also(said, contact, sender, account),
    )
    return with_leftover(message, content, said)


def _edit(said: Json, incoming: Incoming, account: Account) -> Item:
    """What they wrote before reads like this now. Only texts and captions can be edited."""
    edit = object_in(said, "edit")
    now = object_in(edit, "message")
    return revised(
        EditMessage,
        account,
        incoming,
        sender=_sender(said),
        provider_id=wanted_in(edit, "original_message_id"),
        at_ms=_at_ms(said),
        text=content_of(wanted_in(now, "type"), now, "").text,
    )


def _revoke(said: Json, incoming: Incoming, account: Account) -> Item:
    return revised(
        RetractMessage,
        account,
        incoming,
        sender=_sender(said),
        provider_id=wanted_in(object_in(said, "revoke"), "original_message_id"),
        at_ms=_at_ms(said),
    )


def _reaction(said: Json, incoming: Incoming, account: Account) -> Item:
    """Without an emoji they take back the one before."""
    reaction = object_in(said, "reaction")
    return revised(
        ReactToMessage,
        account,
        incoming,
        sender=_sender(said),
        provider_id=wanted_in(reaction, "message_id"),
        at_ms=_at_ms(said),
        reaction=text_in(reaction, "emoji"),
    )


_CHANGES: Final[Mapping[str, Callable[[Json, Incoming, Account], Item]]] = {
    "edit": _edit,
    "revoke": _revoke,
    "reaction": _reaction,
}


def _moved(said: Json, account: Account) -> Sequence[Item]:
    """Each address that they had before has each of the new ones, too."""
    told = object_in(said, "system")
    if text_in(told, "type") not in _MOVES:
        return [Unread("system")]
    before = [text_in(said, "from"), text_in(told, "previous_user_id")]
    now = [text_in(told, "wa_id"), text_in(told, "user_id")]
    known, new = (list(map(_address, filter(None, each))) for each in (before, now))
    if not known or not new:
        raise Malformed("a move has an address before and one after it")
    return [linked(account, known=old, new=each) for old in known for each in new if each != old]


def _status(said: Json, incoming: Incoming, account: Account) -> Sequence[Item]:
    progress = _PROGRESS.get(text_in(said, "status"))
    if progress is None or text_in(said, "recipient_type") == "group":
        return [Unread("other_status")]
    recipient = _address(text_in(said, "recipient_id") or text_in(said, "recipient_user_id"))
    errors = objects_in(said, "errors")
    note = NoteProgress(
        tenant_id=account.tenant_id,
        home_id=home_id(account.tenant_id, Medium.WHATSAPP, recipient),
        account_id=account.account_id,
        message_id=text_in(said, "biz_opaque_callback_data"),
        provider_message_id=wanted_in(said, "id"),
        progress=progress,
        reason=reason_of(number_in(errors[0], "code")) if errors else "",
        occurred_at_ms=min(_at_ms(said), incoming.now_ms),
        by_provider=True,
    )
    return [Reported(note, recipient)]


def _sender(said: Json) -> str:
    """Their number; somebody who shows a username instead is known by an id of this business."""
    return _address(text_in(said, "from") or text_in(said, "from_user_id"))


def _address(given: str) -> str:
    return normalise(Medium.WHATSAPP, f"+{given}" if given.isdecimal() else given)


def _contact(said: Json, value: Json) -> Json:
    """What the webhook tells of the sender: their name, their ids."""
    for contact in objects_in(value, "contacts"):
        known = {text_in(contact, "wa_id"), text_in(contact, "user_id")} - {""}
        if known & {text_in(said, "from"), text_in(said, "from_user_id")}:
            return contact
    return {}


def _also(said: Json, contact: Json, sender: str, account: Account) -> tuple[StatedIdentity, ...]:
    """The id that they stay known by should they hide their number; a broken one is no loss."""
    try:
        user_id = _address(text_in(said, "from_user_id") or text_in(contact, "user_id"))
    except BadAddress:
        return ()
    return () if user_id == sender else (verified(account, user_id),)


def _at_ms(said: Json) -> int:
    """Meta tells whole seconds."""
    seconds = text_in(said, "timestamp")
    if not seconds.isdecimal() or len(seconds) > 12:
        raise Malformed("timestamp is not in seconds")
    return int(seconds) * 1000


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.WHATSAPP}),
    hooks=(WebhookHook(),),
    handshakes=(Subscription(PATH),),
    patient=True,
    sender=WhatsAppSender,
    media_source=WhatsAppMedia,
)
