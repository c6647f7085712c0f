"""Sends as a Telegram bot.

https://core.telegram.org/bots/api#sendmessage

Telegram takes no idempotency key, lists nothing that was sent and sends no receipts: so a call
whose outcome is unknown is never repeated, and stays unknown. The bot's token is a part of the
address of every call: no text of an error, which may name the address, goes into a report.

A text has 4,096 characters at most, a caption 1,024. By its address Telegram takes a photo of 5 MB,
and of documents only GIF, PDF and ZIP, of 20 MB.
https://core.telegram.org/bots/api#sending-files
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    attempted,
    contact_of,
    ended,
    retry_after_ms_of,
    told_by,
    unsent,
)
from services.intake.shell.channels.json_fields import Json, object_in, text_in
from services.intake.shell.channels.outgoing import (
    NO_FILE,
    TEXT_TOO_LONG,
    File,
    files_of,
    with_links,
)
from services.intake.shell.channels.protocol import Malformed, SendingContext
from services.intake.shell.channels.telegram_content import message_name

API_URL: Final = "https://api.telegram.org"
BOT_TOKEN: Final = "bot_token"  # noqa: S105 - the name of a secret, not one
TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
_KINDS: Final[Mapping[str, tuple[str, frozenset[str], int]]] = {
    "photo": ("sendPhoto", frozenset({"image/jpeg", "image/png"}), 5_000_000),
    "document": (
        "sendDocument",
        frozenset({"image/gif", "application/pdf", "application/zip"}),
        20_000_000,
    ),
}
"""What goes along with a caption: by which method, and how large it may be."""
_BLOCKED: Final = "blocked by the user"


class TelegramSender(ListsNothing):
    """The way out of `telegram` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("telegram", API_URL)
        self._link = context.link

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. A redirect is not followed: it would take the token elsewhere.

        Telegram refuses whoever has not written first.
        """
        files = files_of(dispatch, self._link)
        if files is None:
            return unsent(dispatch, NO_FILE)
        method, content = _content(dispatch.text, files)
        if len(content.get("text", "")) > TEXT_MAX:
            return unsent(dispatch, TEXT_TOO_LONG)
        token = quote(account.key(BOT_TOKEN), safe=":")
        request = self._session.post(
            f"{self._api_url}/bot{token}/{method}",
            json={"chat_id": dispatch.recipient, **content},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _content(text: str, files: Sequence[File]) -> tuple[str, Mapping[str, str]]:
    """The method, and text, or the first file with the text below it; the rest is linked."""
    for field, (method, types, most) in _KINDS.items():
        caption = with_links(text, files[1:])
        if files and files[0].fits(types, most) and len(caption) <= CAPTION_MAX:
            return method, {field: files[0].url, **({"caption": caption} if caption else {})}
    return "sendMessage", {"text": with_links(text, files)}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. A limit was never processed; a 5xx may have been."""
    told, status = await told_by(response), response.status
    if status == 200 and told.get("ok") is True:
        sent = _sent_name(object_in(told, "result"))
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent)
    reason = _reason(status, told)
    if status == 429:
        after_ms, contact = _retry_after_ms(told, response), Contact.THROTTLED
        return ended(
            dispatch, Answer.NOT_ACCEPTED, reason, retry_after_ms=after_ms, contact=contact
        )
    contact = contact_of(status) if status >= 300 else Contact.UNREACHABLE  # not Telegram's words
    answer = Answer.UNKNOWN if contact is Contact.UNREACHABLE else Answer.REFUSED
    return ended(dispatch, answer, reason, contact=contact)


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
