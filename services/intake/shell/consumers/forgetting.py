"""Timers that end waiting and keeping: for messages that do not come, of items nobody looked at."""

from __future__ import annotations

from services.intake.core.commands import CloseExpired, ForgetEarly
from services.intake.core.leftovers import KEPT_MS, ForgetItems, KeepItem
from services.intake.shell.consumers.closing import closing

_EARLY, _ITEMS = "early/", "items/"


def early_timer(home_id: str, tenant_id: str) -> str:
    """The timer's key: one for all revisions that wait with a customer."""
    return f"{_EARLY}{home_id}/{tenant_id}"


def items_timer(item: KeepItem, until_ms: int) -> str:
    """The timer's key: one for all items of an account that are kept until then."""
    return f"{_ITEMS}{item.home_id}/{until_ms}/{item.tenant_id}"


def due(key: str) -> CloseExpired | ForgetEarly | ForgetItems:
    """What a timer of the threader asks for. Raises `ValueError` for a key that is none of ours."""
    if key.startswith(_EARLY):
        _, home_id, tenant_id = key.split("/", 2)
        return ForgetEarly(tenant_id=tenant_id, home_id=home_id)
    if key.startswith(_ITEMS):
        _, home_id, until_ms, tenant_id = key.split("/", 3)
        return ForgetItems(tenant_id, home_id, before_ms=int(until_ms) - KEPT_MS)
    return closing(key)
