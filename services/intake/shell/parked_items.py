"""Reads what came over accounts and nobody could read, for the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres
from services.intake.core.leftovers import KeepItem
from services.intake.shell import rows

Place = tuple[int, str]
"""Where a list by latest goes on: behind the item of this time and id."""


class ParkedItems:
    """Reads of one tenant at a time."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(
        self, tenant_id: str, account_id: str, *, after: Place | None, limit: int
    ) -> Sequence[KeepItem]:
        """Items of an account, the latest first, `limit` of them behind `after`."""
        behind = after or (2**62, "")
        async with translated():
            found = await self._postgres.pool.fetch(_PAGE, tenant_id, account_id, *behind, limit)
        return [rows.parked_item_of(dict(row)) for row in found]


_PAGE: Final = """
SELECT * FROM parked_item
WHERE tenant_id = $1 AND account_id = $2 AND (received_at_ms, item_id) < ($3, $4)
ORDER BY received_at_ms DESC, item_id DESC LIMIT $5"""
