"""Sends over Messenger's Send API.

Meta takes no idempotency key and lists nothing that was sent, so a call whose outcome is unknown is
never repeated. Our id goes along as `metadata` and comes back with the message's echo: that is how
such a message is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    answer_of,
    attempted,
    ended,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.json_fields import Json, number_in, object_in, text_in
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://graph.facebook.com"
API_VERSION: Final = "v23.0"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a secret, not one
_THROTTLED: Final = frozenset({4, 32, 613, 80006})
"""Codes of limits: of the app, the page, one kind of call, and the business."""
_NOT_ALLOWED: Final = 10
_OUTSIDE_WINDOW: Final = 2018278


class MessengerSender(ListsNothing):
    """The way out of `messenger` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("messenger", API_URL)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. Outside of the 24 hours since they wrote Meta refuses, with 2018278."""
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/{API_VERSION}/me/messages",  # the token says which page that is
            json=_body(dispatch),
            headers={"Authorization": f"Bearer {token}"},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _body(dispatch: Dispatch) -> Mapping[str, object]:
    return {
        "recipient": {"id": dispatch.recipient},
        "messaging_type": "RESPONSE",
        "message": {"text": dispatch.text, "metadata": dispatch.message_id},
    }


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means; some limits come as a 400."""
    told = await told_by(response)
    if response.status == 200:
        named = text_in(told, "message_id")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=named)
    error = object_in(told, "error")
    code = number_in(error, "code")
    reason = _reason(error) or f"http_{response.status}"
    answer = Answer.NOT_ACCEPTED if code in _THROTTLED else answer_of(response.status)
    return ended(dispatch, answer, reason, retry_after_ms=retry_after_ms_of(response) or 0)


def _reason(error: Json) -> str:
    """The code, which of all that is not allowed says only for a closed window why."""
    code, subcode = number_in(error, "code"), number_in(error, "error_subcode")
    closed = code == _NOT_ALLOWED and subcode == _OUTSIDE_WINDOW
    return str(subcode if closed else code or "")
