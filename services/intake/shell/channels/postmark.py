"""Postmark: mail by its inbound webhook, and what became of ours.

https://postmarkapp.com/developer/webhooks/inbound-webhook
https://postmarkapp.com/developer/webhooks/webhooks-overview

Postmark signs nothing: the account's `inbound_token` stands in the address. It repeats what is not
answered with 200 ten times within ten and a half hours; 403 means "never again", so no door of ours
says it. With "include raw email content" the mail comes as it was, beside what Postmark made of it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.model import Channel as Medium
from services.intake.core.model import Progress
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.inbound_token import has_token
from services.intake.shell.channels.json_fields import Json, object_in, objects_in, text_in
from services.intake.shell.channels.mail_fields import mailbox
from services.intake.shell.channels.mail_receipts import (
    COMPLAINED,
    no_step,
    reason_of,
    reported,
)
from services.intake.shell.channels.postmark_sender import PostmarkSender
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

PROVIDER: Final = "postmark"
MAIL_BYTES_MAX: Final = 80 * 1024 * 1024  # 35 MB, its files once more, and raw on demand
EVENT_BYTES_MAX: Final = 4 * 1024 * 1024  # a bounce can hold what was sent

_ADDRESSES: Final = {"From": "FromFull", "To": "ToFull", "Cc": "CcFull"}
_FIELDS: Final = {"Subject": "Subject", "Date": "Date", "Reply-To": "ReplyTo"}
_NO_FAILURE: Final = frozenset(
    {
        "AddressChange",
        "AutoResponder",
        "ChallengeVerification",
        "OpenRelayTest",
        "Subscribe",
        "Transient",
        "Unknown",
        "Unsubscribe",
    }
)
"""Bounces of types that say nothing final: https://postmarkapp.com/developer/api/bounce-api#bounce-types"""
_PROGRESS: Final[Mapping[str, Progress]] = {
    "Delivery": Progress.DELIVERED,
    "SpamComplaint": Progress.DELIVERED,
    "Bounce": Progress.FAILED,
}
_COUNTED: Final[Mapping[str, str]] = {
    "Open": "open",
    "Click": "click",
    "SubscriptionChange": "unsubscribe",
    "SMTPApiError": "other_event",
}
"""Kinds that change nothing."""


class _PostmarkHook:
    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the token that the account's address has."""
        return has_token(incoming, account)

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """A 200: to Postmark, all else is no success."""
        del incoming, items
        return Response(status_code=200)


class MailHook(_PostmarkHook):
    """A mail."""

    path = "/webhooks/postmark/{account_id}"
    body_bytes_max = MAIL_BYTES_MAX

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One mail, whatever it is."""
        del account
        said = json_object(incoming.body)
        if not text_in(said, "MessageID"):
            raise Malformed("MessageID is missing")
        raw = said.get("RawEmail")
        if isinstance(raw, str) and raw:
            return [RawMail(raw.encode(), _envelope(said, incoming))]
        parts = MailParts(
            headers=(*_composed(said), *_headers(said)),
            text=text_in(said, "TextBody"),
            html=text_in(said, "HtmlBody"),
            files=tuple(map(_file, objects_in(said, "Attachments"))),
            envelope=_envelope(said, incoming),
        )
        return [parts]


class EventHook(_PostmarkHook):
    """One step of a mail that we sent."""

    path = "/webhooks/postmark/{account_id}/events"
    body_bytes_max = EVENT_BYTES_MAX

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One receipt; what says nothing final is counted."""
        return [_event(json_object(incoming.body), incoming, account)]


def _envelope(said: Json, incoming: Incoming) -> Envelope:
    recipient, tag = text_in(said, "OriginalRecipient"), text_in(said, "MailboxHash")
    return Envelope(
        incoming.now_ms,
        recipients=(recipient,) if recipient else (),
        tags=(tag,) if tag else (),
        carrier_id=text_in(said, "MessageID"),
    )


def _headers(said: Json) -> Iterator[tuple[str, str]]:
    for header in objects_in(said, "Headers"):
        yield text_in(header, "Name"), text_in(header, "Value")


def _composed(said: Json) -> Iterator[tuple[str, str]]:
    """The fields that Postmark has taken out of the header."""
    for name, field in _ADDRESSES.items():
        people = objects_in(said, field)
        listed = [mailbox(text_in(each, "Email"), text_in(each, "Name")) for each in people]
        value = ", ".join(filter(None, listed)) or text_in(said, name)
        if value:
            yield name, value
    for name, field in _FIELDS.items():
        if text_in(said, field):
            yield name, text_in(said, field)


def _file(said: Json) -> File:
    """A file; what is no Base64 is kept as it stands rather than lost."""
    content = text_in(said, "Content")
    try:
        raw = base64.b64decode(content)
    except (binascii.Error, ValueError):
        raw = content.encode()
    return File(
        file_name=text_in(said, "Name"),
        media_type=text_in(said, "ContentType"),
        content=raw,
        content_id=text_in(said, "ContentID").removeprefix("cid:").strip("<> "),
    )


def _event(event: Json, incoming: Incoming, account: Account) -> Item:
    kind, cause = text_in(event, "RecordType"), text_in(event, "Type")
    progress = _PROGRESS.get(kind)
    if progress is None:
        return no_step(event, _COUNTED.get(kind))
    if kind == "Bounce" and cause in _NO_FAILURE:
        return Unread("deferred" if cause == "Transient" else "other_bounce")
    reason = COMPLAINED if kind == "SpamComplaint" else ""
    return reported(
        account,
        incoming,
        ids=object_in(event, "Metadata"),
        address=text_in(event, "Recipient") or text_in(event, "Email"),
        progress=progress,
        provider_id=text_in(event, "MessageID"),
        reason=reason_of("bounce", cause) if progress is Progress.FAILED else reason,
        at_ms=_at_ms(text_in(event, "DeliveredAt") or text_in(event, "BouncedAt")),
    )


def _at_ms(written: str) -> int:
    """A time with a zone (ISO 8601); 0 for what is none."""
    try:
        at = datetime.fromisoformat(written[:19] + "+00:00") if written.endswith("Z") else None
        at = at or datetime.fromisoformat(written)
    except ValueError:
        return 0
    return int(at.timestamp() * 1000) if at.tzinfo else 0


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.EMAIL}),
    hooks=(MailHook(), EventHook()),
    receipts=frozenset({EventHook.path}),
    patient=True,
    sender=PostmarkSender,
)
