"""Sends over Twilio's Messages API, and finds there what was sent.

Twilio takes no idempotency key, so a call whose outcome is unknown is never repeated. Our id goes
along in the callback's query; what is listed is recognised by recipient, sender, time and text.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientTimeout,
    ConnectionTimeoutError,
)

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.protocol import SendingContext

STATUS_PATH: Final = "/webhooks/twilio/{account_id}/status"
CALLBACK_OVERRIDES: Final = "rc=5&rp=all"
CONNECT_SECONDS: Final = 3.0
CALL_SECONDS: Final = 10.0
LISTED_MAX: Final = 50
SKEW_MS: Final = 30_000
"""How far Twilio's clock may be behind ours; it tells whole seconds only."""


class TwilioSender:
    """The way out of `twilio` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._public_url = context.public_url
        self._api_url = context.api_urls["twilio"]
        self._timeout = ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. What was surely not sent may be retried, what may have been is unknown."""
        form = {
            "To": dispatch.recipient,
            "From": account.address,
            "Body": dispatch.text,
            "StatusCallback": self._callback(dispatch, account),
        }
        try:
            async with self._session.post(
                self._messages_url(account),
                data=form,
                headers=_login(account),
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return await _report(dispatch, response)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            return _ended(dispatch, Answer.NOT_ACCEPTED, type(error).__name__)
        except (ClientError, TimeoutError, OSError) as error:
            return _ended(dispatch, Answer.UNKNOWN, type(error).__name__)

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
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                listed = (await response.json())["messages"] if response.status == 200 else None
        except (ClientConnectionError, ClientError, TimeoutError, OSError, ValueError, KeyError):
            listed = None
        if listed is None:
            return _looked_up(dispatch, Sighting.UNAVAILABLE)
        sid = _recognised(listed, dispatch, known_ids)
        return _looked_up(dispatch, Sighting.FOUND if sid else Sighting.ABSENT, sid)

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
    told = await _json(response)
    if 200 <= status < 300:
        return _ended(dispatch, Answer.ACCEPTED, sid=str(told.get("sid", "")))
    reason = str(told.get("code") or f"http_{status}")
    retry_after_ms = _retry_after_ms(response)
    if status == 429 or (status == 503 and retry_after_ms is not None):
        return _ended(dispatch, Answer.NOT_ACCEPTED, reason, retry_after_ms=retry_after_ms or 0)
    if status >= 500 or status == 408:
        return _ended(dispatch, Answer.UNKNOWN, reason)
    return _ended(dispatch, Answer.REFUSED, reason)


async def _json(response: ClientResponse) -> Mapping[str, Any]:
    """The body, if it is an object; proxies answer in their own words."""
    try:
        told = await response.json(content_type=None)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _retry_after_ms(response: ClientResponse) -> int | None:
    """Seconds or a date (RFC 9110); None where neither."""
    given = response.headers.get("Retry-After", "")
    if given.isdecimal():
        return int(given) * 1000
    at_ms = _date_ms(given)
    return None if at_ms is None else max(0, at_ms - time.time_ns() // 1_000_000)


def _recognised(
    listed: Sequence[Mapping[str, Any]], dispatch: Dispatch, known_ids: frozenset[str]
) -> str:
    """The latest one with our text, made since the attempt, that belongs to no other message."""
    since_ms = dispatch.attempted_at_ms - SKEW_MS
    for message in listed:
        made_ms = _date_ms(str(message.get("date_created", "")))
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


def _date_ms(text: str) -> int | None:
    """Unix milliseconds of an RFC 5322 date."""
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError:
        return None


def _login(account: Account) -> Mapping[str, str]:
    """Basic authentication by the account's current token."""
    token = next(iter(account.keys("auth_token")), "")
    login = f"{account.settings.get('account_sid', '')}:{token}"
    return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}


def _ended(
    dispatch: Dispatch, answer: Answer, reason: str = "", *, sid: str = "", retry_after_ms: int = 0
) -> ReportAttempt:
    return ReportAttempt(
        message_id=dispatch.message_id,
        attempt=dispatch.attempts,
        answer=answer,
        provider_message_id=sid,
        reason=reason,
        retry_after_ms=retry_after_ms,
    )


def _looked_up(dispatch: Dispatch, sighting: Sighting, sid: str = "") -> ReportLookup:
    return ReportLookup(
        message_id=dispatch.message_id,
        lookup=dispatch.lookups,
        sighting=sighting,
        provider_message_id=sid,
    )
