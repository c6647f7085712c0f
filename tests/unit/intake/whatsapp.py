"""Webhooks as WhatsApp's Cloud API posts them, for tests of the channel and of its way out."""

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

ACCOUNT = "wa-berlin"
PATH = f"/webhooks/whatsapp/{ACCOUNT}"
NUMBER_ID = "106540352242922"
SECRET = "the-app-secret"
WRITTEN_S = NOON_MS // 1000 - 3


def business(**changes: Any) -> Account:
    """An account with two live app secrets; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.WHATSAPP,
        "provider": "whatsapp",
        "settings": {"phone_number_id": NUMBER_ID},
        "secrets": {
            "app_secret": (SECRET, "the-secret-before"),
            "verify_token": ("say-friend",),
            "access_token": ("the-access-token",),
        },
    }
    return account(**fields | changes)


def message(kind: str, content: Any, **changes: Any) -> dict[str, Any]:
    """A message of somebody in Berlin."""
    said = {"from": "4930901820", "id": "wamid.IN", "timestamp": str(WRITTEN_S), "type": kind}
    return said | {kind: content} | changes


def status(step: str, **changes: Any) -> dict[str, Any]:
    """A step of a message of ours to them."""
    told = {
        "id": "wamid.OUT",
        "status": step,
        "timestamp": str(WRITTEN_S),
        "recipient_id": "4930901820",
        "biz_opaque_callback_data": "d-1",
    }
    return told | changes


def change(field: str = "messages", **value: Any) -> dict[str, Any]:
    """One change of an entry."""
    known = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4930555000", "phone_number_id": NUMBER_ID},
        "contacts": [{"profile": {"name": "Grete"}, "wa_id": "4930901820"}],
    }
    return {"field": field, "value": known | value}


def webhook(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """A whole body."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": list(changes)}],
    }


def posted(body: Any, *, key: str = SECRET) -> Incoming:
    """The body as Meta posts it, rightly signed."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "application/json", "x-hub-signature-256": sign(raw, key)}
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, raw, NOON_MS)
