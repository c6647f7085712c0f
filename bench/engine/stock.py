"""The same counting in stock Faust: an agent, a table, a topic."""

from __future__ import annotations

import os
from typing import Any

import faust

from tests.support.counter import Count

app: Any = faust.App(
    os.environ["COUNTER_NAME"],
    broker=f"kafka://{os.environ['COUNTER_KAFKA']}",
    consumer_auto_offset_reset="earliest",
    key_serializer="raw",
    processing_guarantee="at_least_once",
    store="memory://",
    table_standby_replicas=0,
    topic_allow_declare=True,
    topic_partitions=int(os.environ["COUNTER_PARTITIONS"]),
    topic_replication_factor=1,
    value_serializer="raw",
    web_enabled=False,
)
counts = app.topic(os.environ["COUNTER_INPUTS"], key_serializer="raw", value_serializer="raw")
said = app.topic(os.environ["COUNTER_TOTALS"], key_serializer="raw", value_serializer="raw")
totals = app.Table("totals", default=int, partitions=int(os.environ["COUNTER_PARTITIONS"]))


@app.agent(counts)  # type: ignore[untyped-decorator] # Faust is untyped
async def count(stream: Any) -> None:
    """Add up and say so."""
    async for value in stream:
        given = Count.FromString(value)
        totals[given.entity] += given.amount
        total = Count(entity=given.entity, amount=given.amount, total=totals[given.entity])
        total.trace = given.trace
        await said.send(key=given.entity.encode(), value=total.SerializeToString())


if __name__ == "__main__":
    app.main()
