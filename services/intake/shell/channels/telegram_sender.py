"""Sends as a Telegram bot.

https://core.telegram.org/bots/api#sendmessage

Telegram takes no idempotency key, lists nothing that was sent and sends no receipts: so a call
whose outcome is unknown is never repeated, and stays unknown. The bot's token is a part of the
address of every call: no text of an error, which may name the address, goes into a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    attempted,
    ended,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.json_fields import Json, object_in, text_in
from services.intake.shell.channels.protocol import Malformed, SendingContext
from services.intake.shell.channels.telegram_content import message_name

API_URL: Final = "https://api.telegram.org"
BOT_TOKEN: Final = "bot_token"  # noqa: S105 - the name of a secret, not one
_BLOCKED: Final = "blocked by the user"


class TelegramSender(ListsNothing):
    """The way out of `telegram` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("telegram", API_URL)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. A redirect is not followed: it would take the token elsewhere.

        Telegram refuses a text of more than 4096 characters, and whoever has not written first.
        """
        token = quote(account.key(BOT_TOKEN), safe=":")
        request = self._session.post(
            f"{self._api_url}/bot{token}/sendMessage",
            json=_body(dispatch),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _body(dispatch: Dispatch) -> Mapping[str, str]:
    return {"chat_id": dispatch.recipient, "text": dispatch.text}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. A limit was never processed; a 5xx may have been."""
    told, status = await told_by(response), response.status
    if status == 200 and told.get("ok") is True:
        sent = _sent_name(object_in(told, "result"))
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent)
    reason = _reason(status, told)
    if status == 429:
        after_ms = _retry_after_ms(told, response)
        return ended(dispatch, Answer.NOT_ACCEPTED, reason, retry_after_ms=after_ms)
    if status < 300 or status >= 500 or status == 408:  # below 300: not in Telegram's words
        return ended(dispatch, Answer.UNKNOWN, reason)
    return ended(dispatch, Answer.REFUSED, reason)


def _sent_name(result: Json) -> str:
    """What Telegram calls the message; empty where it does not say."""
    try:
        return message_name(result)
    except Malformed:
        return ""


def _reason(status: int, told: Json) -> str:
    """The status: Telegram explains it in prose only, of which one sentence is worth a name."""
    if status == 403 and _BLOCKED in text_in(told, "description"):
        return "blocked"
    return f"http_{status}"


def _retry_after_ms(told: Json, response: ClientResponse) -> int:
    """Telegram tells seconds in the body, a proxy before it in a header; 0 where neither does."""
    seconds = object_in(told, "parameters").get("retry_after")
    if isinstance(seconds, int):
        return max(0, seconds) * 1000
    return retry_after_ms_of(response) or 0
