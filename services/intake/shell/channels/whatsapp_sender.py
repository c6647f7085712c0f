"""Sends over WhatsApp's Cloud API.

Meta takes no idempotency key and lists nothing that was sent, so a call whose outcome is unknown is
never repeated. Our id goes along as `biz_opaque_callback_data` and comes back with every status:
that is how such a message is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

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
from services.intake.shell.channels.json_fields import number_in, object_in, objects_in, text_in
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://graph.facebook.com"
API_VERSION: Final = "v23.0"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a secret, not one
_THROTTLED: Final = frozenset({4, 80007, 130429, 131048, 131056})
"""Codes of limits: of the app, the business, the number, spam, and of one recipient."""


class WhatsAppSender(ListsNothing):
    """The way out of `whatsapp` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("whatsapp", API_URL)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. Outside of the 24 hours since they wrote Meta refuses, with 131047."""
        number = quote(account.settings.get("phone_number_id", ""), safe="")
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/{API_VERSION}/{number}/messages",
            json=_body(dispatch),
            headers={"Authorization": f"Bearer {token}"},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _body(dispatch: Dispatch) -> Mapping[str, Any]:
    is_number = dispatch.recipient.startswith("+")
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if is_number else "recipient": dispatch.recipient.removeprefix("+"),
        "type": "text",
        "text": {"body": dispatch.text, "preview_url": False},
        "biz_opaque_callback_data": dispatch.message_id,
    }


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means; some limits come as a 400."""
    told = await told_by(response)
    if response.status == 200:
        ids = [text_in(message, "id") for message in objects_in(told, "messages")]
        return ended(dispatch, Answer.ACCEPTED, provider_message_id="".join(ids[:1]))
    code = number_in(object_in(told, "error"), "code")
    reason = str(code or f"http_{response.status}")
    answer = Answer.NOT_ACCEPTED if code in _THROTTLED else answer_of(response.status)
    return ended(dispatch, answer, reason, retry_after_ms=retry_after_ms_of(response) or 0)
