"""Webhooks as Messenger posts them, for tests of the channel and of its way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.channels.body_signature import sign
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL, account
from tests.unit.intake.given import NOON_MS

ACCOUNT = "fb-berlin"
PATH = f"/webhooks/messenger/{ACCOUNT}"
PAGE = "682498302938465"
PERSON = "1254477777772919"
SECRET = "the-app-secret"
WRITTEN_MS = NOON_MS - 2_750


def page(**changes: Any) -> Account:
    """An account with two live app secrets; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.MESSENGER,
        "provider": "messenger",
        "address": PAGE,
        "settings": {"page_id": PAGE},
        "secrets": {
            "app_secret": (SECRET, "the-secret-before"),
            "verify_token": ("say-friend",),
            "access_token": ("the-page-token",),
        },
    }
    return account(**fields | changes)


def event(kind: str, content: Any, **changes: Any) -> dict[str, Any]:
    """What somebody in Berlin did."""
    told = {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": WRITTEN_MS}
    return told | {kind: content} | changes


def message(**content: Any) -> dict[str, Any]:
    """A message of theirs."""
    return event("message", {"mid": "m_IN"} | content)


def attached(*attachments: Any, **content: Any) -> dict[str, Any]:
    """A message of theirs with attachments."""
    return message(attachments=list(attachments), **content)


def file(kind: str, url: str, **payload: Any) -> dict[str, Any]:
    """An attachment that is a file."""
    return {"type": kind, "payload": {"url": url} | payload}


def echo(**content: Any) -> dict[str, Any]:
    """A message of ours to them, as Meta repeats it."""
    said = {"mid": "m_OUT", "is_echo": True, "app_id": 1517776481860111, "metadata": "d-1"}
    ends = {"sender": {"id": PAGE}, "recipient": {"id": PERSON}}
    return event("message", said | {"text": "It is on its way."} | content, **ends)


def delivery(*mids: Any, **changes: Any) -> dict[str, Any]:
    """What has come to them."""
    return event("delivery", {"mids": list(mids), "watermark": WRITTEN_MS - 250}, **changes)


def entry(*events: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The events of one page."""
    return {"id": PAGE, "time": NOON_MS, "messaging": list(events)} | changes


def webhook(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """A whole body."""
    return {"object": "page", "entry": list(entries)}


def posted(body: Any, *, key: str = SECRET) -> Incoming:
    """The body as Meta posts it, rightly signed."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "application/json", "x-hub-signature-256": sign(raw, key)}
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, raw, NOON_MS)
