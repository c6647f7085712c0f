"""Items that nobody could read: into the mailbox, out of it, and as the API lists them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2s
from typing import Any, Final

import orjson
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.account import Account
from services.intake.core.cards import masked
from services.intake.core.commands import Command
from services.intake.core.identity import leftovers_home_id
from services.intake.core.leftovers import KeepItem

PAYLOAD_BYTES_MAX: Final = 64 * 1024


def parked(
    account: Account, kind: str, payload: bytes, *, received_at_ms: int
) -> commands_pb2.IntakeInput:
    """An item as an edge publishes it: card numbers masked, and cut where it is too long."""
    shown = orjson.dumps(_masked(orjson.loads(payload)))
    return commands_pb2.IntakeInput(
        tenant_id=account.tenant_id,
        received_at_ms=received_at_ms,
        actor=f"provider/{account.account_id}",
        home_id=leftovers_home_id(account.tenant_id, account.account_id),
        parked_item=model_pb2.ParkedItem(
            account_id=account.account_id,
            provider=account.provider,
            kind=kind,
            payload=shown[:PAYLOAD_BYTES_MAX],
        ),
    )


def request_key(item: model_pb2.ParkedItem) -> str:
    """What comes twice is kept once: a provider that repeats a request repeats it as it was."""
    return f"{item.account_id}/parked/{blake2s(item.payload, digest_size=16).hexdigest()}"


def keep_item(said: commands_pb2.IntakeInput, now_ms: int, new_id: Callable[[], str]) -> Command:
    """What the threader makes of it."""
    item = said.parked_item
    return KeepItem(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        item_id=new_id(),
        account_id=item.account_id,
        provider=item.provider,
        kind=item.kind,
        payload=item.payload.decode("utf-8", "ignore"),  # a character may be cut at the end
        received_at_ms=said.received_at_ms or now_ms,
    )


def listed(item: KeepItem) -> model_pb2.ParkedItem:
    """As the API lists it."""
    return model_pb2.ParkedItem(
        account_id=item.account_id,
        provider=item.provider,
        kind=item.kind,
        payload=item.payload.encode(),
        received_at_ms=item.received_at_ms,
        item_id=item.item_id,
    )


def _masked(part: Any) -> Any:
    """JSON with every text and number masked; a number that holds a card becomes a text."""
    if isinstance(part, dict):
        return {_masked(name): _masked(of) for name, of in part.items()}
    if isinstance(part, list):
        return [_masked(each) for each in part]
    if isinstance(part, str):
        return masked(part.replace("\0", ""))  # which no database stores
    if isinstance(part, int) and masked(str(part)) != str(part):
        return masked(str(part))
    return part
