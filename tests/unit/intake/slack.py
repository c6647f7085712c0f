"""Events as Slack posts them, for tests of the channel and of its way out."""

from __future__ import annotations

from typing import Any

import orjson

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Incoming
from services.intake.shell.channels.slack import sign
from tests.unit.intake.doors import PUBLIC_URL, account
from tests.unit.intake.given import NOON_MS

ACCOUNT = "slack-berlin"
PATH = f"/webhooks/slack/{ACCOUNT}"
TEAM = "T0BERLIN1"
USER = "U0GRETE01"
APP_USER = "U0SWITCH1"
CONVERSATION = "D0GRETE01"
SECRET = "the-signing-secret"
WRITTEN_S = NOON_MS // 1000 - 3
TS = f"{WRITTEN_S}.000200"


def workspace(**changes: Any) -> Account:
    """An account with two live signing secrets; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.SLACK,
        "provider": "slack",
        "address": APP_USER,
        "settings": {"team_id": TEAM},
        "secrets": {
            "signing_secret": (SECRET, "the-secret-before"),
            "bot_token": ("the-bot-token",),
        },
    }
    return account(**fields | changes)


def message(**changes: Any) -> dict[str, Any]:
    """A direct message of somebody in Berlin to the app; `changes` replace fields."""
    said = {
        "type": "message",
        "channel": CONVERSATION,
        "channel_type": "im",
        "client_msg_id": "5a4f9b1e-5f0e-4a53-9d1a-1f1c1a0d7e55",
        "user": USER,
        "text": "Wo ist mein Päckchen?",
        "ts": TS,
        "event_ts": TS,
        "team": TEAM,
    }
    return said | changes


def file(**changes: Any) -> dict[str, Any]:
    """A picture that the message holds."""
    held = {
        "id": "F0LABEL01",
        "name": "label.png",
        "title": "The label",
        "mimetype": "image/png",
        "size": 48_213,
        "url_private": "https://files.slack.com/files-pri/T0BERLIN1-F0LABEL01/label.png",
        "url_private_download": (
            "https://files.slack.com/files-pri/T0BERLIN1-F0LABEL01/download/label.png"
        ),
    }
    return held | changes


def callback(event: Any, **changes: Any) -> dict[str, Any]:
    """A whole body around an event."""
    told = {
        "type": "event_callback",
        "token": "not-looked-at",
        "team_id": TEAM,
        "api_app_id": "A0SWITCH1",
        "event_id": "Ev0000001",
        "event_time": WRITTEN_S,
        "authorizations": [{"team_id": TEAM, "user_id": APP_USER, "is_bot": True}],
        "event": event,
    }
    return told | changes


def posted(
    body: Any, *, key: str = SECRET, timestamp: str = str(NOON_MS // 1000), now_ms: int = NOON_MS
) -> Incoming:
    """The body as Slack posts it, rightly signed at `timestamp` and taken in at `now_ms`."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {
        "content-type": "application/json",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": sign(raw, timestamp, key),
    }
    return Incoming(f"{PUBLIC_URL}{PATH}", {}, headers, raw, now_ms)
