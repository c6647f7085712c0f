"""Requests as Twilio SendGrid posts them, for tests of the channel and of its way out."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.intake.core.account import Account
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailboxes import ACCOUNT, GRETE, HOME, MESSAGE_ID, OURS, mailbox

PATH = f"/webhooks/sendgrid/{ACCOUNT}"
TOKEN = "an-inbound-token"
BOUNDARY = "xYzZY"
KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
HEADERS = (
    "Received: by mx0042.sendgrid.example with SMTP id abc; Sun, 15 Jun 2025 15:06:41 +0000\n"
    f"From: Grete Muster <{GRETE}>\n"
    f"To: Help\n <{OURS}>\n"
    "Subject: =?utf-8?q?P=C3=A4ckchen?=\n"
    f"Message-ID: <{MESSAGE_ID}>\n"
    'Content-Type: multipart/alternative; boundary="b0"\n'
)
FIELDS = {
    "headers": HEADERS,
    "dkim": "{@example.org : pass}",
    "SPF": "pass",
    "to": f"Help <{OURS}>",
    "from": f"Grete Muster <{GRETE}>",
    "subject": "Päckchen",
    "text": "Where is my parcel?\r\n",
    "html": "<p>Where is my parcel?</p>",
    "attachments": "0",
    "sender_ip": "192.0.2.7",
    "envelope": orjson.dumps({"to": [OURS], "from": GRETE}).decode(),
    "charsets": orjson.dumps({"text": "utf-8", "html": "utf-8", "from": "UTF-8"}).decode(),
}


def desk(**changes: Any) -> Account:
    """An account with two live tokens; `changes` replace fields."""
    fields: dict[str, Any] = {
        "secrets": {"inbound_token": (TOKEN, "a-token-before"), "api_key": ("SG.key",)},
    }
    return mailbox("sendgrid", **fields | changes)


def public_key(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """A key as SendGrid shows it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def multipart(fields: dict[str, Any], *files: tuple[str, str, str, bytes]) -> bytes:
    """A form: texts are UTF-8; files are field, name, media type and content."""
    parts = []
    for name, value in fields.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        raw = value if isinstance(value, bytes) else value.encode()
        parts.append(head.encode() + raw + b"\r\n")
    for name, file_name, kind, content in files:
        head = (
            f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="{file_name}"\r\nContent-Type: {kind}\r\n\r\n'
        )
        parts.append(head.encode() + content + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def posted(
    body: bytes, *, path: str = PATH, token: str = TOKEN, content_type: str = "", **headers: str
) -> Incoming:
    """A request as SendGrid posts it to the address that it was given."""
    query = {"token": token} if token else {}
    found = {"content-type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    found |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{PUBLIC_URL}{path}" + (f"?token={token}" if token else "")
    return Incoming(url, query, found, body, NOON_MS)


def signed(
    body: bytes,
    *,
    key: ec.EllipticCurvePrivateKey = KEY,
    at_ms: int = NOON_MS,
    token: str = "",
    path: str = PATH,
) -> Incoming:
    """The same, signed, and without a token."""
    timestamp = str(at_ms // 1000)
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return posted(
        body,
        path=path,
        token=token,
        x_twilio_email_event_webhook_signature=base64.b64encode(signature).decode(),
        x_twilio_email_event_webhook_timestamp=timestamp,
    )


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """A step of a mail that we sent to Grete."""
    happened = {
        "email": GRETE,
        "event": kind,
        "timestamp": NOON_MS // 1000 - 5,
        "smtp-id": "<0195b0f0-0000-7000-8000-000000000001@desk.example>",
        "sg_event_id": "ZGVsaXZlcmVk",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "sb_message": "m-7",
        "sb_recipient": HOME,
    }
    return happened | changes
