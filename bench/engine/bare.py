"""The bare loop that counts, as our counter does."""

from __future__ import annotations

import os
from typing import Any

import uvloop
from switchboard.engine.v1.records_pb2 import CommandOutcome

from bench.loop import Course, Loop, run
from tests.support.counter import Count


class Counting(Loop):
    """Totals by entity."""

    def __init__(self, totals: str, partitions: int) -> None:
        super().__init__("bare.sum", partitions)
        self._topic = totals
        self._totals: dict[str, tuple[int, int]] = {}

    def take(self, record: Any, number: int) -> None:
        """Add a count, answer it, and say what it comes to."""
        count = Count.FromString(record.value)
        total, seen = self._totals.get(count.entity, (0, 0))
        total, seen = total + count.amount, seen + 1
        self._totals[count.entity] = (total, seen)
        row = {"entity": count.entity, "shard": number, "total": total, "seen": seen}
        self.put("total", count.entity, row)
        if count.request:
            outcome = CommandOutcome(
                request_key=count.request, accepted=True, result=str(total).encode()
            )
            self.answer(count.request, record.timestamp, outcome.SerializeToString())
        said = Count(entity=count.entity, amount=count.amount, total=total, trace=count.trace)
        key, name = count.entity.encode(), said.DESCRIPTOR.full_name
        self.say(number, self._topic, key, name, said.SerializeToString(), record.timestamp)


def main() -> None:
    """Run until killed."""
    course = Course(
        dsn=os.environ["COUNTER_DSN"],
        bootstrap=os.environ["COUNTER_KAFKA"],
        inputs=os.environ["COUNTER_INPUTS"],
        partitions=int(os.environ["COUNTER_PARTITIONS"]),
        batch=int(os.environ["BARE_BATCH"]),
    )
    uvloop.run(run(Counting(os.environ["COUNTER_TOTALS"], course.partitions), course))


if __name__ == "__main__":
    main()
