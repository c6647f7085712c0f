"""What an account's site says of a visitor: a JSON Web Token that its server signs with HS256.

The claims are those of OpenID Connect Core 1.0, 5.1: `sub` (the site's own id of the person),
`email`, `email_verified` (true unless stated otherwise), `name`. `exp` is required and at most a
day ahead: a page that shows it to somebody else would let them be that person for so long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jwt

from services.intake.core.account import Account
from services.intake.core.identity import home_id
from services.intake.core.model import Channel, StatedIdentity
from services.intake.shell.addresses import normalise
from services.intake.shell.channels.arrivals import NAME_CHARACTERS_MAX
from services.intake.shell.channels.json_fields import text_in
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.chat.sealing import TOKEN_CHARACTERS_MAX
from services.intake.shell.chat.sessions import DAY_MS, Person

IDENTITY_KEY: Final = "identity_key"
ALGORITHM: Final = "HS256"
AHEAD_MS_MAX: Final = DAY_MS
_CHECKS: Final[Any] = {"require": ["exp"], "verify_aud": False, "verify_sub": False}


class WrongSignature(ValueError):
    """Nobody who knows a live key of the account has signed this, or it has expired."""


def person_of(proof: str, account: Account, *, now_ms: int) -> Person:
    """The person that a site names. Raises `WrongSignature`, `Malformed`, `BadAddress`."""
    claims = _claims(proof, account)
    if claims["exp"] * 1000 > now_ms + AHEAD_MS_MAX:
        raise Malformed("exp is more than a day ahead")
    named, email = text_in(claims, "sub"), text_in(claims, "email")
    person = Person(
        external_id=normalise(Channel.API, named) if named else "",
        email=normalise(Channel.EMAIL, email) if email else "",
        email_verified=bool(email) and claims.get("email_verified", True) is True,
        name=text_in(claims, "name")[:NAME_CHARACTERS_MAX],
    )
    if not person.external_id and not person.email_verified:
        raise Malformed("neither sub nor a verified email")
    return person


def stated(person: Person, tenant_id: str) -> tuple[StatedIdentity, ...]:
    """The person's other addresses, the surest first."""
    found: list[tuple[Channel, str, bool]] = []
    if person.external_id:
        found.append((Channel.API, person.external_id, True))
    if person.email:
        found.append((Channel.EMAIL, person.email, person.email_verified))
    return tuple(
        StatedIdentity(channel, address, home_id(tenant_id, channel, address), verified)
        for channel, address, verified in found
    )


def _claims(proof: str, account: Account) -> Mapping[str, Any]:
    if len(proof) > TOKEN_CHARACTERS_MAX:
        raise Malformed("identity is too long")
    for key in account.keys(IDENTITY_KEY):
        try:
            claims: Mapping[str, Any] = jwt.decode(
                proof, key, algorithms=[ALGORITHM], options=_CHECKS
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError as error:
            raise WrongSignature(type(error).__name__) from None
        return claims
    raise WrongSignature("no live key of the account")
