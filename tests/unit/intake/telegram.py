"""Updates as Telegram posts them, for tests of the channel and of its way out."""

from __future__ import annotations

from typing import Any

import orjson

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Incoming
from services.intake.shell.channels.telegram import HEADER
from tests.unit.intake.doors import PUBLIC_URL, account
from tests.unit.intake.given import NOON_MS

ACCOUNT = "tg-berlin"
PATH = f"/webhooks/telegram/{ACCOUNT}"
SECRET = "the-secret-token"
BOT_TOKEN = "7000000001:the-bot-token"
WRITTEN_S = NOON_MS // 1000 - 3
CHAT_ID = 4503599627370497
"""More than 32 bits hold."""

GRETE: dict[str, Any] = {
    "id": CHAT_ID,
    "is_bot": False,
    "first_name": "Grete",
    "last_name": "Samsa",
    "username": "grete",
    "language_code": "fr",
}
CHAT: dict[str, Any] = {"id": CHAT_ID, "first_name": "Grete", "type": "private"}


def bot(**changes: Any) -> Account:
    """An account with two live secret tokens; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.TELEGRAM,
        "provider": "telegram",
        "address": "@switchboard_bot",
        "settings": {},
        "secrets": {
            "secret_token": (SECRET, "the-token-before"),
            "bot_token": (BOT_TOKEN, "110201543:the-one-before"),
        },
    }
    return account(**fields | changes)


def message(**content: Any) -> dict[str, Any]:
    """A message of Grete to the bot; `content` adds fields, or replaces them."""
    said = {"message_id": 12, "from": GRETE, "chat": CHAT, "date": WRITTEN_S}
    return said | content


def press(**changes: Any) -> dict[str, Any]:
    """Grete presses a button under a message of the bot."""
    ours = {"message_id": 11, "from": {"id": 110201543, "is_bot": True}, "chat": CHAT, "date": 7}
    query = {
        "id": "4382bfdwdsb323b2d9",
        "from": GRETE,
        "message": ours,
        "chat_instance": "-3",
        "data": "yes",
    }
    return query | changes


def update(**content: Any) -> dict[str, Any]:
    """A whole body."""
    return {"update_id": 10000, **content}


def posted(body: Any, *, token: str | None = SECRET) -> Incoming:
    """The body as Telegram posts it, with the token that it was given."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "application/json"} | ({} if token is None else {HEADER: token})
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, raw, NOON_MS)
