"""Ids that follow from what they name, so that every edge and every replay finds the same one."""

from __future__ import annotations

from base64 import b32decode, b32encode
from hashlib import sha1
from uuid import UUID

_NAMESPACE = sha1(UUID("8e2f3a52-6d0c-5d0b-9a51-3c1f0a7b6e44").bytes, usedforsecurity=False)


def home_id(tenant_id: str, channel: str, address: str) -> str:
    """The id of a normalised address: its home shard, and its customer's id until it is linked.

    An edge can compute it without a database, so a message is routed while Postgres is away.
    """
    return _named("address", tenant_id, channel, address)


def leftovers_home_id(tenant_id: str, account_id: str) -> str:
    """The home of what came over an account and is no customer's."""
    return _named("leftovers", tenant_id, account_id)


def inbound_message_id(account_id: str, provider_message_id: str) -> str:
    """The id of an inbound message: a provider's repeat of it has the same one."""
    return _named("message", account_id, provider_message_id)


def help_message_id(message_id: str) -> str:
    """The id of the answer to a message that asks for help: the same message has one answer."""
    return _named("help", message_id)


def requested_message_id(tenant_id: str, request_id: str) -> str:
    """The id of a message that a caller asked for: a repeated request names the same message."""
    return _named("request", tenant_id, request_id)


def conversation_token(conversation_id: str) -> str:
    """The id in 26 letters and digits that survive mail programs: no dashes, no letter case."""
    return b32encode(UUID(conversation_id).bytes).decode().rstrip("=").lower()


def conversation_of_token(token: str) -> str:
    """The id that a token stands for; empty where it is none."""
    try:
        return str(UUID(bytes=b32decode(token.upper() + "======")))
    except ValueError:
        return ""


def message_of_reference(reference: str) -> str:
    """Our id in a Message-ID of ours, `<id>@…`; empty in anybody else's."""
    local = reference.partition("@")[0].partition(".")[0]
    try:
        return str(UUID(local))
    except ValueError:
        return ""


def lane(account_id: str, recipient_home_id: str) -> str:
    """Within a lane, one account to one recipient, provider calls are made one at a time."""
    return f"{account_id}/{recipient_home_id}"


def _named(*parts: str) -> str:
    """UUIDv5 of the parts; the unit separator keeps ("a", "b/c") apart from ("a/b", "c").

    As `uuid.uuid5` makes it, in a third of the time: every message needs two (RFC 9562, 5.5).
    """
    digest = _NAMESPACE.copy()
    digest.update("\x1f".join(parts).encode())
    found = digest.hexdigest()
    variant = "89ab"[int(found[16], 16) & 3]
    return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"
