"""Seals what a browser keeps for us and cannot read: a token of letters, digits, `-` and `_`.

Nothing is stored of it here. The key of each purpose follows from the account key (HKDF, RFC 5869),
so there is nothing to configure; a token of another purpose or owner, or one that was changed,
opens nowhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.intake.shell.vault import NONCE_BYTES, Sealed, Unsealable, Vault

TOKEN_CHARACTERS_MAX: Final = 4096
_KEY_ID_BYTES: Final = 8


class BadToken(ValueError):
    """Not a live token of whoever shows it. The text never holds the token."""


class Seal:
    """Seals with the first of the account keys, opens with any."""

    def __init__(self, account_keys: Sequence[bytes], purpose: bytes) -> None:
        self._vault = Vault([_derived(key, purpose) for key in account_keys])

    def seal(self, said: str, *, belongs_to: str) -> str:
        """The token that says so."""
        sealed = self._vault.seal(said, belongs_to=belongs_to)
        raw = bytes.fromhex(sealed.key_id) + sealed.nonce + sealed.sealed
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def open(self, token: str, *, belongs_to: str) -> str:
        """What a token says. Raises `BadToken`."""
        try:
            return self._vault.open(_sealed(token), belongs_to=belongs_to)
        except Unsealable:
            raise BadToken("not a token of this account, or for something else") from None


def _sealed(token: str) -> Sealed:
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise BadToken("too long")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("not base64url") from None
    key_id, rest = raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]
    return Sealed(key_id.hex(), rest[:NONCE_BYTES], rest[NONCE_BYTES:])


def _derived(account_key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=len(account_key), salt=None, info=purpose).derive(account_key)
