"""The signed link of a survey: who holds it may answer once, and nobody can make one up.

A token is the survey's id, the end of its validity and a 160-bit HMAC over both and the tenant, as
56 characters that are safe in a URL. Verifying needs the tenant, which is looked up by the survey's
id; only the token's SHA-256 is ever stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

MAC_BYTES = 20
_ID_BYTES = 16
_EXPIRY_BYTES = 6
_TOKEN_BYTES = _ID_BYTES + _EXPIRY_BYTES + MAC_BYTES
_CONTEXT = b"switchboard survey link v1"


@dataclass(frozen=True, slots=True)
class Links:
    """How links are made and known again: `keys` of 32 bytes or more, of which the first signs.

    `base_url` is where customers reach the service, without a slash at the end.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    base_url: str

    def token(self, *, tenant_id: str, survey_id: str, expires_at_ms: int) -> str:
        """The token of a survey, signed with the key in use."""
        return sign(
            key=self.keys[0],
            tenant_id=tenant_id,
            survey_id=survey_id,
            expires_at_ms=expires_at_ms,
        )

    def url(self, token: str) -> str:
        """What the customer clicks."""
        return f"{self.base_url}/s/{token}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says, before its signature was checked."""

    survey_id: str
    expires_at_ms: int
    mac: bytes


def sign(*, key: bytes, tenant_id: str, survey_id: str, expires_at_ms: int) -> str:
    """The token of a survey; the same inputs give the same token, so that replays agree."""
    body = uuid.UUID(survey_id).bytes + expires_at_ms.to_bytes(_EXPIRY_BYTES, "big")
    token = body + _mac(key, tenant_id, body)
    return base64.urlsafe_b64encode(token).decode()


def read(token: str) -> Claim | None:
    """What `token` claims, or None where it is not shaped like a token."""
    try:
        raw = base64.b64decode(token.encode("ascii"), b"-_", validate=True)
    except ValueError:  # not ASCII, not Base64
        return None
    if len(raw) != _TOKEN_BYTES or base64.urlsafe_b64encode(raw).decode() != token:
        return None  # another spelling of the same bytes is not the link we sent
    expiry = int.from_bytes(raw[_ID_BYTES:-MAC_BYTES], "big")
    return Claim(str(uuid.UUID(bytes=raw[:_ID_BYTES])), expiry, raw[-MAC_BYTES:])


def is_genuine(claim: Claim, *, keys: Sequence[bytes], tenant_id: str, now_ms: int) -> bool:
    """Whether one of our keys signed the claim for this tenant, and it still holds at `now_ms`."""
    expiry = claim.expires_at_ms.to_bytes(_EXPIRY_BYTES, "big")
    body = uuid.UUID(claim.survey_id).bytes + expiry
    signed = [hmac.compare_digest(_mac(key, tenant_id, body), claim.mac) for key in keys]
    return any(signed) and now_ms < claim.expires_at_ms


def fingerprint(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _mac(key: bytes, tenant_id: str, body: bytes) -> bytes:
    signed = b"|".join((_CONTEXT, tenant_id.encode(), body))
    return hmac.new(key, signed, hashlib.sha256).digest()[:MAC_BYTES]
