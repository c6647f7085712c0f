"""What providers sent and nobody could read: kept for a while, so that somebody may look at it.

It is no customer's, so it lies under a home that follows from its account. Each day's items are
forgotten together, thirty days after the day's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

DAY_MS: Final = 86_400_000
KEPT_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class KeepItem:
    """Keep an item as it came, as JSON with card numbers masked. `kind` says why it is here."""

    tenant_id: str
    home_id: str
    item_id: str
    account_id: str
    provider: str
    kind: str
    payload: str
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class ForgetItems:
    """Forget what an account got before `before_ms`."""

    tenant_id: str
    home_id: str
    before_ms: int


@dataclass(frozen=True, slots=True)
class ItemKept:
    """An item is kept until `until_ms`, with the others of its day."""

    item: KeepItem
    until_ms: int


@dataclass(frozen=True, slots=True)
class ItemsForgotten:
    """Items of an account that came before `before_ms` are gone."""

    tenant_id: str
    home_id: str
    before_ms: int


Leftover = KeepItem | ForgetItems
LeftoverEvent = ItemKept | ItemsForgotten


def look_after(command: Leftover) -> tuple[LeftoverEvent, ...]:
    """What becomes of items."""
    match command:
        case KeepItem():
            return (ItemKept(command, _day_end_ms(command.received_at_ms) + KEPT_MS),)
        case ForgetItems():
            return (ItemsForgotten(command.tenant_id, command.home_id, command.before_ms),)
        case _:
            assert_never(command)


def _day_end_ms(at_ms: int) -> int:
    return (at_ms // DAY_MS + 1) * DAY_MS
