"""Sends over Twilio's Messages API, and finds there what was sent.

Twilio takes no idempotency key, so a call whose outcome is unknown is never repeated. Our id goes
along in the callback's query; what is listed is recognised by recipient, sender, time and text.

A text has 1,600 characters at most, of which those beyond the BMP count twice; a message has ten
files at most, of 5 MB together, and only where both numbers can MMS: the account says so.
https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import ClientError, ClientResponse

from services.intake.core.account import MMS, Account
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.model import Dispatch
from services.intake.core.sms import measure
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    attempted,
    contact_of,
    date_ms,
    ended,
    looked_up,
    retry_after_ms_of,
    told_by,
    unsent,
)
from services.intake.shell.channels.outgoing import (
    NO_FILE,
    TEXT_TOO_LONG,
    File,
    files_of,
    utf16_length,
    with_links,
)
from services.intake.shell.channels.protocol import SendingContext

STATUS_PATH: Final = "/webhooks/twilio/{account_id}/status"
CALLBACK_OVERRIDES: Final = "rc=5&rp=all"
API_URL: Final = "https://api.twilio.com"
TEXT_MAX: Final = 1600
FILES_MAX: Final = 10
FILES_BYTES_MAX: Final = 5_000_000
LISTED_MAX: Final = 50
SKEW_MS: Final = 30_000
"""How far Twilio's clock may be behind ours; it tells whole seconds only."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as Twilio gets it: with files it is an MMS, without an SMS."""

    text: str
    media: tuple[File, ...] = ()


class TwilioSender:
    """The way out of `twilio` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._public_url = context.public_url
        self._api_url = context.api_urls.get("twilio", API_URL)
        self._link = context.link
        self._count = context.count

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. What was surely not sent may be retried, what may have been is unknown."""
        said = self._said(dispatch, account)
        if said is None:
            return unsent(dispatch, NO_FILE)
        if utf16_length(said.text) > TEXT_MAX:
            return unsent(dispatch, TEXT_TOO_LONG)
        request = self._session.post(
            self._messages_url(account),
            data=self._form(dispatch, account, said),
            headers=login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        report = await attempted(dispatch, request, _report)
        if report.answer is Answer.ACCEPTED and not said.media:
            self._count(measure(said.text))
        return report

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Look among the latest messages to the recipient for one that can only be this one."""
        query = {"To": dispatch.recipient, "From": account.address, "PageSize": str(LISTED_MAX)}
        try:
            async with self._session.get(
                self._messages_url(account),
                params=query,
                headers=login(account),
                timeout=CALL_TIMEOUT,
                allow_redirects=False,
            ) as response:
                listed = (await response.json())["messages"] if response.status == 200 else None
        except (ClientError, TimeoutError, OSError, ValueError, KeyError):
            listed = None
        if listed is None:
            return looked_up(dispatch, Sighting.UNAVAILABLE)
        said = self._said(dispatch, account) or Said(dispatch.text)
        sid = _recognised(listed, replace(dispatch, text=said.text), known_ids)
        return looked_up(dispatch, Sighting.FOUND if sid else Sighting.ABSENT, sid)

    def _said(self, dispatch: Dispatch, account: Account) -> Said | None:
        """The text with its files, or with links to them; None where they cannot be fetched."""
        files = files_of(dispatch, self._link)
        if files is None:
            return None
        fit = len(files) <= FILES_MAX and all(file.attachment.size_bytes > 0 for file in files)
        together = sum(file.attachment.size_bytes for file in files)
        if account.says(MMS) and fit and together <= FILES_BYTES_MAX:
            return Said(dispatch.text, files)
        return Said(with_links(dispatch.text, files, named=False))  # segments are paid for

    def _form(self, dispatch: Dispatch, account: Account, said: Said) -> list[tuple[str, str]]:
        return [
            ("To", dispatch.recipient),
            ("From", account.address),
            ("Body", said.text),
            *(("MediaUrl", file.url) for file in said.media),
            ("StatusCallback", self._callback(dispatch, account)),
        ]

    def _messages_url(self, account: Account) -> str:
        sid = quote(account.settings.get("account_sid", ""), safe="")
        return f"{self._api_url}/2010-04-01/Accounts/{sid}/Messages.json"

    def _callback(self, dispatch: Dispatch, account: Account) -> str:
        path = STATUS_PATH.format(account_id=quote(account.account_id, safe=""))
        query = urlencode({"message_id": dispatch.message_id})
        return f"{self._public_url}{path}?{query}#{CALLBACK_OVERRIDES}"


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. 429 is never processed, says Twilio; a 5xx may have been."""
    status = response.status
    told = await told_by(response)
    if 200 <= status < 300:
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=str(told.get("sid", "")))
    reason = str(told.get("code") or f"http_{status}")
    retry_after_ms = retry_after_ms_of(response)
    contact = contact_of(status, retry_after_ms)
    if contact is Contact.THROTTLED:
        wait_ms = retry_after_ms or 0
        return ended(dispatch, Answer.NOT_ACCEPTED, reason, retry_after_ms=wait_ms, contact=contact)
    answer = Answer.UNKNOWN if contact is Contact.UNREACHABLE else Answer.REFUSED
    return ended(dispatch, answer, reason, contact=contact)


def _recognised(
    listed: Sequence[Mapping[str, Any]], dispatch: Dispatch, known_ids: frozenset[str]
) -> str:
    """The latest one with our text, made since the attempt, that belongs to no other message."""
    since_ms = dispatch.attempted_at_ms - SKEW_MS
    for message in listed:
        made_ms = date_ms(str(message.get("date_created", "")))
        is_ours = (
            message.get("body") == dispatch.text
            and message.get("direction") == "outbound-api"
            and message.get("sid") not in known_ids
            and made_ms is not None
            and made_ms >= since_ms
        )
        if is_ours:
            return str(message["sid"])
    return ""


def login(account: Account) -> Mapping[str, str]:
    """Basic authentication by the account's current token."""
    token = account.key("auth_token")
    pair = f"{account.settings.get('account_sid', '')}:{token}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
