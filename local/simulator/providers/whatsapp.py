"""WhatsApp's Cloud API: sending text, statuses, inbound text.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference

It takes no idempotency key and lists nothing. What a message was sent with as
`biz_opaque_callback_data` comes back with each of its statuses. Whoever has not written for 24
hours can't be written to: the message is accepted, and fails.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.simulator import graph
from local.simulator.account import Account, is_same
from local.simulator.calls import bearer, called, json_in, object_in, text_in
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Post
from local.simulator.provider import Desk, Journey

NAME = "whatsapp"
BODY_CHARACTERS_MAX = 4096
OUTSIDE_WINDOW, UNDELIVERABLE = 131047, 131026
TITLES = {OUTSIDE_WINDOW: "Re-engagement message", UNDELIVERABLE: "Message undeliverable"}
NUMBER_ID = "phone_number_id"
BUSINESS_ID = "business_account_id"


@dataclass(frozen=True, slots=True)
class WhatsApp:
    """The provider."""

    desk: Desk
    journey = Journey(("sent", "delivered", "read"), failed="failed", unreachable=UNDELIVERABLE)

    def routes(self) -> list[web.RouteDef]:
        """Give the route as the provider has it."""
        return [web.post(f"/{{version:v\\d+\\.\\d+}}/{{{NUMBER_ID}:\\d+}}/messages", self.send)]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a text: 200 with its id."""
        account = self.desk.accounts.called(NUMBER_ID, request.match_info[NUMBER_ID])
        if not self.desk.accounts.known_by("access_token", bearer(request)):
            return graph.bad_token()
        if account is None or not is_same(account.secret("access_token"), bearer(request)):
            return graph.error(400, 100, "Unsupported post request. No such object.", subcode=33)
        body = await json_in(request)
        refusal = _refusal(body)
        if refusal is not None:
            return refusal

        def accept() -> web.Response:
            message = self._message(body, account)
            self.desk.accept(message)
            return web.json_response(_taken(message, body))

        return await called(request, self.desk.faults(), accept, self)

    def throttled(self) -> web.Response:
        """The limit of the number's throughput."""
        details = "Message failed to send because there were too many messages sent"
        return _error(429, 130429, "Rate limit hit", details)

    def broken(self) -> web.Response:
        """An error of Meta's own."""
        details = "Message failed to send due to an unknown error."
        return _error(500, 131000, "Something went wrong", details)

    def receipt(self, message: SentMessage) -> Post | None:
        """The status that it has come to."""
        account = self.desk.accounts.get(message.account_id)
        if account is None:
            return None
        return graph.signed(_webhook(account, statuses=[_status(message)]), account)

    def name_of_next(self, account: Account, person: str) -> str:
        """A message's id."""
        del account, person
        return _new_id()

    def inbound(self, written: Written, account: Account) -> Post | None:
        """A text from somebody, with their name."""
        number = written.person.removeprefix("+")
        said = {
            "from": number,
            "id": written.name,
            "timestamp": str(written.at_ms // 1000),
            "type": "text",
            "text": {"body": written.text},
        }
        contact = {"profile": {"name": written.called or number}, "wa_id": number}
        return graph.signed(_webhook(account, contacts=[contact], messages=[said]), account)

    def _message(self, body: Mapping[str, Any], account: Account) -> SentMessage:
        recipient, at_ms = _recipient(body), now_ms()
        is_open = graph.is_within_window(self.desk.book, account, recipient, at_ms)
        return SentMessage(
            sid=_new_id(),
            provider=NAME,
            account_id=account.account_id,
            sender=account.address,
            recipient=recipient,
            body=text_in(object_in(body, "text"), "body"),
            created_ms=at_ms,
            reference=text_in(body, "biz_opaque_callback_data"),
            refusal=0 if is_open else OUTSIDE_WINDOW,
        )


def _recipient(body: Mapping[str, Any]) -> str:
    """Their number, with or without a plus; or the id of somebody who hides it."""
    number = text_in(body, "to").removeprefix("+")
    return f"+{number}" if number else text_in(body, "recipient")


def _refusal(body: Mapping[str, Any]) -> web.Response | None:
    text = text_in(object_in(body, "text"), "body")
    if body.get("messaging_product") != NAME:
        return graph.error(400, 100, "(#100) The parameter messaging_product is required.")
    if not _recipient(body):
        return _error(400, 131008, "Required parameter is missing", "Parameter 'to' is mandatory")
    if body.get("type", "text") != "text":
        return _error(400, 131009, "Parameter value is not valid", "Only text is played here")
    if not text:
        return _error(400, 131008, "Required parameter is missing", "text.body is mandatory")
    if len(text) > BODY_CHARACTERS_MAX:
        return graph.error(400, 100, "(#100) text.body must be at most 4096 characters long.")
    return None


def _error(status: int, code: int, title: str, details: str) -> web.Response:
    data = {"messaging_product": NAME, "details": details}
    return graph.error(status, code, f"(#{code}) {title}", error_data=data)


def _taken(message: SentMessage, body: Mapping[str, Any]) -> dict[str, Any]:
    given = text_in(body, "to") or message.recipient
    contact = {"input": given, "wa_id": message.recipient.removeprefix("+")}
    return {"messaging_product": NAME, "contacts": [contact], "messages": [{"id": message.sid}]}


def _status(message: SentMessage) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": message.sid,
        "status": message.status,
        "timestamp": str(now_ms() // 1000),
        "recipient_id": message.recipient.removeprefix("+"),
    }
    if message.reference:
        told["biz_opaque_callback_data"] = message.reference
    if message.error_code:
        title = TITLES[message.error_code]
        told["errors"] = [{"code": message.error_code, "title": title, "message": title}]
    return told


def _webhook(account: Account, **content: Any) -> dict[str, Any]:
    value = {
        "messaging_product": NAME,
        "metadata": {
            "display_phone_number": account.address.removeprefix("+"),
            NUMBER_ID: account.setting(NUMBER_ID),
        },
        **content,
    }
    entry = {"id": account.setting(BUSINESS_ID), "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _new_id() -> str:
    return "wamid." + base64.b64encode(secrets.token_bytes(30)).decode()
