"""Seals secrets with AES-256-GCM. What a secret belongs to is authenticated with it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class Unsealable(Exception):
    """The secret was sealed with a key that this process has not, or was tampered with."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret at rest."""

    key_id: str
    nonce: bytes
    sealed: bytes


class Vault:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    def seal(self, secret: str, *, belongs_to: str) -> Sealed:
        """Seal under a fresh nonce."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[self._current]
        sealed = cipher.encrypt(nonce, secret.encode(), belongs_to.encode())
        return Sealed(self._current, nonce, sealed)

    def open(self, sealed: Sealed, *, belongs_to: str) -> str:
        """The secret. Raises `Unsealable`."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise Unsealable(f"no key {sealed.key_id}")
        try:
            return cipher.decrypt(sealed.nonce, sealed.sealed, belongs_to.encode()).decode()
        except InvalidTag:
            raise Unsealable("tampered with, or moved") from None


def _key_id(key: bytes) -> str:
    """Names a key without giving it away."""
    return hashlib.sha256(b"switchboard account key" + key).hexdigest()[:16]
