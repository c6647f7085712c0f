"""Telegram's Bot API: sending text, and updates with what people write to the bot.

https://core.telegram.org/bots/api#sendmessage

It takes no idempotency key, lists nothing and tells nothing of what becomes of a message. A bot
can't begin a chat: whoever has not written to it is unknown to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.simulator.account import Account
from local.simulator.calls import called, json_in, text_in
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Patience, Post, is_no_success
from local.simulator.provider import Desk, Journey

NAME = "telegram"
TEXT_CHARACTERS_MAX = 4096
RETRY_AFTER_S = 1
HEADER = "X-Telegram-Bot-Api-Secret-Token"
FIRST_UPDATE = 100_000_000
PATIENCE = Patience(
    pauses_s=tuple(min(0.25 * 2**repeat, 60.0) for repeat in range(24)),
    request_s=60.0,
    wants=is_no_success,
)
"""Telegram gives up after "a reasonable amount" of repeats, a day at most."""


@dataclass(frozen=True, slots=True)
class Telegram:
    """The provider."""

    desk: Desk
    journey = Journey(("sent",))

    def routes(self) -> list[web.RouteDef]:
        """Give the route as the provider has it: the token is a part of the address."""
        return [web.post("/bot{token}/sendMessage", self.send)]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a text: 200 with the message as it stands in the chat."""
        account = self.desk.accounts.known_by("bot_token", request.match_info["token"])
        if account is None:
            return error(401, "Unauthorized")
        body = await json_in(request)
        refusal = self._refusal(body, account)
        if refusal is not None:
            return refusal

        def accept() -> web.Response:
            if self.desk.faults().happens("undeliverable"):
                return error(403, "Forbidden: bot was blocked by the user")
            message = self._message(body, account)
            self.desk.accept(message)
            return web.json_response({"ok": True, "result": _result(message, account)})

        return await called(request, self.desk.faults(), accept, self)

    def throttled(self) -> web.Response:
        """A limit, with the seconds to wait."""
        says = f"Too Many Requests: retry after {RETRY_AFTER_S}"
        return error(429, says, parameters={"retry_after": RETRY_AFTER_S})

    def broken(self) -> web.Response:
        """An error of Telegram's own."""
        return error(500, "Internal Server Error")

    def receipt(self, message: SentMessage) -> None:
        """Nothing is ever told."""

    def name_of_next(self, account: Account, person: str) -> str:
        """Chat and message: messages are counted within their chat, both sides' together."""
        return f"{person}/{self._number_of_next(account, person)}"

    def inbound(self, written: Written, account: Account) -> Post | None:
        """One update with a text."""
        if not account.webhooks:
            return None
        number = int(written.name.rpartition("/")[2])
        person = {"id": int(written.person), "first_name": written.called or "Somebody"}
        message = {
            "message_id": number,
            "from": {**person, "is_bot": False},
            "chat": {**person, "type": "private"},
            "date": written.at_ms // 1000,
            "text": written.text,
        }
        body = json.dumps({"update_id": FIRST_UPDATE + written.number, "message": message})
        headers = {
            "Content-Type": "application/json",
            HEADER: account.secret("secret_token"),
        }
        return Post(account.webhooks, lambda _url, _repeat: (body.encode(), headers), PATIENCE)

    def _refusal(self, body: Mapping[str, Any], account: Account) -> web.Response | None:
        text = text_in(body, "text")
        if not text.strip():
            return error(400, "Bad Request: message text is empty")
        if len(text) > TEXT_CHARACTERS_MAX:
            return error(400, "Bad Request: message is too long")
        if not self.desk.book.written_by(account.account_id, str(body.get("chat_id", ""))):
            return error(400, "Bad Request: chat not found")
        return None

    def _message(self, body: Mapping[str, Any], account: Account) -> SentMessage:
        chat = str(body["chat_id"])
        number = self._number_of_next(account, chat)
        return SentMessage(
            sid=f"{_bot_id(account)}/{chat}/{number}",
            provider=NAME,
            account_id=account.account_id,
            sender=account.address,
            recipient=chat,
            body=text_in(body, "text"),
            created_ms=now_ms(),
            facts={"message_id": str(number)},
        )

    def _number_of_next(self, account: Account, person: str) -> int:
        book, account_id = self.desk.book, account.account_id
        return 1 + len(book.sent_to(account_id, person)) + len(book.written_by(account_id, person))


def error(code: int, description: str, **more: Any) -> web.Response:
    """Give an error in the provider's form."""
    told = {"ok": False, "error_code": code, "description": description, **more}
    return web.json_response(told, status=code)


def _result(message: SentMessage, account: Account) -> dict[str, Any]:
    chat = {"id": int(message.recipient), "type": "private"}
    bot = {"id": _bot_id(account), "is_bot": True, "username": account.address.removeprefix("@")}
    return {
        "message_id": int(message.facts["message_id"]),
        "from": {**bot, "first_name": "Switchboard"},
        "chat": chat,
        "date": message.created_ms // 1000,
        "text": message.body,
    }


def _bot_id(account: Account) -> int:
    """The number that a bot's token begins with."""
    digits = account.secret("bot_token").partition(":")[0]
    return int(digits) if digits.isdecimal() else 0
