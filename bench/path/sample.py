"""What our path left of one message: its rows and its records, as templates of another message.

The bare loops write and publish the same under names of their own, so that both sides do the same
work in Postgres and Kafka, and what is compared is everything else.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.message import Message

from services.chassis.bus import topics
from services.chassis.bus.processor import Table
from services.intake.shell.rows import THREADER_TABLES
from services.intake.shell.topics import CONVERSATIONS
from services.intake.shell.topics import INPUTS as INTAKE_INPUTS
from services.routing.shell.rows import CASES, EDGES, MATCHER_TABLES
from services.routing.shell.topics import EVENTS
from services.routing.shell.topics import INPUTS as ROUTING_INPUTS
from tests.support import descriptors

DIGITS = 8
NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|SM[0-9a-f]{32}")
ADDRESS = "+141"  # of a customer; the digits follow
SKIPPED = {"S": 2, "+": 4}  # where in a name the digits begin: a UUID, a message's SID, an address
OFFERED = "offered"  # the kind of the record that is the end of the path
ANSWERED_SECONDS = 30.0
PATH = (INTAKE_INPUTS, CONVERSATIONS, ROUTING_INPUTS, EVENTS)


@dataclass(frozen=True, slots=True)
class Stage:
    """A processor of the path: what it reads, what it writes."""

    service: str
    tables: tuple[Table, ...]
    reads: str
    says: str


STAGES: Mapping[str, Stage] = {
    "threader": Stage("intake", THREADER_TABLES, *PATH[:2]),
    "triage": Stage("routing", (CASES,), *PATH[1:3]),
    "matcher": Stage("routing", tuple(t for t in MATCHER_TABLES if t != EDGES), *PATH[2:]),
}


class Template:
    """Bytes with a place for a message's digits in each of its names."""

    def __init__(self, example: bytes, names: Iterable[str]) -> None:
        at = sorted(
            found.start() + SKIPPED.get(name[0], 0)
            for name in names
            for found in re.finditer(re.escape(name.encode()), example)
        )
        begins = [0, *(place + DIGITS for place in at)]
        self._parts = [example[a:b] for a, b in zip(begins, [*at, len(example)], strict=True)]
        self._first = at[0] if at else 0

    def filled(self, digits: bytes) -> bytes:
        """The same of another message."""
        return digits.join(self._parts)

    def digits_in(self, value: bytes) -> bytes:
        """Which message a record that was filled in is of."""
        return value[self._first : self._first + DIGITS]


@dataclass(frozen=True, slots=True)
class Said:
    """A record of the message."""

    topic: str
    kind: str
    key: str
    value_base64: str

    @property
    def value(self) -> bytes:
        """The encoded envelope."""
        return base64.b64decode(self.value_base64)


def envelope(topic: str) -> type[Message]:
    """What the records of a topic are decoded with."""
    return descriptors.message(topics.load()[topic].message)


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything of one message. `rows` by stage and table, as JSON lists; `timers` are keys."""

    names: list[str]
    said: list[Said]
    rows: dict[str, dict[str, str]]
    timers: dict[str, list[str]]
    request: str

    def of(self, topic: str) -> list[Said]:
        """The records of one topic, in order."""
        return [said for said in self.said if said.topic == topic]

    def template(self, example: str | bytes) -> Template:
        """Of a text in which names of the message occur."""
        return Template(example.encode() if isinstance(example, str) else example, self.names)

    def save(self, path: Path) -> None:
        """Keep it for other processes."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Sample:
        """Read what `save` kept."""
        held = json.loads(path.read_text())
        return cls(**{**held, "said": [Said(**said) for said in held["said"]]})


async def take(*, admin_dsn: str, bootstrap: str, partitions: int, address: str) -> Sample:
    """Look at what the only message so far has left, sent by `address`."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        rows = {name: await _rows(connection, stage) for name, stage in STAGES.items()}
        timers = {name: await _timers(connection, name) for name in STAGES}
        request = await connection.fetchval("SELECT key FROM intake.request WHERE key ~ 'SM'")
    finally:
        await connection.close()
    [work] = json.loads(rows["matcher"]["work"])
    about = [work[name].encode() for name in ("work_id", "conversation_id", "customer_id")]
    said: list[Said] = []
    async with asyncio.timeout(ANSWERED_SECONDS):  # the agent hears of it before the topic does
        while not any(record.kind == OFFERED for record in said):
            found = [await _records(bootstrap, topic, partitions) for topic in PATH]
            said = [r for of in found for r in of if any(name in r.value for name in about)]
    texts = [request, *(text for of_stage in rows.values() for text in of_stage.values())]
    texts += [record.value.decode("latin-1") for record in said]
    names = {name for text in texts for name in NAME.findall(text)}
    return Sample([*sorted(names), address], said, rows, timers, request)


async def _rows(connection: asyncpg.Connection, stage: Stage) -> dict[str, str]:
    """The stage's rows; of agents only the one who was asked."""
    found = {}
    for table in (table.name for table in stage.tables):
        mine = " WHERE used > 0" if table == "agent" else ""
        query = f"SELECT jsonb_agg(t)::text FROM {stage.service}.{table} t{mine}"
        found[table] = await connection.fetchval(query)
    return {table: rows for table, rows in found.items() if rows is not None}


async def _timers(connection: asyncpg.Connection, name: str) -> list[str]:
    """The keys of the stage's timers; not the leases of agents' streams."""
    service = STAGES[name].service
    query = f"SELECT key FROM {service}.timer WHERE processor = $1 AND key !~ '^lease'"
    return [row["key"] for row in await connection.fetch(query, f"{service}.{name}")]


async def _records(bootstrap: str, topic: str, partitions: int) -> list[Said]:
    """All that a topic holds."""
    places = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        written = sum((await consumer.end_offsets(places)).values())
        found: list[Any] = []
        while len(found) < written:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += batch
    finally:
        await consumer.stop()
    return [_said(record) for record in found]


def _said(record: Any) -> Said:
    message: Any = envelope(record.topic).FromString(record.value)
    kind = message.WhichOneof("kind") or ""
    value = base64.b64encode(record.value).decode()
    return Said(record.topic, kind, record.key.decode(), value)
