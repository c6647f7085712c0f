"""Sends over LINE's Messaging API, which executes a request once for its retry key.

https://developers.line.biz/en/docs/messaging-api/retrying-api-request/

The key follows from our id, so a call whose outcome is unknown may be repeated: what LINE has taken
already it answers with 409. It remembers a key for 24 hours; after that nothing is repeated. LINE
tells nothing of what becomes of a message: no receipt ever comes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid5

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    answer_of,
    attempted,
    ended,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.json_fields import objects_in, text_in
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://api.line.me"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a secret, not one
RETRY_KEY: Final = "X-Line-Retry-Key"
KEY_LIVES_MS: Final = 23 * 3_600_000
"""An hour less than LINE says: its clock is not ours, nor is that of whoever queued a message."""
_NAMESPACE: Final = UUID("5a3c9f0e-7b41-5d8a-8f26-c41e0d9b7a13")
_ATTEMPTS_MAX: Final = DeliveryPolicy().attempts_max


class LineSender(ListsNothing):
    """The way out of `line` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("line", API_URL)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST, under the key that all attempts for the message share.

        It is not made where LINE may have forgotten the key of an attempt that had its effect.
        """
        if dispatch.attempts > 1 and not _knows_key(dispatch):
            return ended(dispatch, Answer.UNKNOWN, "retry_key_expired")
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/v2/bot/message/push",
            json=_body(dispatch),
            headers={"Authorization": f"Bearer {token}", RETRY_KEY: retry_key(dispatch)},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return _repeatable(dispatch, await attempted(dispatch, request, _report))


def retry_key(dispatch: Dispatch) -> str:
    """The UUID by which LINE knows all attempts for one message."""
    return str(uuid5(_NAMESPACE, dispatch.message_id))


def _repeatable(dispatch: Dispatch, report: ReportAttempt) -> ReportAttempt:
    """The report, where an unknown end is as good as none because another attempt will tell.

    LINE asks for a repeat after a 5xx or a timeout, and refuses one whose key it has accepted: so
    it can double nothing. The price is that an attempt before this one may have had its effect: so
    nothing that ends the message without it is certain, nor is an end that the key may not outlive.
    """
    is_last = dispatch.attempts >= (dispatch.attempts_max or _ATTEMPTS_MAX)
    ends = report.answer is Answer.REFUSED or (is_last and report.answer is Answer.NOT_ACCEPTED)
    if ends and dispatch.attempts > 1:
        return replace(report, answer=Answer.UNKNOWN)
    if report.answer is Answer.UNKNOWN and not is_last and _knows_key(dispatch):
        return replace(report, answer=Answer.NOT_ACCEPTED)
    return report


def _knows_key(dispatch: Dispatch) -> bool:
    """Whether LINE still knows a key that was first used at any time since the queueing."""
    return time.time_ns() // 1_000_000 - dispatch.queued_at_ms < KEY_LIVES_MS


def _body(dispatch: Dispatch) -> Mapping[str, Any]:
    return {"to": dispatch.recipient, "messages": [{"type": "text", "text": dispatch.text}]}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. A limit was never processed; a 5xx may have been."""
    told, status = await told_by(response), response.status
    sent = "".join([text_in(message, "id") for message in objects_in(told, "sentMessages")][:1])
    if status == 200:
        request_id = response.headers.get("x-line-request-id", "")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent or request_id)
    if status == 409:  # an earlier attempt was accepted under the same key
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent)
    reason, retry_after_ms = f"http_{status}", retry_after_ms_of(response) or 0
    return ended(dispatch, answer_of(status), reason, retry_after_ms=retry_after_ms)
