"""Requests as Mailgun posts them, for tests of the channel and of its way out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from services.intake.core.account import Account
from services.intake.shell.channels.mailgun import sign
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailboxes import ACCOUNT, GRETE, HOME, MESSAGE_ID, OURS, mailbox
from tests.unit.intake.sendgrid import BOUNDARY, multipart

PATH = f"/webhooks/mailgun/{ACCOUNT}"
KEY = "a-signing-key"
MAILED_TOKEN = "5d39f1c2b7a84e6c9f0d1e2a3b4c5d6e7f8091a2b3c4d5e6f7"
HEADERS = [
    ["X-Mailgun-Incoming", "Yes"],
    ["Received", "from mail.example.org by mxa.mailgun.example"],
    ["From", f"Grete Muster <{GRETE}>"],
    ["To", f"Help <{OURS}>"],
    ["Message-Id", f"<{MESSAGE_ID}>"],
    ["Subject", "Parcel"],
    ["Content-Type", 'multipart/mixed; boundary="b0"'],
]
FIELDS = {
    "recipient": OURS,
    "sender": GRETE,
    "subject": "Parcel",
    "from": f"Grete Muster <{GRETE}>",
    "Message-Id": f"<{MESSAGE_ID}>",
    "message-headers": orjson.dumps(HEADERS).decode(),
    "body-plain": "Where is my parcel?\r\n",
    "body-html": "<p>Where is my parcel?</p>",
    "stripped-text": "Where is my parcel?",
}


def desk(**changes: Any) -> Account:
    """An account with two live keys; `changes` replace fields."""
    fields: dict[str, Any] = {
        "secrets": {"signing_key": ("the-next-key", KEY), "api_key": ("key-1",)},
    }
    return mailbox("mailgun", **fields | changes)


def signature(*, at_ms: int = NOON_MS, key: str = KEY, token: str = MAILED_TOKEN) -> dict[str, str]:
    """What Mailgun adds."""
    timestamp = str(at_ms // 1000)
    return {"timestamp": timestamp, "token": token, "signature": sign(timestamp, token, key)}


def urlencoded(fields: dict[str, Any], *, path: str = PATH, **how: Any) -> Incoming:
    """A form without files, rightly signed."""
    body = urlencode(fields | signature(**how), quote_via=quote_plus).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Incoming(f"{PUBLIC_URL}{path}", {}, headers, body, NOON_MS)


def with_files(fields: dict[str, Any], *files: tuple[str, str, str, bytes]) -> Incoming:
    """A form with files, rightly signed."""
    body = multipart(fields | signature(), *files)
    headers = {"content-type": f'multipart/form-data; boundary="{BOUNDARY}"'}
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, body, NOON_MS)


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """A step of a mail that we sent to Grete."""
    happened = {
        "event": kind,
        "id": "CPgfbmQMTCKtHW6uIWtuVe",
        "timestamp": NOON_MS / 1000 - 5.25,
        "recipient": GRETE,
        "message": {"headers": {"message-id": "m-7@desk.example", "to": GRETE}},
        "user-variables": {"sb_message": "m-7", "sb_recipient": HOME},
        "delivery-status": {"code": 250, "message": "OK"},
    }
    return happened | changes


def reported(happened: dict[str, Any], **how: Any) -> Incoming:
    """An event as Mailgun posts it, rightly signed."""
    body = orjson.dumps({"signature": signature(**how), "event-data": happened})
    headers = {"content-type": "application/json"}
    return Incoming(f"{PUBLIC_URL}{PATH}/events", {}, headers, body, NOON_MS)
