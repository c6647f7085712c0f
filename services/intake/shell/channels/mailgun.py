"""Mailgun: mail by a route's `forward()`, taken apart or raw, and what became of ours.

https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http
https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks

A route whose address ends in `mime` posts the mail as it came. Mailgun repeats what is not answered
with 200 or 406 for about eight hours; 406 means "never again", so no door of ours says it. The
signature is over a time and a token, not over the body: a signature that somebody has read along
ends with its time, and a mail that comes again is known by its Message-ID.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.model import Channel as Medium
from services.intake.core.model import Progress
from services.intake.shell.channels.body_signature import is_among
from services.intake.shell.channels.form_data import FormData, form_of
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.json_fields import Json, object_in, text_in
from services.intake.shell.channels.mail_receipts import (
    COMPLAINED,
    no_step,
    reason_of,
    reported,
)
from services.intake.shell.channels.mailgun_sender import MailgunSender
from services.intake.shell.channels.protocol import (
    Channel,
    Envelope,
    File,
    Incoming,
    Item,
    MailParts,
    Malformed,
    RawMail,
    Unread,
)

PROVIDER: Final = "mailgun"
SIGNING_KEY: Final = "signing_key"
MAIL_BYTES_MAX: Final = 40 * 1024 * 1024  # 25 MB, and what encoding a whole mail as a form adds
EVENT_BYTES_MAX: Final = 1024 * 1024
AGE_SECONDS_MAX: Final = 9 * 3600
"""The last repeat comes after a little more than eight hours."""
AHEAD_SECONDS_MAX: Final = 300

_PROGRESS: Final[Mapping[str, Progress]] = {
    "accepted": Progress.SENT,
    "delivered": Progress.DELIVERED,
    "complained": Progress.DELIVERED,
    "failed": Progress.FAILED,
    "rejected": Progress.FAILED,
}
_COUNTED: Final[Mapping[str, str]] = {
    "opened": "open",
    "clicked": "click",
    "unsubscribed": "unsubscribe",
    "stored": "other_event",
    "list_member_uploaded": "other_event",
    "list_member_upload_error": "other_event",
    "list_uploaded": "other_event",
}
"""Kinds that change nothing."""


class _MailgunHook:
    body_bytes_max = MAIL_BYTES_MAX

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """A 200: to Mailgun, any other 2xx is no success."""
        del incoming, items
        return Response(status_code=200)


class MailHook(_MailgunHook):
    """A mail. Whether it is raw or taken apart is seen by its fields."""

    def __init__(self, path: str) -> None:
        self.path = path

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the fields that stand in the form."""
        form = form_of(incoming)
        names = ("timestamp", "token", "signature")
        return is_signed(*map(form.text, names), incoming=incoming, account=account)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One mail, whatever it is."""
        del account
        form = form_of(incoming)
        envelope = Envelope(incoming.now_ms, recipients=_recipients(form))
        if form.has("body-mime"):
            return [RawMail(form.raw("body-mime"), envelope)]
        if not form.has("message-headers"):
            raise Malformed("the form has neither message-headers nor body-mime")
        parts = MailParts(
            headers=_headers(form.raw("message-headers")),
            text=form.text("body-plain"),
            html=form.text("body-html"),
            files=_files(form),
            envelope=envelope,
        )
        return [parts]


class EventHook(_MailgunHook):
    """One step of a mail that we sent."""

    path = "/webhooks/mailgun/{account_id}/events"
    body_bytes_max = EVENT_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the object that stands beside the event."""
        signed = object_in(json_object(incoming.body), "signature")
        names = ("timestamp", "token", "signature")
        return is_signed(
            *(text_in(signed, name) for name in names), incoming=incoming, account=account
        )

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One receipt; a mail that is only late is counted."""
        event = object_in(json_object(incoming.body), "event-data")
        return [_event(event, incoming, account)]


def is_signed(
    timestamp: str, token: str, signature: str, *, incoming: Incoming, account: Account
) -> bool:
    """Whether a live `signing_key` has signed time and token, and not too long ago."""
    if not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    age_seconds = incoming.now_ms // 1000 - int(timestamp[:15])
    valid = [sign(timestamp, token, key) for key in account.keys(SIGNING_KEY)]
    return is_among(signature, valid) and -AHEAD_SECONDS_MAX <= age_seconds <= AGE_SECONDS_MAX


def sign(timestamp: str, token: str, key: str) -> str:
    """The signature of a time and a token."""
    return hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()


def _recipients(form: FormData) -> tuple[str, ...]:
    """Several, between commas, where one mail matched a route for several of them."""
    return tuple(filter(None, (each.strip() for each in form.text("recipient").split(","))))


def _headers(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The list of pairs that the field is. Raises `Malformed`."""
    found = _json(raw)
    if not isinstance(found, list):
        raise Malformed("message-headers is not a JSON list")
    pairs = (each for each in found if isinstance(each, list) and len(each) == 2)
    return tuple((str(name), str(value)) for name, value in pairs)


def _files(form: FormData) -> tuple[File, ...]:
    """Files, with what the html calls those that it shows."""
    shown = _json(form.raw("content-id-map"))
    shown = shown if isinstance(shown, dict) else {}
    names = {str(field): str(name).strip("<> ") for name, field in shown.items()}
    return tuple(
        File(file.file_name, file.media_type, file.content, names.get(file.name, ""))
        for file in form.files
    )


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _event(event: Json, incoming: Incoming, account: Account) -> Item:
    kind = text_in(event, "event")
    progress = _PROGRESS.get(kind)
    if progress is None:
        return no_step(event, _COUNTED.get(kind))
    if kind == "failed" and text_in(event, "severity") != "permanent":
        return Unread("deferred")
    reason = COMPLAINED if kind == "complained" else ""
    if progress is Progress.FAILED:
        code = object_in(event, "delivery-status").get("code")
        reason = reason_of(kind, text_in(event, "reason"), code)
    headers = object_in(object_in(event, "message"), "headers")
    return reported(
        account,
        incoming,
        ids=object_in(event, "user-variables"),
        address=text_in(event, "recipient"),
        progress=progress,
        provider_id=text_in(headers, "message-id").strip("<> "),
        reason=reason,
        at_ms=_at_ms(event.get("timestamp")),
    )


def _at_ms(timestamp: object) -> int:
    """Seconds with a fraction; 0 for what is none."""
    known = isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool)
    return int(timestamp * 1000) if known and 0 < timestamp < 2**40 else 0  # type: ignore[operator] # known to be a number


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.EMAIL}),
    hooks=(
        MailHook("/webhooks/mailgun/{account_id}"),
        MailHook("/webhooks/mailgun/{account_id}/mime"),
        EventHook(),
    ),
    receipts=frozenset({EventHook.path}),
    patient=True,
    sender=MailgunSender,
)
