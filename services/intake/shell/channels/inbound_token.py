"""A secret that comes back with every request, from providers of mail that sign none of them.

It stands in the address that the provider was given: as the password of `https://any:…@host/…`,
which the provider sends as basic auth (RFC 7617), or as `?token=…`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from services.intake.core.account import Account
from services.intake.shell.channels.body_signature import is_among
from services.intake.shell.channels.protocol import Incoming

INBOUND_TOKEN: Final = "inbound_token"  # noqa: S105 - the name of a secret, not one
_BASIC: Final = "basic "


def has_token(incoming: Incoming, account: Account) -> bool:
    """Whether a live `inbound_token` of the account came along. An account without one has none."""
    given = incoming.query.get("token", "") or _password(incoming.headers.get("authorization", ""))
    return is_among(given, account.keys(INBOUND_TOKEN))


def _password(authorization: str) -> str:
    """The password of basic auth; empty where there is none."""
    if not authorization.lower().startswith(_BASIC):
        return ""
    try:
        pair = base64.b64decode(authorization[len(_BASIC) :].strip(), validate=True)
    except binascii.Error:
        return ""
    return pair.partition(b":")[2].decode("utf-8", "replace")
