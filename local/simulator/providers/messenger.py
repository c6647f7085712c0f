"""Messenger's Send API: sending text, its echo, delivery and read; inbound text.

https://developers.facebook.com/docs/messenger-platform/reference/send-api

It takes no idempotency key and lists nothing. A message's `metadata` comes back with its echo
only. Whoever has not written for 24 hours can't be written to: the call is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.simulator import graph
from local.simulator.account import Account
from local.simulator.calls import bearer, called, json_in, object_in, text_in
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Post
from local.simulator.provider import Desk, Journey

NAME = "messenger"
TEXT_CHARACTERS_MAX = 2000
METADATA_CHARACTERS_MAX = 1000
TYPES = frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG"})
PAGE_ID, APP_ID = "page_id", "app_id"
OUTSIDE_WINDOW, NO_SUCH_USER, NOT_AVAILABLE = 2018278, 2018001, 1545041


@dataclass(frozen=True, slots=True)
class Messenger:
    """The provider."""

    desk: Desk
    journey = Journey(("sent", "delivered", "read"))

    def routes(self) -> list[web.RouteDef]:
        """Give the route as the provider has it: the token says whose page `me` is."""
        return [web.post("/{version:v\\d+\\.\\d+}/me/messages", self.send)]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a text: 200 with its id."""
        account = self.desk.accounts.known_by("access_token", bearer(request))
        if account is None:
            return graph.bad_token()
        body = await json_in(request)
        refusal = self._refusal(body, account)
        if refusal is not None:
            return refusal

        def accept() -> web.Response:
            if self.desk.faults().happens("undeliverable"):
                says = "(#551) This person isn't available right now."
                return graph.error(400, 551, says, subcode=NOT_AVAILABLE)
            message = _message(body, account)
            self.desk.accept(message)
            told = {"recipient_id": message.recipient, "message_id": message.sid}
            return web.json_response(told)

        return await called(request, self.desk.faults(), accept, self)

    def throttled(self) -> web.Response:
        """The limit of this call, which Meta answers with a 400."""
        return graph.error(400, 613, "(#613) Calls to this api have exceeded the rate limit.")

    def broken(self) -> web.Response:
        """An error of Meta's own."""
        return graph.error(500, 2, "An unexpected error has occurred. Please retry your request.")

    def receipt(self, message: SentMessage) -> Post | None:
        """The echo of what was sent, that it has come, that it was read."""
        account = self.desk.accounts.get(message.account_id)
        if account is None:
            return None
        make = {"sent": _echo, "delivered": _delivery}.get(message.status, _read)
        return graph.signed(_webhook(make(message, account), account), account)

    def name_of_next(self, account: Account, person: str) -> str:
        """A message's id."""
        del account, person
        return _new_id()

    def inbound(self, written: Written, account: Account) -> Post | None:
        """A text from somebody, who has no name here."""
        said = {"message": {"mid": written.name, "text": written.text}}
        event = _event(written.person, account.setting(PAGE_ID), written.at_ms) | said
        return graph.signed(_webhook(event, account), account)

    def _refusal(self, body: Mapping[str, Any], account: Account) -> web.Response | None:
        said, recipient = object_in(body, "message"), _recipient(body)
        if not recipient:
            return graph.error(400, 100, "(#100) The parameter recipient is required")
        if text_in(body, "messaging_type") not in TYPES:
            return graph.error(400, 100, "(#100) Param messaging_type must be one of its values")
        if not 0 < len(text_in(said, "text")) <= TEXT_CHARACTERS_MAX:
            return graph.error(400, 100, "(#100) Length of param message[text] must be 1 to 2000")
        if len(text_in(said, "metadata")) > METADATA_CHARACTERS_MAX:
            return graph.error(400, 100, "(#100) Length of param message[metadata] is too long")
        if not self.desk.book.written_by(account.account_id, recipient):
            return graph.error(400, 100, "(#100) No matching user found", subcode=NO_SUCH_USER)
        if not graph.is_within_window(self.desk.book, account, recipient, now_ms()):
            says = "(#10) This message is sent outside of allowed window."
            return graph.error(400, 10, says, subcode=OUTSIDE_WINDOW)
        return None


def _recipient(body: Mapping[str, Any]) -> str:
    return text_in(object_in(body, "recipient"), "id")


def _message(body: Mapping[str, Any], account: Account) -> SentMessage:
    said = object_in(body, "message")
    return SentMessage(
        sid=_new_id(),
        provider=NAME,
        account_id=account.account_id,
        sender=account.setting(PAGE_ID),
        recipient=_recipient(body),
        body=text_in(said, "text"),
        created_ms=now_ms(),
        reference=text_in(said, "metadata"),
    )


def _echo(message: SentMessage, account: Account) -> dict[str, Any]:
    """The message as every app of the page gets it, the one that sent it too."""
    said: dict[str, Any] = {"mid": message.sid, "is_echo": True, "text": message.body}
    said |= {"app_id": int(account.setting(APP_ID) or 0)}
    said |= {"metadata": message.reference} if message.reference else {}
    return _event(message.sender, message.recipient, message.created_ms) | {"message": said}


def _delivery(message: SentMessage, account: Account) -> dict[str, Any]:
    del account
    told = {"delivery": {"mids": [message.sid], "watermark": message.created_ms}}
    return _event(message.recipient, message.sender, now_ms()) | told


def _read(message: SentMessage, account: Account) -> dict[str, Any]:
    """All up to a time was read; no message is named."""
    del account
    told = {"read": {"watermark": message.created_ms}}
    return _event(message.recipient, message.sender, now_ms()) | told


def _event(sender: str, recipient: str, at_ms: int) -> dict[str, Any]:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at_ms}


def _webhook(event: Mapping[str, Any], account: Account) -> dict[str, Any]:
    entry = {"id": account.setting(PAGE_ID), "time": now_ms(), "messaging": [event]}
    return {"object": "page", "entry": [entry]}


def _new_id() -> str:
    return "m_" + secrets.token_urlsafe(48)
