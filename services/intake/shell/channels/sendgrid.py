"""Twilio SendGrid: mail by Inbound Parse, taken apart or raw, and what became of ours.

https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event

SendGrid repeats what a 5xx answers for three days, follows no redirect, and gives no id of its own:
a repeat has the same Message-ID. Requests are signed where a security policy says so (the account
then has a `verification_key`, and one more for a webhook with a key of its own); else the account's
`inbound_token` stands in the address. Where it has both, both must be right.

Fields come in the charsets that `charsets` names. `dkim` looks like JSON and is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.model import Channel as Medium
from services.intake.core.model import Progress
from services.intake.shell.channels import sendgrid_signature
from services.intake.shell.channels.form_data import FormData, FormFile, form_of
from services.intake.shell.channels.inbound_token import INBOUND_TOKEN, has_token
from services.intake.shell.channels.json_fields import (
    Json,
    number_in,
    object_in,
    text_in,
    texts_in,
)
from services.intake.shell.channels.leftovers import MALFORMED, leftover
from services.intake.shell.channels.mail_fields import fields_of
from services.intake.shell.channels.mail_receipts import (
    COMPLAINED,
    no_step,
    reason_of,
    reported,
)
from services.intake.shell.channels.protocol import (
    Channel,
    Envelope,
    File,
    Incoming,
    Item,
    MailParts,
    Malformed,
    RawMail,
)
from services.intake.shell.channels.sendgrid_sender import SendGridSender
from services.intake.shell.mail.texts import decoded

PROVIDER: Final = "sendgrid"
VERIFICATION_KEY: Final = "verification_key"
MAIL_BYTES_MAX: Final = 32 * 1024 * 1024  # 30 MB, says SendGrid, and what the form adds
EVENTS_BYTES_MAX: Final = 1024 * 1024
_UTF_8: Final = "utf-8"

_PROGRESS: Final[Mapping[str, Progress]] = {
    "processed": Progress.SENT,
    "delivered": Progress.DELIVERED,
    "spamreport": Progress.DELIVERED,
    "bounce": Progress.FAILED,
    "dropped": Progress.FAILED,
}
_COUNTED: Final[Mapping[str, str]] = {
    "deferred": "deferred",
    "open": "open",
    "click": "click",
    "unsubscribe": "unsubscribe",
    "group_unsubscribe": "unsubscribe",
    "group_resubscribe": "other_event",
    "account_status_change": "other_event",
}
"""Kinds that change nothing."""


class _SendGridHook:
    body_bytes_max = MAIL_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the signature, by the token, or by both; an account with neither takes nothing."""
        keys, token = account.keys(VERIFICATION_KEY), account.keys(INBOUND_TOKEN)
        is_signed = sendgrid_signature.is_signed(incoming, keys) if keys else bool(token)
        return is_signed and (has_token(incoming, account) if token else True)

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Anything with a 2xx."""
        del incoming, items
        return Response()


class MailHook(_SendGridHook):
    """A mail."""

    path = "/webhooks/sendgrid/{account_id}"

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One mail, whatever it is."""
        del account
        form = form_of(incoming)
        said = _object(form.raw("envelope"))
        envelope = Envelope(incoming.now_ms, recipients=tuple(texts_in(said, "to")))
        if form.has("email"):
            return [RawMail(form.raw("email"), envelope)]
        if not form.has("headers"):
            raise Malformed("the form has neither headers nor email")
        charsets = _object(form.raw("charsets"))
        parts = MailParts(
            headers=fields_of(decoded(form.raw("headers"), "")),
            text=_field(form, charsets, "text"),
            html=_field(form, charsets, "html"),
            files=_files(form),
            envelope=envelope,
        )
        return [parts]


class EventsHook(_SendGridHook):
    """Steps of mails that we sent, many at a time."""

    path = "/webhooks/sendgrid/{account_id}/events"
    body_bytes_max = EVENTS_BYTES_MAX

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """Everything in it; one that cannot be read is counted."""
        try:
            events = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            raise Malformed("the body is not JSON") from None
        if not isinstance(events, list):
            raise Malformed("the body is not a JSON list")
        return [
            _event(event, incoming, account)
            if isinstance(event, dict)
            else leftover(MALFORMED, event)
            for event in events
        ]


def _event(event: Json, incoming: Incoming, account: Account) -> Item:
    kind = text_in(event, "event")
    progress = _PROGRESS.get(kind)
    if progress is None:
        return no_step(event, _COUNTED.get(kind))
    reason = ""
    if progress is Progress.FAILED:
        reason = reason_of(kind, text_in(event, "type"), text_in(event, "status"))
    elif kind == "spamreport":
        reason = COMPLAINED
    return reported(
        account,
        incoming,
        ids=event,  # custom arguments stand beside SendGrid's own
        address=text_in(event, "email"),
        progress=progress,
        provider_id=text_in(event, "sg_message_id").partition(".")[0],
        reason=reason,
        at_ms=number_in(event, "timestamp") * 1000,
    )


def _field(form: FormData, charsets: Json, name: str) -> str:
    return decoded(form.raw(name), text_in(charsets, name) or _UTF_8)


def _files(form: FormData) -> tuple[File, ...]:
    about = _object(form.raw("attachment-info"))
    return tuple(_file(file, object_in(about, file.name)) for file in form.files)


def _file(file: FormFile, about: Json) -> File:
    return File(
        file_name=text_in(about, "filename") or file.file_name,
        media_type=text_in(about, "type") or file.media_type,
        content=file.content,
        content_id=text_in(about, "content-id").strip("<> "),
    )


def _object(raw: bytes) -> dict[str, Any]:
    """A JSON object in a field; empty for what is none."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.EMAIL}),
    hooks=(MailHook(), EventsHook()),
    receipts=frozenset({EventsHook.path}),
    patient=True,
    sender=SendGridSender,
)
