"""SMS and MMS over Twilio: inbound messages, status callbacks, and sending.

Twilio repeats a webhook only as its URL's fragment asks (`#rc=5&rp=all`), so ours do ask. It signs
no time: a replay is known by its MessageSid, for as long as request keys are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.commands import NoteProgress, ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Attachment, Progress
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import normalise
from services.intake.shell.channels.forms import required, storable
from services.intake.shell.channels.protocol import (
    Arrived,
    Channel,
    Incoming,
    Item,
    Malformed,
    Reported,
)
from services.intake.shell.channels.twilio_media import TwilioMedia
from services.intake.shell.channels.twilio_request import TwilioHook
from services.intake.shell.channels.twilio_sender import STATUS_PATH, TwilioSender

PROVIDER: Final = "twilio"
MEDIA_MAX: Final = 10
ANSWERED: Final = "OriginalRepliedMessageSid"  # where the sender's program can quote
EMPTY_TWIML: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

_PROGRESS: Final[Mapping[str, Progress]] = {
    "accepted": Progress.SENT,
    "queued": Progress.SENT,
    "sending": Progress.SENT,
    "sent": Progress.SENT,
    "delivered": Progress.DELIVERED,
    "read": Progress.READ,
    "undelivered": Progress.FAILED,
    "failed": Progress.FAILED,
    "canceled": Progress.FAILED,
}


class MessageHook(TwilioHook):
    """A customer's SMS or MMS."""

    path = "/webhooks/twilio/{account_id}"

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One message; its media stay at Twilio."""
        form = self.form(incoming)
        sid = required(form, "MessageSid")
        sender = normalise(Medium.SMS, required(form, "From"))
        message_id = inbound_message_id(account.account_id, sid)
        message = ReceiveMessage(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, Medium.SMS, sender),
            account_id=account.account_id,
            channel=Medium.SMS,
            from_address=sender,
            to_address=normalise(Medium.SMS, required(form, "To")),
            message_id=message_id,
            provider_message_id=sid,
            text=storable(form.get("Body", "")),
            occurred_at_ms=incoming.now_ms,
            received_at_ms=incoming.now_ms,
            new_conversation_id="",
            from_name=storable(form.get("ProfileName", "")),
            language=account.language,
            pool_hint=account.pool_hint,
            tags=account.tags,
            attachments=_media(form, message_id),
            in_reply_to=tuple(filter(None, [storable(form.get(ANSWERED, ""))])),
        )
        return [Arrived(message)]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """An empty TwiML: no answer by Twilio itself."""
        del incoming, items
        return Response(EMPTY_TWIML, media_type="text/xml")


class StatusHook(TwilioHook):
    """A step of a message that we sent; our id of it came along in the callback's query."""

    path = STATUS_PATH

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One receipt; nothing for a status that this file does not know."""
        form = self.form(incoming)
        progress = _PROGRESS.get(required(form, "MessageStatus").lower())
        if progress is None:
            return []
        recipient = normalise(Medium.SMS, required(form, "To"))
        note = NoteProgress(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, Medium.SMS, recipient),
            account_id=account.account_id,
            message_id=incoming.query.get("message_id", ""),
            provider_message_id=required(form, "MessageSid"),
            progress=progress,
            reason=form.get("ErrorCode", ""),
            occurred_at_ms=incoming.now_ms,
            by_provider=True,
        )
        return [Reported(note, recipient)]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Nothing to say."""
        del incoming, items
        return Response(status_code=204)


def _media(form: Mapping[str, str], message_id: str) -> tuple[Attachment, ...]:
    count = form.get("NumMedia", "0")
    if not count.isdecimal() or int(count) > MEDIA_MAX:
        raise Malformed(f"NumMedia is not a number up to {MEDIA_MAX}")
    return tuple(
        Attachment(
            attachment_id=f"{message_id}-{number}",
            file_name="",
            media_type=form.get(f"MediaContentType{number}", ""),
            size_bytes=0,
            reference=required(form, f"MediaUrl{number}"),
        )
        for number in range(int(count))
    )


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.SMS}),
    hooks=(MessageHook(), StatusHook()),
    receipts=frozenset({StatusHook.path}),
    sender=TwilioSender,
    media_source=TwilioMedia,
)
