"""Accounts of mail, and a customer's mail in the forms in which it comes in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.intake.core.account import Account
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.identity import conversation_token, home_id
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Envelope
from tests.unit.intake.doors import account
from tests.unit.intake.given import NOON_MS, TENANT, dispatch

ACCOUNT = "mail-berlin"
CONVERSATION = "0195b0f0-1111-7000-8000-00000000000a"
TOKEN = conversation_token(CONVERSATION)
SENT = "0195b0f0-0000-7000-8000-000000000001"
OURS = "help@desk.example"
GRETE = "grete@example.org"
HOME = home_id(TENANT, "EMAIL", GRETE)
MESSAGE_ID = "CAF81b2@mail.example.org"


def mailbox(provider: str = "smtp", **changes: Any) -> Account:
    """A mailbox of ours; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.EMAIL,
        "provider": provider,
        "address": OURS,
        "tags": ("mail",),
        "settings": {},
        "secrets": {},
    }
    return account(**fields | changes)


def outgoing(**changes: Any) -> Dispatch:
    """A mail of ours to Grete, in its second attempt; `changes` replace fields."""
    fields: dict[str, Any] = {
        "message_id": SENT,
        "account_id": ACCOUNT,
        "conversation_id": CONVERSATION,
        "channel": Channel.EMAIL,
        "home_id": HOME,
        "recipient": GRETE,
        "subject": "Parcel",
        "phase": Phase.ATTEMPTING,
        "attempts": 2,
        "lookups": 1,
        "attempted_at_ms": NOON_MS,
    }
    return replace(dispatch(), **fields | changes)


def envelope(*recipients: str, **changes: Any) -> Envelope:
    """What a carrier says of a mail that has just come."""
    fields: dict[str, Any] = {"received_at_ms": NOON_MS, "recipients": recipients}
    return Envelope(**fields | changes)


def raw_mail(*fields: str, text: str = "Where is my parcel?", **named: str) -> bytes:
    """A mail of Grete's; `named` fields replace hers or are added, an empty one is left out."""
    head = {
        "From": f"Grete Muster <{GRETE}>",
        "To": OURS,
        "Subject": "Parcel",
        "Message-ID": f"<{MESSAGE_ID}>",
        "Date": "Sun, 15 Jun 2025 15:06:40 +0000",
    }
    head |= {name.replace("_", "-"): value for name, value in named.items()}
    lines = [f"{name}: {value}" for name, value in head.items() if value]
    return "\r\n".join([*lines, *fields, "", text, ""]).encode()
