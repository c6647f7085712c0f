"""Waits until every consumer has passed what the log held when the waiting began.

A verdict before that would call lost what is only on its way.
"""

from __future__ import annotations

import asyncio
import time

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from local.errors import StackError
from local.verify.log import Ends
from local.verify.tables import Backlog, backlog

PAUSE_S = 0.5


async def settle(connection: asyncpg.Connection, *, bootstrap: str, deadline_s: float) -> Backlog:
    """Wait until all is read and published; gives what is left when the deadline passes.

    Raises:
        StackError: No processor has read anything yet.
    """
    end_s = time.monotonic() + deadline_s
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        while True:
            found = await backlog(connection)
            ends = await consumer.end_offsets(_partitions(found))
            if not found.unpublished and not behind(found, ends):
                return found
            if time.monotonic() > end_s:
                return found
            await asyncio.sleep(PAUSE_S)


def behind(found: Backlog, ends: Ends) -> int:
    """Give how many records are still to be read, over all processors."""
    return sum(
        max(0, ends[TopicPartition(each.topic, each.partition)] - each.next)
        for each in found.positions
    )


def _partitions(found: Backlog) -> list[TopicPartition]:
    if not found.positions:
        raise StackError("No processor has read anything yet.")
    return sorted({TopicPartition(each.topic, each.partition) for each in found.positions})
