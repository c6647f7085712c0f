"""Requests as Postmark posts them, for tests of the channel and of its way out."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from services.intake.core.account import Account
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailboxes import ACCOUNT, GRETE, HOME, MESSAGE_ID, OURS, mailbox

PATH = f"/webhooks/postmark/{ACCOUNT}"
TOKEN = "an-inbound-token"
CARRIER_ID = "22c74902-a0c1-4511-804f-341342852c90"


def desk(**changes: Any) -> Account:
    """An account with two live tokens; `changes` replace fields."""
    fields: dict[str, Any] = {
        "secrets": {"inbound_token": (TOKEN, "a-token-before"), "server_token": ("pm-1",)},
    }
    return mailbox("postmark", **fields | changes)


def mail(**changes: Any) -> dict[str, Any]:
    """A mail of Grete's."""
    said = {
        "MessageStream": "inbound",
        "FromName": "Grete Muster",
        "From": GRETE,
        "FromFull": {"Email": GRETE, "Name": "Grete Muster", "MailboxHash": ""},
        "To": f'"Help" <{OURS}>',
        "ToFull": [{"Email": OURS, "Name": "Help", "MailboxHash": ""}],
        "Cc": "",
        "CcFull": [],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": OURS,
        "Subject": "Parcel",
        "MessageID": CARRIER_ID,
        "ReplyTo": "",
        "MailboxHash": "",
        "Date": "Sun, 15 Jun 2025 15:06:40 +0000",
        "TextBody": "Where is my parcel?\n",
        "HtmlBody": "<p>Where is my parcel?</p>",
        "StrippedTextReply": "",
        "Tag": "",
        "Headers": [
            {"Name": "X-Spam-Status", "Value": "No"},
            {"Name": "Message-ID", "Value": f"<{MESSAGE_ID}>"},
        ],
        "Attachments": [],
    }
    return said | changes


def attachment(name: str, kind: str, content: bytes, content_id: str = "") -> dict[str, Any]:
    """A file."""
    return {
        "Name": name,
        "Content": base64.b64encode(content).decode(),
        "ContentType": kind,
        "ContentLength": len(content),
        "ContentID": content_id,
    }


def posted(body: Any, *, token: str = TOKEN, path: str = PATH) -> Incoming:
    """A request as Postmark posts it to the address that it was given, with basic auth."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    login = base64.b64encode(f"postmark:{token}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {login}"}
    return Incoming(f"{PUBLIC_URL}{path}", {}, headers, raw, NOON_MS)


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """A step of a mail that we sent to Grete."""
    happened = {
        "RecordType": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Recipient": GRETE,
        "DeliveredAt": "2025-06-15T15:06:35.1234567Z",
        "Metadata": {"sb_message": "m-7", "sb_recipient": HOME},
        "MessageStream": "outbound",
    }
    return happened | changes
