"""Who calls, from the token alone; and whether that caller may call this RPC.

A token is a JWT of type `at+jwt` (RFC 9068), signed with RS256 or ES256, with `iss`, `aud`, `exp`,
`sub`, `tenant` and `roles`. Whatever is not expressly allowed is denied.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import jwt

from services.chassis.rpc.errors import PermissionDenied, Unauthenticated
from services.chassis.rpc.keys import ALGORITHMS, KeySet
from services.chassis.rpc.methods import PUBLIC, Method

TOKEN_BYTES_MAX: Final = 4096
TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
CLAIMS: Final = ["exp", "iss", "aud", "sub", "tenant", "roles"]
LEEWAY_SECONDS: Final = 5
CACHE_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller. `expires_s` is unix seconds; infinite for public calls."""

    tenant_id: str
    subject: str
    roles: frozenset[str]
    expires_s: float


ANYONE: Final = Caller("", "anyone", frozenset({PUBLIC}), float("inf"))
_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """The caller of the RPC in hand; LookupError outside of one."""
    return _caller.get()


def set_caller(value: Caller) -> None:
    """Bind the caller to the running task and those it starts."""
    _caller.set(value)


class Authenticator:
    """Verifies tokens of one issuer for one audience."""

    def __init__(self, *, keys: KeySet, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: dict[str, Caller] = {}
        self._generation = keys.generation

    async def admit(self, method: Method, metadata: Mapping[str, Any], now_s: float) -> Caller:
        """The caller, if one of the method's roles is held; raises otherwise, for any reason."""
        if PUBLIC in method.roles:
            return ANYONE
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send a bearer token", reason="TOKEN_MISSING")
        found = await self.verify(token, now_s)
        if not found.roles & method.roles:
            raise PermissionDenied(f"{method.name} needs a role that the token lacks")
        return found

    async def verify(self, token: str, now_s: float) -> Caller:
        """The caller a token names; raises Unauthenticated. Verified tokens are remembered."""
        await self._keys.refresh()
        if self._generation != self._keys.generation or len(self._verified) >= CACHE_MAX:
            self._verified.clear()
            self._generation = self._keys.generation
        found = self._verified.get(token)
        if found is None:
            try:
                found = await self._decode(token)
            except (jwt.PyJWTError, TypeError, ValueError) as error:
                raise _refused(type(error).__name__) from error
            self._verified[token] = found
        if found.expires_s + LEEWAY_SECONDS <= now_s:
            self._verified.pop(token, None)
            raise _refused("ExpiredSignatureError")
        return found

    async def _decode(self, token: str) -> Caller:
        if len(token) > TOKEN_BYTES_MAX:
            raise ValueError("token too long")
        header = jwt.get_unverified_header(token)
        if str(header.get("typ", "")).lower() not in TYPES or header.get("alg") not in ALGORITHMS:
            raise ValueError("wrong type or algorithm")
        key = await self._keys.get(str(header.get("kid", "")))
        if key is None:
            raise ValueError("unknown key")
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": CLAIMS},
        )
        return _caller_of(claims)


def _caller_of(claims: Mapping[str, Any]) -> Caller:
    tenant, subject, roles = claims["tenant"], claims["sub"], claims["roles"]
    if not isinstance(tenant, str) or not tenant or not isinstance(subject, str) or not subject:
        raise ValueError("empty tenant or subject")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError("roles must be a list of names")
    return Caller(tenant, subject, frozenset(roles) - {PUBLIC}, float(claims["exp"]))


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated("the token does not hold; get a new one", metadata={"why": why})
