"""A visitor's session: sealed into a token that the browser keeps. Nothing is stored of it here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from services.intake.shell.chat.sealing import BadToken, Seal

DAY_MS: Final = 86_400_000
VISITOR_LIFE_MS: Final = 30 * DAY_MS
PERSON_LIFE_MS: Final = DAY_MS  # then the site has to say anew who it is
VISITOR_BYTES: Final = 16
_PURPOSE: Final = b"switchboard chat session"


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
        self._seal = Seal(account_keys, _PURPOSE)

    def seal(self, session: Session) -> str:
        """The token of a session: letters, digits, `-` and `_`."""
        person = asdict(session.person) if session.person else None
        said = orjson.dumps([session.visitor_id, session.expires_at_ms, person]).decode()
        return self._seal.seal(said, belongs_to=session.account_id)

    def open(self, token: str, account_id: str, *, now_ms: int) -> Session:
        """The session of a token. Raises `BadToken`, also where it has expired."""
        said = self._seal.open(token, belongs_to=account_id)
        visitor_id, expires_at_ms, person = orjson.loads(said)
        if expires_at_ms <= now_ms:
            raise BadToken("expired")
        return Session(account_id, visitor_id, expires_at_ms, Person(**person) if person else None)
