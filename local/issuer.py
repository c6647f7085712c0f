"""The local stack's own token issuer: one ES256 key, its public set on disk, tokens on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Sequence

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from local.files import write_private
from local.home import Home

ISSUER = "https://issuer.switchboard.localhost"
AUDIENCE = "switchboard"
DEFAULT_TTL_S = 8 * 3600
ROLES = ("agent", "supervisor", "admin", "service")


class Issuer:
    """Signs tokens that the services of one data folder accept."""

    def __init__(self, home: Home) -> None:
        """Load the folder's key, or make one and publish its public set."""
        if not home.signing_key.exists():
            write_private(home.signing_key, _new_key())
        key = serialization.load_pem_private_key(home.signing_key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{home.signing_key} does not hold an elliptic-curve key")
        self._key = key
        self._public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        self._key_id = _thumbprint(self._public)
        if not home.jwks.exists():
            write_private(home.jwks, json.dumps(self.jwks()).encode())

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Give the public key set."""
        public = {**self._public, "kid": self._key_id, "alg": "ES256", "use": "sig"}
        return {"keys": [public]}

    def sign(
        self,
        *,
        subject: str,
        roles: Sequence[str],
        tenant: str = "default",
        ttl_s: int = DEFAULT_TTL_S,
    ) -> str:
        """Give a token for one caller; `ttl_s` seconds from now it ends."""
        now_s = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": list(roles),
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + ttl_s,
            "jti": uuid.uuid4().hex,
        }
        headers = {"kid": self._key_id, "typ": "at+jwt"}
        return jwt.encode(claims, self._key, algorithm="ES256", headers=headers)


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        encoding=serialization.Encoding.PEM,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    )


def _thumbprint(public: dict[str, str]) -> str:
    """Give the key's RFC 7638 thumbprint: the same key has the same id everywhere."""
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")
