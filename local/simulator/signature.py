"""The provider's request signature: base64(HMAC-SHA1(token, URL + sorted form fields))."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

HEADER = "X-Twilio-Signature"


def sign(*, token: str, url: str, form: Mapping[str, str]) -> str:
    """Give the signature of a form that is posted to a URL (without its fragment)."""
    signed = url + "".join(f"{key}{form[key]}" for key in sorted(form))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
