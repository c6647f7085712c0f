"""One outbound message as the provider keeps it, and as its API shows it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

API_VERSION = "2010-04-01"
FINAL = frozenset({"delivered", "undelivered", "failed"})
UNREACHABLE = 30003
"""Provider's error code for a handset that can't be reached."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message the provider accepted; times in unix milliseconds."""

    sid: str
    account_sid: str
    sender: str
    recipient: str
    body: str
    status_callback: str
    created_ms: int
    status: str = "queued"
    sent_ms: int = 0
    error_code: int = 0

    def moved(self, status: str, *, now_ms: int, error_code: int = 0) -> SentMessage:
        """Give the message in its next status."""
        sent_ms = self.sent_ms or (now_ms if status in {"sent", "delivered"} else 0)
        return replace(self, status=status, sent_ms=sent_ms, error_code=error_code)

    def resource(self) -> dict[str, Any]:
        """Give the JSON of the API's Message resource."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": _rfc2822(self.created_ms),
            "date_sent": _rfc2822(self.sent_ms) if self.sent_ms else None,
            "date_updated": _rfc2822(max(self.created_ms, self.sent_ms)),
            "direction": "outbound-api",
            "error_code": self.error_code or None,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(segments(self.body)),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.recipient,
            "uri": f"{uri}.json",
        }

    def receipt(self) -> dict[str, str]:
        """Give the form of a status callback."""
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "From": self.sender,
            "MessageSid": self.sid,
            "MessageStatus": self.status,
            "SmsSid": self.sid,
            "SmsStatus": self.status,
            "To": self.recipient,
        }
        return form | ({"ErrorCode": str(self.error_code)} if self.error_code else {})


def new_sid() -> str:
    """Make a message id in the provider's form."""
    return "SM" + secrets.token_hex(16)


def segments(body: str) -> int:
    """Give how many SMS a body takes: 160 GSM characters each (153 when split), 70/67 in UCS-2."""
    alone, split = (160, 153) if body.isascii() else (70, 67)
    return 1 if len(body) <= alone else -(-len(body) // split)


def day_of(unix_ms: int) -> str:
    """Give the UTC day, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d")


def _rfc2822(unix_ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(unix_ms // 1000, tz=UTC))
