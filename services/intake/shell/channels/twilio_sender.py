"""Sends over Twilio's Messages API, and finds there what was sent.

Twilio takes no idempotency key, so a call whose outcome is unknown is never repeated. Our id goes
along in the callback's query; what is listed is recognised by recipient, sender, time and text.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import ClientError, ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    attempted,
    date_ms,
    ended,
    looked_up,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.protocol import SendingContext

STATUS_PATH: Final = "/webhooks/twilio/{account_id}/status"
CALLBACK_OVERRIDES: Final = "rc=5&rp=all"
API_URL: Final = "https://api.twilio.com"
LISTED_MAX: Final = 50
SKEW_MS: Final = 30_000
"""How far Twilio's clock may be behind ours; it tells whole seconds only."""


class TwilioSender:
    """The way out of `twilio` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._public_url = context.public_url
        self._api_url = context.api_urls.get("twilio", API_URL)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. What was surely not sent may be retried, what may have been is unknown."""
        form = {
            "To": dispatch.recipient,
            "From": account.address,
            "Body": dispatch.text,
            "StatusCallback": self._callback(dispatch, account),
        }
        request = self._session.post(
            self._messages_url(account),
            data=form,
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Look among the latest messages to the recipient for one that can only be this one."""
        query = {"To": dispatch.recipient, "From": account.address, "PageSize": str(LISTED_MAX)}
        try:
            async with self._session.get(
                self._messages_url(account),
                params=query,
                headers=_login(account),
                timeout=CALL_TIMEOUT,
                allow_redirects=False,
            ) as response:
                listed = (await response.json())["messages"] if response.status == 200 else None
        except (ClientError, TimeoutError, OSError, ValueError, KeyError):
            listed = None
        if listed is None:
            return looked_up(dispatch, Sighting.UNAVAILABLE)
        sid = _recognised(listed, dispatch, known_ids)
        return looked_up(dispatch, Sighting.FOUND if sid else Sighting.ABSENT, sid)

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
    if status == 429 or (status == 503 and retry_after_ms is not None):
        return ended(dispatch, Answer.NOT_ACCEPTED, reason, retry_after_ms=retry_after_ms or 0)
    if status >= 500 or status == 408:
        return ended(dispatch, Answer.UNKNOWN, reason)
    return ended(dispatch, Answer.REFUSED, reason)


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


def _login(account: Account) -> Mapping[str, str]:
    """Basic authentication by the account's current token."""
    token = account.key("auth_token")
    login = f"{account.settings.get('account_sid', '')}:{token}"
    return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
