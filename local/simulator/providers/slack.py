"""Slack's Web API and Events API: direct messages of an app, listed with their metadata.

https://docs.slack.dev/reference/methods/chat.postMessage

It takes no idempotency key. What the app says comes back to it as an event, like everything that is
said in the conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import web

from local.simulator.account import Account
from local.simulator.calls import bearer, called, json_in, object_in, text_in
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Patience, Post, is_no_success
from local.simulator.provider import Desk, Journey

NAME = "slack"
TEXT_CHARACTERS_MAX = 40_000
LISTED, LISTED_MAX = 100, 999
RETRY_AFTER_S = 1
TEAM_ID, APP_ID, BOT_ID = "team_id", "app_id", "bot_id"
SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
PATIENCE = Patience(pauses_s=(0.0, 60.0, 300.0), request_s=3.0, wants=is_no_success)
"""Three repeats: at once, after a minute, after five."""


@dataclass(slots=True)
class Slack:
    """The provider."""

    desk: Desk
    _last_us: int = 0
    _people: dict[str, str] = field(default_factory=dict)
    """Whose direct messages a conversation holds."""
    journey = Journey(("sent",))

    def __post_init__(self) -> None:
        """Know the conversations that there are."""
        for account in self.desk.accounts:
            for person in self.desk.book.people(account.account_id):
                self._channel_of(person, account)

    def routes(self) -> list[web.RouteDef]:
        """Give the methods as the provider has them."""
        return [
            web.post("/api/chat.postMessage", self.post_message),
            web.post("/api/conversations.open", self.open),
            web.get("/api/conversations.history", self.history),
        ]

    async def post_message(self, request: web.Request) -> web.StreamResponse:
        """Take a text: its conversation and its time, which is its id there."""
        account = self._caller(request)
        if account is None:
            return error("invalid_auth" if bearer(request) else "not_authed")
        body = await json_in(request)
        person = self._person(text_in(body, "channel"))
        refusal = _refusal(body, person)
        if refusal:
            return error(refusal)

        def accept() -> web.Response:
            if self.desk.faults().happens("undeliverable"):
                return error("messages_tab_disabled")
            message = self._message(body, person, account)
            self.desk.accept(message)
            channel, ts = message.sid.split("/")
            told = {"ok": True, "channel": channel, "ts": ts, "message": _listed(message, account)}
            return web.json_response(told)

        return await called(request, self.desk.faults(), accept, self)

    async def open(self, request: web.Request) -> web.Response:
        """Give the conversation with one person."""
        account = self._caller(request)
        if account is None:
            return error("invalid_auth" if bearer(request) else "not_authed")
        person = text_in(await json_in(request), "users")
        if not _is_person(person):
            return error("user_not_found")
        channel = self._channel_of(person, account)
        return web.json_response({"ok": True, "channel": {"id": channel}})

    async def history(self, request: web.Request) -> web.Response:
        """Give what was said in a conversation after `oldest`, the latest first."""
        account, query = self._caller(request), request.query
        if account is None:
            return error("invalid_auth" if bearer(request) else "not_authed")
        person = self._people.get(query.get("channel", ""), "")
        if not person:
            return error("channel_not_found")
        oldest_us = _microseconds(query.get("oldest", "0"))
        said = self._said(
            person, account, with_metadata=_is_on(query.get("include_all_metadata", ""))
        )
        found = [each for each in said if _microseconds(each["ts"]) > oldest_us]
        limit = min(LISTED_MAX, int(query.get("limit", LISTED)))
        told = {"ok": True, "messages": found[:limit], "has_more": len(found) > limit}
        return web.json_response(told)

    def throttled(self) -> web.Response:
        """A limit, with the seconds to wait."""
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        told = {"ok": False, "error": "ratelimited"}
        return web.json_response(told, status=429, headers=headers)

    def broken(self) -> web.Response:
        """An error of Slack's own."""
        return web.json_response({"ok": False, "error": "internal_error"}, status=500)

    def receipt(self, message: SentMessage) -> Post | None:
        """What the app said, as the event that everybody in the conversation gets."""
        account = self.desk.accounts.get(message.account_id)
        if account is None:
            return None
        said = _listed(message, account)
        return _event(said, message.sid.partition("/")[0], account)

    def name_of_next(self, account: Account, person: str) -> str:
        """Conversation and time."""
        return f"{self._channel_of(person, account)}/{self._next_ts()}"

    def inbound(self, written: Written, account: Account) -> Post | None:
        """What somebody said to the app, as an event."""
        return _event(_said(written, account), written.name.partition("/")[0], account)

    def _caller(self, request: web.Request) -> Account | None:
        return self.desk.accounts.known_by("bot_token", bearer(request))

    def _channel_of(self, person: str, account: Account) -> str:
        """The direct messages of somebody with an app are one conversation, always the same."""
        digest = hashlib.sha256(f"{account.account_id}/{person}".encode()).hexdigest()
        channel = f"D{digest[:10].upper()}"
        self._people[channel] = person
        return channel

    def _person(self, channel: str) -> str:
        """Whom a text goes to; somebody's id stands for their direct messages."""
        return channel if _is_person(channel) else self._people.get(channel, "")

    def _message(self, body: Mapping[str, Any], person: str, account: Account) -> SentMessage:
        metadata = object_in(body, "metadata")
        payload = object_in(metadata, "event_payload")
        return SentMessage(
            sid=f"{self._channel_of(person, account)}/{self._next_ts()}",
            provider=NAME,
            account_id=account.account_id,
            sender=account.address,
            recipient=person,
            body=unescaped(text_in(body, "text")),
            created_ms=now_ms(),
            reference=text_in(payload, "message_id"),
            facts={"text": text_in(body, "text"), "metadata": json.dumps(metadata)},
        )

    def _next_ts(self) -> str:
        """The time in microseconds, which no two messages share."""
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def _said(self, person: str, account: Account, *, with_metadata: bool) -> list[dict[str, Any]]:
        """Both sides' messages, the latest first."""
        book, account_id = self.desk.book, account.account_id
        ours = [_listed(each, account) for each in book.sent_to(account_id, person)]
        if not with_metadata:
            ours = [{k: v for k, v in each.items() if k != "metadata"} for each in ours]
        theirs = [_said(each, account) for each in book.written_by(account_id, person)]
        return sorted(ours + theirs, key=lambda each: _microseconds(each["ts"]), reverse=True)


def error(name: str) -> web.Response:
    """Give an error in the provider's form: a 200 that says no."""
    return web.json_response({"ok": False, "error": name})


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Give the signature of exactly these bytes at a time in Unix seconds."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def escaped(text: str) -> str:
    """Text as Slack's clients write it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(text: str) -> str:
    """Text as Slack's clients show it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _refusal(body: Mapping[str, Any], person: str) -> str:
    """The error that a text is refused with; empty for none."""
    if not person:
        return "channel_not_found"
    if not text_in(body, "text"):
        return "no_text"
    if len(text_in(body, "text")) > TEXT_CHARACTERS_MAX:
        return "msg_too_long"
    metadata = body.get("metadata")
    if metadata is None:
        return ""
    is_whole = isinstance(metadata, dict) and text_in(metadata, "event_type")
    return "" if is_whole and object_in(metadata, "event_payload") else "invalid_metadata_format"


def _listed(message: SentMessage, account: Account) -> dict[str, Any]:
    """What the app said, as it is listed."""
    told = {
        "type": "message",
        "user": account.address,
        "bot_id": account.setting(BOT_ID),
        "app_id": account.setting(APP_ID),
        "team": account.setting(TEAM_ID),
        "text": message.facts["text"],
        "ts": message.sid.partition("/")[2],
    }
    metadata = json.loads(message.facts["metadata"])
    return told | ({"metadata": metadata} if metadata else {})


def _said(written: Written, account: Account) -> dict[str, Any]:
    """What somebody said to the app."""
    return {
        "type": "message",
        "user": written.person,
        "client_msg_id": str(uuid5(NAMESPACE_OID, written.name)),
        "team": account.setting(TEAM_ID),
        "text": escaped(written.text),
        "ts": written.name.partition("/")[2],
    }


def _event(said: Mapping[str, Any], channel: str, account: Account) -> Post | None:
    """The webhook of a message. It has no metadata, which is an event of its own."""
    if not account.webhooks:
        return None
    shown = {name: value for name, value in said.items() if name != "metadata"}
    bot = {"team_id": account.setting(TEAM_ID), "user_id": account.address, "is_bot": True}
    told = {
        "token": secrets.token_hex(12),
        "team_id": account.setting(TEAM_ID),
        "api_app_id": account.setting(APP_ID),
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(time.time()),
        "authorizations": [bot],
        "event": {**shown, "channel": channel, "channel_type": "im", "event_ts": said["ts"]},
    }
    body = json.dumps(told, ensure_ascii=False).encode()
    return Post(account.webhooks, _writer(body, account.secret("signing_secret")), PATIENCE)


def _writer(body: bytes, secret: str) -> Callable[[str, int], tuple[bytes, Mapping[str, str]]]:
    """The same body each time, signed at the time of each post."""

    def write(url: str, repeat: int) -> tuple[bytes, Mapping[str, str]]:
        del url
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: sign(body, timestamp, secret),
        }
        if repeat:
            headers |= {"X-Slack-Retry-Num": str(repeat), "X-Slack-Retry-Reason": "http_error"}
        return body, headers

    return write


def _is_person(name: str) -> bool:
    return name[:1] in {"U", "W"} and name.isalnum() and name.isupper()


def _is_on(value: str) -> bool:
    return value.lower() in {"true", "1"}


def _microseconds(ts: str) -> int:
    """A message's time; 0 where it is none."""
    seconds, _, fraction = ts.partition(".")
    if not seconds.isdecimal() or not (fraction or "0").isdecimal():
        return 0
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
