"""Sends over Postmark's API, and finds there what was sent.

https://postmarkapp.com/developer/api/email-api
https://postmarkapp.com/developer/api/messages-api#outbound-message-search

Postmark takes no idempotency key. Our ids go along as metadata, which comes back with every event
and by which sent mails can be searched: a mail that is found is this one for sure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import ClientError, ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    answer_of,
    attempted,
    contact_of,
    ended,
    looked_up,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.json_fields import Json, number_in, objects_in, text_in
from services.intake.shell.channels.mail_receipts import MESSAGE
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.mail.mail import MailFile
from services.intake.shell.mailroom.letters import Letter, LetterWriter, Unsendable
from services.intake.shell.mailroom.mime import mailbox

API_URL: Final = "https://api.postmarkapp.com"
SERVER_TOKEN: Final = "server_token"  # noqa: S105 - the name of a secret, not one
STREAM: Final = "message_stream"
FILES_BYTES_MAX: Final = 7 * 1024 * 1024  # a mail has 10 MB at most, and Base64 is a third more
LISTED_MAX: Final = 5


class PostmarkSender:
    """The way out of `postmark` accounts. Their setting `message_stream` is `outbound` if unset."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("postmark", API_URL)
        self._writer = LetterWriter(context, files_bytes_max=FILES_BYTES_MAX)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST."""
        try:
            letter = await self._writer.written(dispatch, account)
        except Unsendable as unsendable:
            return unsendable.report
        request = self._session.post(
            f"{self._api_url}/email",
            json=_body(letter, account),
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Search for our id; what has it is sure evidence."""
        del known_ids  # no other mail has our id
        query = {
            f"metadata_{MESSAGE}": dispatch.message_id,
            "count": str(LISTED_MAX),
            "offset": "0",
        }
        try:
            async with self._session.get(
                f"{self._api_url}/messages/outbound",
                params=query,
                headers=_login(account),
                timeout=CALL_TIMEOUT,
                allow_redirects=False,
            ) as response:
                told = await told_by(response) if response.status == 200 else {}
        except (ClientError, TimeoutError, OSError):
            told = {}
        return _sighted(dispatch, told)


def _body(letter: Letter, account: Account) -> Mapping[str, Any]:
    fields = dict(letter.fields) | {
        "Message-ID": f"<{letter.message_id}>",
        "X-PM-KeepID": "true",  # or Postmark gives it another one
    }
    body: dict[str, Any] = {
        "From": mailbox(letter.sender, letter.sender_name),
        "To": letter.recipient,
        "Subject": letter.subject,
        "TextBody": letter.text or " ",
        "Headers": [{"Name": name, "Value": value} for name, value in fields.items()],
        "Metadata": dict(letter.ids),
        "MessageStream": account.settings.get(STREAM, "") or "outbound",
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    if letter.copies:
        body["Cc"] = ",".join(letter.copies)
    if letter.reply_to:
        body["ReplyTo"] = letter.reply_to
    if letter.files:
        body["Attachments"] = [_file(each) for each in letter.files]
    return body


def _file(file: MailFile) -> Mapping[str, str]:
    return {
        "Name": file.file_name,
        "Content": base64.b64encode(file.content).decode(),
        "ContentType": file.media_type,
    }


def _login(account: Account) -> Mapping[str, str]:
    return {"X-Postmark-Server-Token": account.key(SERVER_TOKEN), "Accept": "application/json"}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """200 with `ErrorCode` 0 is "sent"; a 422 says why not by a number."""
    told = await told_by(response)
    if response.status == 200 and text_in(told, "MessageID"):
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=text_in(told, "MessageID"))
    if response.status == 200:
        # These are not Postmark's words.
        return ended(dispatch, Answer.UNKNOWN, "unreadable", contact=Contact.ANSWERED)
    answer, wait_ms = answer_of(response.status), retry_after_ms_of(response)
    reason = f"postmark_{number_in(told, 'ErrorCode')}" if "ErrorCode" in told else ""
    return ended(
        dispatch,
        answer,
        reason or f"http_{response.status}",
        retry_after_ms=(wait_ms or 0) if answer is Answer.NOT_ACCEPTED else 0,
        contact=contact_of(response.status, wait_ms),
    )


def _sighted(dispatch: Dispatch, told: Json) -> ReportLookup:
    if not isinstance(told.get("Messages"), list):
        return looked_up(dispatch, Sighting.UNAVAILABLE)
    for message in objects_in(told, "Messages"):
        return looked_up(dispatch, Sighting.FOUND, text_in(message, "MessageID"))
    return looked_up(dispatch, Sighting.ABSENT)
