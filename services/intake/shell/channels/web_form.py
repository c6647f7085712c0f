"""A contact form on a web page: JSON or an ordinary form, with an id that the page made.

A page cannot keep a secret, so a public form is open to everyone. An account that has a
`signing_key` takes signed posts only, as a site's own server would send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import JSONResponse, Response

from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import normalise
from services.intake.shell.channels.body_signature import is_signed
from services.intake.shell.channels.forms import (
    URLENCODED,
    json_object,
    media_type,
    required,
    storable,
    urlencoded,
)
from services.intake.shell.channels.protocol import Arrived, Channel, Incoming, Item, Malformed

PROVIDER: Final = "web"
SIGNING_KEY: Final = "signing_key"
SIGNATURE: Final = "x-switchboard-signature"
BODY_BYTES_MAX: Final = 128 * 1024
TEXT_CHARACTERS_MAX: Final = 16_000
_LIMITS: Final = {"text": TEXT_CHARACTERS_MAX, "subject": 998, "name": 200, "language": 35}
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{8,64}")


class FormHook:
    """One post of a form."""

    path = "/forms/{account_id}"
    body_bytes_max = BODY_BYTES_MAX

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """`sha256=` and the hex HMAC-SHA256 of the raw body, where the account has a key."""
        keys = account.keys(SIGNING_KEY)
        return not keys or is_signed(incoming.body, incoming.headers.get(SIGNATURE, ""), keys)

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """One message of the person whose mailbox or telephone number the form names."""
        form = _fields(incoming)
        client_message_id = required(form, "message_id")
        if not _MESSAGE_ID.fullmatch(client_message_id):
            raise Malformed("message_id is not 8 to 64 letters, digits, dots, dashes or colons")
        given = form.get("email") or required(form, "phone")
        sender = normalise(Medium.FORM, given, account.settings.get("region"))
        message = ReceiveMessage(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, Medium.FORM, sender),
            account_id=account.account_id,
            channel=Medium.FORM,
            from_address=sender,
            to_address=account.address,
            message_id=inbound_message_id(account.account_id, client_message_id),
            provider_message_id="",
            text=required(form, "text"),
            occurred_at_ms=incoming.now_ms,
            received_at_ms=incoming.now_ms,
            new_conversation_id="",
            from_name=form.get("name", ""),
            subject=form.get("subject", ""),
            language=form.get("language") or account.language,
            pool_hint=account.pool_hint,
            tags=account.tags,
        )
        return [Arrived(message, client_message_id)]

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """Accepted, with our id of the message."""
        del incoming
        ids = [item.message.message_id for item in items if isinstance(item, Arrived)]
        return JSONResponse({"message_id": ids[0]}, status_code=202)


def _fields(incoming: Incoming) -> Mapping[str, str]:
    """Text fields within their limits, as Postgres stores them. Raises `Malformed`."""
    kind = media_type(incoming.headers)
    if kind == "application/json":
        given = json_object(incoming.body)
    elif kind == URLENCODED:
        given = {name: values[-1] for name, values in urlencoded(incoming.body).items()}
    else:
        raise Malformed(f"content-type is neither application/json nor {URLENCODED}")
    for name, value in given.items():
        if not isinstance(value, str):
            raise Malformed(f"{name} is not text")
        if len(value) > _LIMITS.get(name, TEXT_CHARACTERS_MAX):
            raise Malformed(f"{name} is longer than {_LIMITS.get(name, TEXT_CHARACTERS_MAX)}")
    return {name: storable(value) for name, value in given.items()}


CHANNEL = Channel(PROVIDER, media=frozenset({Medium.FORM}), hooks=(FormHook(),))
