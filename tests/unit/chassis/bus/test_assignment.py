"""Assignments: what is given to whom, and that they end when they have ended."""

from __future__ import annotations

import asyncio

from aiokafka.cluster import ClusterMetadata

from services.chassis.bus.engine import Cluster
from services.chassis.bus.faust_transport import range_over
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


def test_partitions_are_given_out_before_a_broker_knows_their_topics() -> None:
    assignor = range_over(3)
    members = {name: assignor.metadata(["a", "b"]) for name in ("one", "two")}
    unknown = ClusterMetadata(metadata_max_age_ms=1000)
    given = assignor.assign(unknown, members)
    assert {name: said.assignment for name, said in given.items()} == {
        "one": [("a", [0, 1]), ("b", [0, 1])],
        "two": [("a", [2]), ("b", [2])],
    }
