"""The signature that many providers use: `sha256=` and the hex HMAC-SHA256 of the raw body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def is_signed(body: bytes, signature: str, keys: Iterable[str]) -> bool:
    """Whether one of `keys` has signed."""
    return is_among(signature, (sign(body, key) for key in keys))


def is_among(given: str, valid: Iterable[str]) -> bool:
    """Whether `given` is one of the valid ones, in the same time whichever it is."""
    raw = given.encode("utf-8", "replace")
    matches = [hmac.compare_digest(each.encode(), raw) for each in valid]
    return any(matches)


def sign(body: bytes, key: str) -> str:
    """The signature of exactly these bytes."""
    return f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
