"""LINE's Messaging API: pushing text under a retry key, and events with what people write.

https://developers.line.biz/en/docs/messaging-api/retrying-api-request/

A key that was accepted is known for 24 hours and answered with 409. Nothing is told of what
becomes of a message, nor that somebody has blocked us. Whoever is no friend can't be written to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from local.simulator.account import Account
from local.simulator.calls import bearer, called, json_in, text_in
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Patience, Post, is_no_success
from local.simulator.provider import Desk, Journey

NAME = "line"
TEXT_CHARACTERS_MAX = 5000
MESSAGES_MAX = 5
RETRY_KEY, REQUEST_ID = "X-Line-Retry-Key", "x-line-request-id"
ACCEPTED_ID = "x-line-accepted-request-id"
KEY_LIVES_MS = 24 * 3_600_000
SIGNATURE = "x-line-signature"
PATIENCE = Patience(pauses_s=(0.25, 1.0, 5.0, 15.0, 60.0), request_s=10.0, wants=is_no_success)
"""LINE does not say how often it delivers again, nor when."""


@dataclass(frozen=True, slots=True)
class Line:
    """The provider."""

    desk: Desk
    journey = Journey(("sent",))

    def routes(self) -> list[web.RouteDef]:
        """Give the route as the provider has it."""
        return [web.post("/v2/bot/message/push", self.push)]

    async def push(self, request: web.Request) -> web.StreamResponse:
        """Take a text: 200 with its id. A key that was accepted before: 409, and nothing."""
        account = self.desk.accounts.known_by("access_token", bearer(request))
        if account is None:
            return error(401, "Authentication failed. Confirm that the access token is valid.")
        body, key = await json_in(request), request.headers.get(RETRY_KEY, "")
        refusal = self._refusal(body, key, account)
        if refusal is not None:
            return refusal

        def accept() -> web.Response:
            known = self._accepted_under(key, text_in(body, "to"), account)
            if known is not None:
                return _accepted_before(known)
            message = _message(body, key, account)
            self.desk.accept(message)
            return _answer(200, message.facts["request_id"], _sent(message))

        return await called(request, self.desk.faults(), accept, self)

    def throttled(self) -> web.Response:
        """The limit of the call's rate."""
        return error(429, "The API rate limit has been exceeded. Try again later.")

    def broken(self) -> web.Response:
        """An error of LINE's own."""
        return error(500, "Internal server error")

    def receipt(self, message: SentMessage) -> None:
        """Nothing is ever told."""

    def name_of_next(self, account: Account, person: str) -> str:
        """A message's id."""
        del account, person
        return _new_id()

    def inbound(self, written: Written, account: Account) -> Post | None:
        """One event with a text; a redelivery says that it is one, and is signed anew."""
        if not account.webhooks:
            return None

        def write(url: str, repeat: int) -> tuple[bytes, Mapping[str, str]]:
            del url
            event = _event(written, is_redelivery=repeat > 0)
            told = {"destination": account.setting("bot_user_id"), "events": [event]}
            body = json.dumps(told, ensure_ascii=False).encode()
            signature = sign(body, account.secret("channel_secret"))
            return body, {"Content-Type": "application/json; charset=utf-8", SIGNATURE: signature}

        return Post(account.webhooks, write, PATIENCE)

    def _refusal(self, body: Mapping[str, Any], key: str, account: Account) -> web.Response | None:
        if key and not _is_uuid(key):
            return error(400, "The value of X-Line-Retry-Key is invalid")
        if not text_in(body, "to"):
            return error(400, "The property, 'to', in the request body is invalid")
        messages = body.get("messages")
        if not isinstance(messages, list) or not 1 <= len(messages) <= MESSAGES_MAX:
            return error(400, "The request body has 1 error(s)", _detail("messages", "Size"))
        if not 0 < len(_text(body)) <= TEXT_CHARACTERS_MAX:
            return error(
                400, "The request body has 1 error(s)", _detail("messages[0].text", "Length")
            )
        if not self.desk.book.written_by(account.account_id, text_in(body, "to")):
            return error(400, "Failed to send messages")
        return None

    def _accepted_under(self, key: str, person: str, account: Account) -> SentMessage | None:
        since_ms = now_ms() - KEY_LIVES_MS
        sent = self.desk.book.sent_to(account.account_id, person)
        keyed = (each for each in sent if key and each.facts.get("retry_key") == key.lower())
        return next((each for each in keyed if each.created_ms >= since_ms), None)


def error(status: int, message: str, *details: Mapping[str, str]) -> web.Response:
    """Give an error in the provider's form."""
    told: dict[str, Any] = {"message": message} | ({"details": details} if details else {})
    return _answer(status, str(uuid4()), told)


def sign(body: bytes, secret: str) -> str:
    """Give the signature of exactly these bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _answer(status: int, request_id: str, told: Mapping[str, Any], **more: str) -> web.Response:
    return web.json_response(told, status=status, headers={REQUEST_ID: request_id, **more})


def _accepted_before(known: SentMessage) -> web.Response:
    told = {"message": "The retry key is already accepted", **_sent(known)}
    return _answer(409, str(uuid4()), told, **{ACCEPTED_ID: known.facts["request_id"]})


def _sent(message: SentMessage) -> dict[str, Any]:
    return {"sentMessages": [{"id": message.sid, "quoteToken": message.facts["quote_token"]}]}


def _detail(property_name: str, what: str) -> dict[str, str]:
    return {"message": f"{what} must be within its limits", "property": property_name}


def _text(body: Mapping[str, Any]) -> str:
    """The text of the messages, of which there is one."""
    first = body["messages"][0]
    return text_in(first, "text") if isinstance(first, dict) else ""


def _message(body: Mapping[str, Any], key: str, account: Account) -> SentMessage:
    facts = {
        "retry_key": key.lower(),
        "request_id": str(uuid4()),
        "quote_token": secrets.token_urlsafe(32),
    }
    return SentMessage(
        sid=_new_id(),
        provider=NAME,
        account_id=account.account_id,
        sender=account.address,
        recipient=text_in(body, "to"),
        body=_text(body),
        created_ms=now_ms(),
        facts=facts,
    )


def _event(written: Written, *, is_redelivery: bool) -> dict[str, Any]:
    return {
        "type": "message",
        "mode": "active",
        "timestamp": written.at_ms,
        "source": {"type": "user", "userId": written.person},
        "webhookEventId": f"01{written.name:0>24}",
        "deliveryContext": {"isRedelivery": is_redelivery},
        "replyToken": _token(written.name, "reply"),
        "message": {
            "id": written.name,
            "type": "text",
            "quoteToken": _token(written.name, "quote"),
            "text": written.text,
        },
    }


def _token(name: str, use: str) -> str:
    """A token of a message, the same in each delivery."""
    return hashlib.sha256(f"{name}/{use}".encode()).hexdigest()[:32]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _new_id() -> str:
    return str(500_000_000_000_000_000 + secrets.randbelow(10**17))
