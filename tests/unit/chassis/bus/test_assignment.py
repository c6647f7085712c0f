"""An assignment ends when it has ended: the database may be away for longer than a request."""

from __future__ import annotations

import asyncio

from services.chassis.bus.engine import Cluster
from services.chassis.bus.processing import app_of
from tests.support.counter import Counter


async def test_an_assignment_is_not_given_up_after_the_time_of_a_request() -> None:
    cluster = Cluster("unused:1", 1, lambda _: 1, owner="test")
    app = app_of(Counter(inputs=["counts"], totals="totals"), cluster)
    placed = asyncio.Event()

    async def place() -> None:
        for _ in range(10):  # turns of the loop in which the time has long passed
            await asyncio.sleep(0)
        placed.set()

    await app.tables.recovery._wait(place(), timeout=0.0)
    assert placed.is_set()
