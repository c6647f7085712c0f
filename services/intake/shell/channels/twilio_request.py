"""What all webhooks of Twilio share: the signature, the limit, a form with one value a field."""

from __future__ import annotations

from typing import Final

from services.intake.core.account import Account
from services.intake.shell.channels.forms import URLENCODED, media_type, urlencoded
from services.intake.shell.channels.protocol import Incoming, Malformed
from services.intake.shell.channels.twilio_signature import HEADER, is_signed

AUTH_TOKEN: Final = "auth_token"  # noqa: S105 - the name of a secret, not one
BODY_BYTES_MAX: Final = 64 * 1024


class TwilioHook:
    """A request that Twilio signs."""

    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """By the account's token, over the address and the form."""
        return is_signed(
            url=incoming.url,
            form=urlencoded(incoming.body),
            signature=incoming.headers.get(HEADER, ""),
            tokens=account.keys(AUTH_TOKEN),
        )

    def form(self, incoming: Incoming) -> dict[str, str]:
        """The fields, of one that is repeated the last. Raises `Malformed`."""
        if media_type(incoming.headers) != URLENCODED:
            raise Malformed(f"content-type is not {URLENCODED}")
        return {name: values[-1] for name, values in urlencoded(incoming.body).items()}
