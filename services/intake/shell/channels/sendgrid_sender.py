"""Sends over Twilio SendGrid's Mail Send.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

SendGrid takes no idempotency key, and what it has sent can be listed only by who pays for that. Our
ids go along as custom arguments, which come back with every event: the webhook is the evidence.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    answer_of,
    attempted,
    contact_of,
    ended,
    retry_after_ms_of,
)
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.mail.mail import MailFile
from services.intake.shell.mailroom.letters import Letter, LetterWriter, Unsendable

API_URL: Final = "https://api.sendgrid.com"
API_KEY: Final = "api_key"
FILES_BYTES_MAX: Final = 20 * 1024 * 1024  # a mail has 30 MB at most, and Base64 is a third more


class SendGridSender(ListsNothing):
    """The way out of `sendgrid` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("sendgrid", API_URL)
        self._writer = LetterWriter(context, files_bytes_max=FILES_BYTES_MAX)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST."""
        try:
            letter = await self._writer.written(dispatch, account)
        except Unsendable as unsendable:
            return unsendable.report
        request = self._session.post(
            f"{self._api_url}/v3/mail/send",
            json=_body(letter),
            headers={"Authorization": f"Bearer {account.key(API_KEY)}"},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _body(letter: Letter) -> Mapping[str, Any]:
    person: dict[str, Any] = {"to": [{"email": letter.recipient}]}
    if letter.copies:
        person["cc"] = [{"email": each} for each in letter.copies]
    body = {
        "personalizations": [person],
        "from": {"email": letter.sender, "name": letter.sender_name or letter.sender},
        "subject": letter.subject or "-",  # it must not be empty
        "content": [{"type": "text/plain", "value": letter.text or " "}],
        "headers": dict(letter.fields) | {"Message-ID": f"<{letter.message_id}>"},
        "custom_args": dict(letter.ids),
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if letter.reply_to:
        body["reply_to"] = {"email": letter.reply_to}
    if letter.files:
        body["attachments"] = [_file(each) for each in letter.files]
    return body


def _file(file: MailFile) -> Mapping[str, str]:
    return {
        "content": base64.b64encode(file.content).decode(),
        "filename": file.file_name,
        "type": file.media_type,
        "disposition": "attachment",
    }


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """202 is "queued"; the id in its header begins those of all events."""
    if response.status == 202:
        sent_id = response.headers.get("X-Message-Id", "")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent_id)
    answer, wait_ms = answer_of(response.status), retry_after_ms_of(response)
    return ended(
        dispatch,
        answer,
        f"http_{response.status}",
        retry_after_ms=(wait_ms or 0) if answer is Answer.NOT_ACCEPTED else 0,
        contact=contact_of(response.status, wait_ms),
    )
