"""A small service on the engine: it counts, so that a loss, a double or a disorder shows.

Every `Count` adds to its entity and says so on another topic. Some counts misbehave on demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from immutables import Map
from switchboard.engine.v1 import control_pb2, records_pb2

from local.postgres import migrate
from services.chassis.bus.processor import DueTimer, Input, Out, Rows, Table

_FIELD = descriptor_pb2.FieldDescriptorProto


def _envelope() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(
        name="counter.proto",
        package="counter.v1",
        syntax="proto3",
        dependency=[control_pb2.DESCRIPTOR.name],
    )
    count = file.message_type.add(name="Count")
    for number, (name, kind) in enumerate(
        {
            "entity": _FIELD.TYPE_STRING,
            "amount": _FIELD.TYPE_INT64,
            "request": _FIELD.TYPE_STRING,
            "mood": _FIELD.TYPE_STRING,
            "total": _FIELD.TYPE_INT64,
            "after_ms": _FIELD.TYPE_INT64,
            "trace": _FIELD.TYPE_STRING,
        }.items(),
        start=1,
    ):
        count.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    count.field.add(
        name="control",
        number=15,
        type=_FIELD.TYPE_MESSAGE,
        type_name=".switchboard.engine.v1.Control",
        label=_FIELD.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.Default()
    return message_factory.GetMessageClass(
        pool.AddSerializedFile(file.SerializeToString()).message_types_by_name["Count"]
    )


Count: Any = _envelope()

SCHEMA = """
-- migrate:up
CREATE TABLE total (
    entity text PRIMARY KEY,
    shard integer NOT NULL,
    total bigint NOT NULL CHECK (total < 1000000),
    seen integer NOT NULL
);
CREATE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE verdict jsonb := engine_commit(doc, payloads);
BEGIN
    IF verdict IS NOT NULL THEN RETURN verdict; END IF;
    INSERT INTO total SELECT * FROM jsonb_populate_recordset(NULL::total, doc->'rows'->'total')
    ON CONFLICT (entity) DO UPDATE SET (total, seen) = (excluded.total, excluded.seen);
    RETURN NULL;
END $$;
-- migrate:down
DROP FUNCTION commit_batch(jsonb, bytea[]);
DROP TABLE total;
"""

Totals = Map[str, tuple[int, int]]  # entity -> total, counts seen


class CrashingCount(BaseException):
    """Ends the process that handles it, as a segfault would."""


class Counter:
    """The processor. `topics` may be several, co-read."""

    layout = 1
    tables = (Table("total", ("entity",)),)

    def __init__(
        self,
        name: str = "counter.sum",
        *,
        inputs: Sequence[str] = ("counts",),
        totals: str = "totals",
    ) -> None:
        self.name = name
        self.topics: Mapping[str, type[Message]] = dict.fromkeys(inputs, Count)
        self.mailbox = inputs[0]
        self.totals = totals

    def entity(self, message: Any) -> str:
        return str(message.entity)

    def request_key(self, message: Any) -> str | None:
        return message.request or None

    async def load(self, rows: Rows, shard: int) -> Totals:
        found = await rows.select("total", shard=shard)
        return Map({row["entity"]: (row["total"], row["seen"]) for row in found})

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Totals],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Totals]:
        return states

    def handle(self, state: Totals, given: Input, out: Out) -> Totals:
        count: Any = given.message
        if count.mood == "poison":
            raise ValueError("a count that can never work")
        if count.mood == "crash":
            raise CrashingCount
        if count.after_ms:
            key = f"{count.entity}/{count.amount}/{given.record.partition}"
            out.timer(key, given.now_ms + count.after_ms)
            return state
        return self._add(state, count.entity, count.amount, given.record.partition, out, count)

    def fire(self, state: Totals, key: str, due_ms: int, out: Out) -> Totals:
        entity, amount, shard = key.split("/")
        trace = Count(trace=f"due {due_ms}")
        return self._add(state, entity, int(amount), int(shard), out, trace)

    def _add(
        self, state: Totals, entity: str, amount: int, shard: int, out: Out, count: Any
    ) -> Totals:
        total, seen = state.get(entity, (0, 0))
        total, seen = total + amount, seen + 1
        out.put("total", {"entity": entity, "shard": shard, "total": total, "seen": seen})
        out.emit(
            self.totals, entity, Count(entity=entity, amount=amount, total=total, trace=count.trace)
        )
        if count.request:
            out.outcome(
                records_pb2.CommandOutcome(
                    request_key=count.request, accepted=True, result=str(total).encode()
                )
            )
        return state.set(entity, (total, seen))


async def counter_dsn(admin_dsn: str) -> str:
    """Migrate an empty database for the counter; returns its role's address."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "0002_counter.sql").write_text(SCHEMA)
        directories = [migrate.ENGINE_DIRECTORY, Path(folder)]
        await migrate.migrate(admin_dsn, "counter", directories, password="counter")
    return f"postgresql://svc_counter:counter@{admin_dsn.rpartition('@')[2]}"
