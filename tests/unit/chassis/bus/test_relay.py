"""What goes out together, and what waits until everything before it has arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from switchboard.engine.v1.records_pb2 import OutboxRecord

from services.chassis.bus.effects import Effects
from services.chassis.bus.outbox import Outgoing
from services.chassis.bus.relay import Relay
from tests.support.counter import Count
from tests.support.memory_store import MemoryStore


@dataclass(slots=True)
class Publications:
    """Remembers what was asked to be published at once."""

    made: list[set[bytes]] = field(default_factory=list)

    async def publish(self, records: Mapping[tuple[str, int], Sequence[Outgoing]]) -> None:
        self.made.append({each.key for batch in records.values() for each in batch})

    async def renew(self) -> None:
        """Nothing fails here."""


def record(name: str, partition: int, sequence: int, *, after_all: bool = False) -> OutboxRecord:
    return OutboxRecord(
        topic="totals",
        partition=partition,
        key=name.encode(),
        sequence=sequence,
        after_all=after_all,
    )


async def test_what_goes_after_all_waits_for_every_partition() -> None:
    """Engine rule 10: a customer is yielded behind everything that their old home has said."""
    publications = Publications()
    relay = Relay("counter.sum", publisher=publications, store=MemoryStore())
    relay.add(0, 1, [record("a", 0, 1), record("b", 1, 1)])
    relay.add(1, 1, [record("c", 2, 1)])
    relay.add(0, 2, [record("d", 2, 1), record("yield", 3, 1, after_all=True), record("e", 3, 2)])
    relay.add(0, 3, [record("f", 0, 2)])
    await relay.publish_waiting()
    assert publications.made == [{b"a", b"b", b"c", b"d"}, {b"yield", b"e", b"f"}]
    assert relay.published() == {0: 3, 1: 1}


def test_an_emission_says_that_it_goes_after_all() -> None:
    effects = Effects("counter.sum|counts|0|0", now_ms=1)
    effects.emit("totals", "a", Count(entity="a"))
    effects.emit_after_all("totals", "b", Count(entity="b"))
    assert [each.after_all for each in effects.emissions] == [False, True]
