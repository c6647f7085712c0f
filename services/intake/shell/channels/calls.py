"""What the calls of all providers share: how long one takes, and how its end is reported."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientTimeout,
    ConnectionTimeoutError,
)

from services.intake.core.account import Account
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.model import Dispatch

CALL_SECONDS: Final = 10.0
CALL_TIMEOUT: Final = ClientTimeout(total=CALL_SECONDS, sock_connect=3.0)


async def attempted(
    dispatch: Dispatch,
    request: AbstractAsyncContextManager[ClientResponse],
    read: Callable[[Dispatch, ClientResponse], Awaitable[ReportAttempt]],
) -> ReportAttempt:
    """Make a call. What never left us may be tried again, what broke after that is unknown."""
    try:
        async with request as response:
            return await read(dispatch, response)
    except (ClientConnectorError, ConnectionTimeoutError) as error:
        reason, answer = type(error).__name__, Answer.NOT_ACCEPTED
    except (ClientError, TimeoutError, OSError) as error:
        reason, answer = type(error).__name__, Answer.UNKNOWN
    return ended(dispatch, answer, reason, contact=Contact.UNREACHABLE)


def unsent(dispatch: Dispatch, reason: str) -> ReportAttempt:
    """The report of a message that its provider would refuse: no call is made for it."""
    return ended(dispatch, Answer.REFUSED, reason, contact=Contact.NOT_CALLED)


class ListsNothing:
    """The look-up of a provider that can be asked for nothing: only what it tells is evidence."""

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """There is nowhere to look; word of it may still come while we wait."""
        del account, known_ids
        return looked_up(dispatch, Sighting.ABSENT)


def answer_of(status: int) -> Answer:
    """What a status that is no success means: a limit was never processed, a 5xx may have been."""
    if status == 429:
        return Answer.NOT_ACCEPTED
    return Answer.UNKNOWN if status >= 500 or status == 408 else Answer.REFUSED


def contact_of(status: int, retry_after_ms: int | None = None) -> Contact:
    """What a status shows of the provider: 429 is its limit, and so is 503 with a time to wait."""
    if status == 429 or (status == 503 and retry_after_ms is not None):
        return Contact.THROTTLED
    return Contact.UNREACHABLE if status >= 500 or status == 408 else Contact.ANSWERED


def ended(
    dispatch: Dispatch,
    answer: Answer,
    reason: str = "",
    *,
    provider_message_id: str = "",
    retry_after_ms: int = 0,
    contact: Contact | None = None,
) -> ReportAttempt:
    """The report of an attempt. Without a `contact`, a provider that has decided has answered."""
    if contact is None and answer in {Answer.ACCEPTED, Answer.REFUSED}:
        contact = Contact.ANSWERED
    return ReportAttempt(
        message_id=dispatch.message_id,
        attempt=dispatch.attempts,
        answer=answer,
        provider_message_id=provider_message_id,
        reason=reason,
        retry_after_ms=retry_after_ms,
        contact=contact,
    )


def looked_up(
    dispatch: Dispatch, sighting: Sighting, provider_message_id: str = ""
) -> ReportLookup:
    """The report of a look-up."""
    return ReportLookup(
        message_id=dispatch.message_id,
        lookup=dispatch.lookups,
        sighting=sighting,
        provider_message_id=provider_message_id,
    )


async def told_by(response: ClientResponse) -> Mapping[str, Any]:
    """The body, if it is an object; proxies answer in their own words."""
    try:
        told = await response.json(content_type=None)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def retry_after_ms_of(response: ClientResponse) -> int | None:
    """Seconds or a date (RFC 9110); None where neither."""
    given = response.headers.get("Retry-After", "")
    if given.isdecimal():
        return int(given) * 1000
    at_ms = date_ms(given)
    return None if at_ms is None else max(0, at_ms - time.time_ns() // 1_000_000)


def date_ms(text: str) -> int | None:
    """Unix milliseconds of an RFC 5322 date."""
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError:
        return None
