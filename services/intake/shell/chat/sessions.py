"""A visitor's session: sealed into a token that the browser keeps and cannot read.

Nothing is stored of it here. The key follows from the account key (HKDF, RFC 5869), so there is
nothing to configure; a token of another account, or one that was changed, opens nowhere.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.intake.shell.vault import NONCE_BYTES, Sealed, Unsealable, Vault

DAY_MS: Final = 86_400_000
VISITOR_LIFE_MS: Final = 30 * DAY_MS
PERSON_LIFE_MS: Final = DAY_MS  # then the site has to say anew who it is
TOKEN_CHARACTERS_MAX: Final = 4096
VISITOR_BYTES: Final = 16
_KEY_ID_BYTES: Final = 8
_PURPOSE: Final = b"switchboard chat session"


class BadToken(ValueError):
    """Not a live token of this account. The text never holds the token."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the account's site says that the visitor is; an `email` may not be verified."""

    external_id: str = ""
    email: str = ""
    email_verified: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """Who writes on an account. `visitor_id` is their address on the channel."""

    account_id: str
    visitor_id: str
    expires_at_ms: int
    person: Person | None = None

    @property
    def renew_at_ms(self) -> int:
        """From when on a visitor gets a new token; a person's is never renewed, only replaced."""
        if self.person is not None:
            return self.expires_at_ms
        return self.expires_at_ms - VISITOR_LIFE_MS // 2


def new_visitor_id() -> str:
    """An id that nobody guesses (128 bits)."""
    return secrets.token_urlsafe(VISITOR_BYTES)


def begun(
    account_id: str, visitor_id: str, *, now_ms: int, person: Person | None = None
) -> Session:
    """A session from now on."""
    life_ms = VISITOR_LIFE_MS if person is None else PERSON_LIFE_MS
    return Session(account_id, visitor_id, now_ms + life_ms, person)


class SessionTokens:
    """Seals sessions with the first of the account keys, opens with any."""

    def __init__(self, account_keys: Sequence[bytes]) -> None:
        self._vault = Vault([_derived(key) for key in account_keys])

    def seal(self, session: Session) -> str:
        """The token of a session: letters, digits, `-` and `_`."""
        person = asdict(session.person) if session.person else None
        said = orjson.dumps([session.visitor_id, session.expires_at_ms, person]).decode()
        sealed = self._vault.seal(said, belongs_to=session.account_id)
        raw = bytes.fromhex(sealed.key_id) + sealed.nonce + sealed.sealed
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def open(self, token: str, account_id: str, *, now_ms: int) -> Session:
        """The session of a token. Raises `BadToken`, also where it has expired."""
        try:
            said = self._vault.open(_sealed(token), belongs_to=account_id)
        except Unsealable:
            raise BadToken("not a token of this account") from None
        visitor_id, expires_at_ms, person = orjson.loads(said)
        if expires_at_ms <= now_ms:
            raise BadToken("expired")
        return Session(account_id, visitor_id, expires_at_ms, Person(**person) if person else None)


def _sealed(token: str) -> Sealed:
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise BadToken("too long")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("not base64url") from None
    key_id, rest = raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]
    return Sealed(key_id.hex(), rest[:NONCE_BYTES], rest[NONCE_BYTES:])


def _derived(account_key: bytes) -> bytes:
    return HKDF(SHA256(), length=len(account_key), salt=None, info=_PURPOSE).derive(account_key)
