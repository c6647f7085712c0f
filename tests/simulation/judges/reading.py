"""Topics and tables as their readers see them: each record of a writer once, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message

from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.record import Record
from tests.simulation.group import Violation
from tests.simulation.world import World

M = TypeVar("M", bound=Message)


def check(holds: object, says: str) -> None:
    """Raise `Violation` with what it says where it does not hold."""
    if not holds:
        raise Violation(says)


def records(world: World, topic: str) -> Iterator[Record]:
    """The records of a topic without repeats, partition by partition. Raises at a gap."""
    for partition in range(world.bus.partitions):
        last: dict[tuple[str, int], int] = {}
        for record in world.bus.logs.get((topic, partition), ()):
            stamp = ReadStamp.of(record.headers)
            if stamp is None:
                yield record
                continue
            writer = (stamp.writer, stamp.shard)
            expected = last.get(writer, 0) + 1
            check(stamp.sequence <= expected, f"{topic}/{record.offset}: {writer} skips {expected}")
            if stamp.sequence == expected:
                last[writer] = expected
                yield record


def events(world: World, topic: str, envelope: type[M]) -> Iterator[M]:
    """What a topic says, each thing once."""
    for record in records(world, topic):
        yield envelope.FromString(record.value)


async def rows(world: World, table: str, **where: Any) -> list[dict[str, Any]]:
    """Rows of a table, whichever service has it."""
    for store in world.stores.values():
        if table in store.rows.tables:
            return await store.rows.select(table, **where)
    raise Violation(f"nobody has a table {table}")
