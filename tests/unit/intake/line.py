"""Webhooks as LINE's Messaging API posts them, for tests of the channel and of its way out."""

from __future__ import annotations

from typing import Any

import orjson

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.channels.line import sign
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL, account
from tests.unit.intake.given import NOON_MS

ACCOUNT = "line-berlin"
PATH = f"/webhooks/line/{ACCOUNT}"
BOT = "Ub0170b0170b0170b0170b0170b0170b0"
USER = "U5e11e5e11e5e11e5e11e5e11e5e11e5e1"
SECRET = "the-channel-secret"
WRITTEN_MS = NOON_MS - 2_345


def business(**changes: Any) -> Account:
    """An account with two live channel secrets; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.LINE,
        "provider": "line",
        "address": "@desk-berlin",
        "settings": {},
        "secrets": {
            "channel_secret": (SECRET, "the-secret-before"),
            "access_token": ("the-access-token", "the-token-before"),
        },
    }
    return account(**fields | changes)


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """Something that somebody in Berlin did."""
    happened = {
        "type": kind,
        "mode": "active",
        "timestamp": WRITTEN_MS,
        "source": {"type": "user", "userId": USER},
        "webhookEventId": "01JXS0ZCGQ7M3T9V5B2K8D4FHN",
        "deliveryContext": {"isRedelivery": False},
        "replyToken": "b1946ac92492d2347c6235b4d2611184",
    }
    return happened | changes


def message(kind: str, **content: Any) -> dict[str, Any]:
    """A message of theirs; `content` is what its kind has."""
    said = {"id": "561203948812", "type": kind, "quoteToken": "q7"}
    return event("message", message=said | content)


def webhook(*events: Any) -> dict[str, Any]:
    """A whole body."""
    return {"destination": BOT, "events": list(events)}


def posted(body: Any, *, key: str = SECRET) -> Incoming:
    """The body as LINE posts it, rightly signed."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-line-signature": sign(raw, key),
    }
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, raw, NOON_MS)
