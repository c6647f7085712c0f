"""What WhatsApp and Messenger share, both being Meta's Graph API: errors, window and webhooks.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from local.simulator.account import Account
from local.simulator.book import Book
from local.simulator.posting import Patience, Post, is_no_success

SIGNATURE = "X-Hub-Signature-256"
WINDOW_MS = 24 * 3_600_000
"""How long after somebody has written they may be written to."""
REPEATS = 24
PATIENCE = Patience(
    pauses_s=tuple(min(0.5 * 2**repeat, 60.0) for repeat in range(REPEATS)),
    request_s=10.0,
    wants=is_no_success,
)
"""Meta repeats ever more rarely, and for days."""


def error(status: int, code: int, message: str, *, subcode: int = 0, **more: Any) -> web.Response:
    """Give an error in the form of the Graph API."""
    told = {"message": message, "type": "OAuthException", "code": code, **more}
    told |= {"error_subcode": subcode} if subcode else {}
    told |= {"fbtrace_id": "A" + secrets.token_urlsafe(16)}
    return web.json_response({"error": told}, status=status)


def bad_token() -> web.Response:
    """What a caller without a valid token is told."""
    return error(401, 190, "Invalid OAuth access token - Cannot parse access token")


def is_within_window(book: Book, account: Account, person: str, at_ms: int) -> bool:
    """Whether somebody has written to the account within the last 24 hours."""
    written = book.written_by(account.account_id, person)
    return bool(written) and at_ms - max(each.at_ms for each in written) < WINDOW_MS


def signed(body: Mapping[str, Any], account: Account) -> Post | None:
    """A webhook with the app's signature; None where the app has no address for it."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: sign(raw, account.secret("app_secret")),
    }

    def write(url: str, repeat: int) -> tuple[bytes, Mapping[str, str]]:
        del url, repeat
        return raw, headers

    return Post(account.webhooks, write, PATIENCE) if account.webhooks else None


def sign(body: bytes, secret: str) -> str:
    """Give the signature of exactly these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
