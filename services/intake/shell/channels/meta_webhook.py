"""What the webhooks of all Meta's channels share: the signature, and the handshake before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import PlainTextResponse, Response

from services.intake.core.account import Account
from services.intake.shell.channels.body_signature import is_among, is_signed
from services.intake.shell.channels.protocol import Incoming

SIGNATURE: Final = "x-hub-signature-256"
APP_SECRET: Final = "app_secret"  # noqa: S105 - the name of a secret, not one
VERIFY_TOKEN: Final = "verify_token"  # noqa: S105 - the name of a secret, not one
BODY_BYTES_MAX: Final = 3 * 1024 * 1024
CHALLENGE_CHARACTERS_MAX: Final = 256


def is_by_meta(incoming: Incoming, account: Account) -> bool:
    """Signed by the app's secret, over the bytes as they came: their escapes are not canonical."""
    return is_signed(incoming.body, incoming.headers.get(SIGNATURE, ""), account.keys(APP_SECRET))


class Subscription:
    """Meta asks once, when the address is entered, and whenever it is changed."""

    def __init__(self, path: str) -> None:
        self.path = path

    def answer(self, query: Mapping[str, str], account: Account) -> Response | None:
        """The challenge, to whoever knows the token that the account has."""
        given, challenge = query.get("hub.verify_token", ""), query.get("hub.challenge", "")
        is_known = is_among(given, account.keys(VERIFY_TOKEN))
        if not is_known or len(challenge) > CHALLENGE_CHARACTERS_MAX:
            return None
        return PlainTextResponse(challenge)
