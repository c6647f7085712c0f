"""A bare loop in the place of one of our processors: it writes and says what that one did."""

from __future__ import annotations

import argparse
import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop

from bench.loop import Course, Loop, run
from bench.path.sample import STAGES, Sample, envelope

BATCH_MAX = 1000
TIMER_MS = 20_000  # an offer's
_CUSTOMERS = "SELECT * FROM customer WHERE customer_id = ANY($1)"


class Repeating(Loop):
    """Does for each message what was done for the sample."""

    def __init__(self, name: str, sample: Sample, *, prefix: str, partitions: int) -> None:
        super().__init__(f"bare.{name}", partitions)
        stage = STAGES[name]
        *_, self._awaited = sample.of(stage.reads)
        self._read = sample.template(self._awaited.value)
        written = sample.rows[name]
        self._rows_of = [
            (table.name, itemgetter(*table.key), sample.template(written[table.name]))
            for table in stage.tables
            if table.name in written
        ]
        self._envelope, self._answer = envelope(stage.reads), envelope(stage.says)
        self._says = [
            (sample.template(said.key), sample.template(said.value))
            for said in sample.of(stage.says)
        ]
        self._says_to = prefix + stage.says
        self._timers = [sample.template(key) for key in sample.timers[name]]
        self._request = sample.template(sample.request) if name == "threader" else None

    async def read(self, connection: asyncpg.Connection, records: list[Any]) -> None:
        """The threader reads through: it asks who the writers are, as ours does."""
        if self._request is not None:
            await connection.fetch(_CUSTOMERS, [record.key.decode() for record in records])

    def take(self, record: Any, number: int) -> None:
        """The last record of a message brings about what the sample's did."""
        message: Any = self._envelope.FromString(record.value)
        if message.WhichOneof("kind") != self._awaited.kind:
            return
        digits = self._read.digits_in(record.value)
        for table, key_of, template in self._rows_of:
            for row in orjson.loads(template.filled(digits)):
                self.put(table, key_of(row), row)
        if self._request is not None:
            self.answer(self._request.filled(digits).decode(), record.timestamp, None)
        for timer in self._timers:
            self.timer(number, timer.filled(digits).decode(), record.timestamp + TIMER_MS)
        for key, value in self._says:
            filled = self._answer.FromString(value.filled(digits))
            self.say(
                number,
                self._says_to,
                key.filled(digits),
                filled.DESCRIPTOR.full_name,
                filled.SerializeToString(),
                record.timestamp,
            )


def main() -> None:
    """Run until ended. The database's address is in the environment: it holds a password."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=STAGES)
    parser.add_argument("--sample", type=Path, required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    asked = parser.parse_args()
    loop = Repeating(
        asked.name,
        Sample.load(asked.sample),
        prefix=asked.prefix,
        partitions=asked.partitions,
    )
    course = Course(
        dsn=os.environ["BARE_DSN"],
        bootstrap=asked.bootstrap,
        inputs=asked.prefix + STAGES[asked.name].reads,
        partitions=asked.partitions,
        batch=BATCH_MAX,
    )
    uvloop.run(run(loop, course))


if __name__ == "__main__":
    main()
