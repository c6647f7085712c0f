"""How Twilio SendGrid signs webhooks: ECDSA with SHA-256 over timestamp and raw body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/securing-your-parse-webhooks
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from services.intake.shell.channels.protocol import Incoming

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
AGE_SECONDS_MAX: Final = 73 * 3600
"""Parsed mail is tried for three days. What is replayed within them is known by its ids."""
AHEAD_SECONDS_MAX: Final = 300


def is_signed(incoming: Incoming, keys: Iterable[str]) -> bool:
    """Whether one of these public keys (base64 of DER, as SendGrid shows them) fits."""
    timestamp = incoming.headers.get(TIMESTAMP, "")
    if not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    age_seconds = incoming.now_ms // 1000 - int(timestamp[:15])
    if not -AHEAD_SECONDS_MAX <= age_seconds <= AGE_SECONDS_MAX:
        return False
    given = incoming.headers.get(SIGNATURE, "")
    try:
        signature = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    if base64.b64encode(signature).decode() != given:  # its last letter may hold bits of nothing
        return False
    signed = timestamp.encode() + incoming.body
    return any(_fits(signature, signed, key) for key in keys)


def _fits(signature: bytes, signed: bytes, key: str) -> bool:
    public = _public_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _public_key(key: str) -> EllipticCurvePublicKey | None:
    """None for what is no key of an elliptic curve: it fits nothing."""
    try:
        found = load_der_public_key(base64.b64decode(key))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, EllipticCurvePublicKey) else None
