"""Requests as providers make them, for tests of channels and doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from services.intake.core.account import Account, IfUnseen
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Incoming
from services.intake.shell.channels.twilio_signature import HEADER, sign
from tests.unit.intake.given import ACCOUNT, NOON_MS, TENANT

TOKEN = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
PUBLIC_URL = "https://desk.example"
SMS_PATH = f"/webhooks/twilio/{ACCOUNT}"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
SMS = {
    "AccountSid": "ACdeadbeefdeadbeefdeadbeefdeadbeef",
    "ApiVersion": "2010-04-01",
    "Body": "Wo ist mein Päckchen? 1+1=2",
    "From": "+4930901820",
    "FromCountry": "DE",
    "MessageSid": "SM00000000000000000000000000000007",
    "NumMedia": "0",
    "NumSegments": "1",
    "SmsStatus": "received",
    "To": "+4930555000",
}
RECEIPT = {
    "AccountSid": "ACdeadbeefdeadbeefdeadbeefdeadbeef",
    "From": "+4930555000",
    "MessageSid": "SM00000000000000000000000000000008",
    "MessageStatus": "delivered",
    "To": "+4930901820",
}


def account(**changes: Any) -> Account:
    """An SMS account at Twilio with two live tokens; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "tenant_id": TENANT,
        "channel": Channel.SMS,
        "provider": "twilio",
        "address": "+4930555000",
        "display_name": "Berlin",
        "enabled": True,
        "language": "de",
        "pool_hint": "berlin",
        "tags": ("sms",),
        "if_unseen": IfUnseen.HOLD,
        "settings": {"account_sid": "ACdeadbeefdeadbeefdeadbeefdeadbeef"},
        "created_at_ms": NOON_MS,
        "updated_at_ms": NOON_MS,
        "version": 1,
        "secrets": {"auth_token": (TOKEN, "the-token-before")},
    }
    return Account(**fields | changes)


def signed(
    form: Mapping[str, str],
    *,
    path: str = SMS_PATH,
    query: Mapping[str, str] | None = None,
    token: str = TOKEN,
) -> Incoming:
    """A form that Twilio posts, rightly signed."""
    url = f"{PUBLIC_URL}{path}" + (f"?{urlencode(query)}" if query else "")
    fields = {name: [value] for name, value in form.items()}
    return Incoming(
        url=url,
        query=query or {},
        headers={"content-type": FORM, HEADER: sign(url=url, form=fields, token=token)},
        body=urlencode(form).encode(),
        now_ms=NOON_MS,
    )
