"""Finding a customer for an answer, also while a link moves them from one home to another."""

from __future__ import annotations

import asyncio
from typing import Final

from services.intake.core.model import Customer
from services.intake.shell.customer_store import CustomerStore

MOVING_SECONDS: Final = 2.0
LOOK_AGAIN_SECONDS: Final = 0.05


async def find_customer(store: CustomerStore, tenant_id: str, customer_id: str) -> Customer | None:
    """A customer of the tenant, by any id that they ever had.

    Who is handed over is waited for: the home that they are handed to has them in a moment, as a
    rule.
    """
    found = await store.customer(tenant_id, customer_id)
    if found is None and await store.may_be_moving(tenant_id, customer_id):
        for _ in range(int(MOVING_SECONDS / LOOK_AGAIN_SECONDS)):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            found = await store.customer(tenant_id, customer_id)
            if found is not None:
                return found
    return found
