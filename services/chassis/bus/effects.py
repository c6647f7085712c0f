"""What one input does, gathered until it is known that all of it may happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome, OutboxRecord

from services.chassis.bus.processor import Row

EMITTED_BYTES_MAX = 900_000  # below the brokers' 1 MiB: a record is refused before it is committed


@dataclass(frozen=True, slots=True)
class Answered:
    """What the engine tells its process of a request that was just committed."""

    request_key: str
    outcome: CommandOutcome


@dataclass(slots=True)
class Effects:
    """The engine's `Out`: a record of intent, thrown away where its input fails."""

    source: str  # "<processor>|<topic>|<partition>|<offset>": what the ids are derived from
    now_ms: int
    puts: list[tuple[str, Row]] = field(default_factory=list)
    emissions: list[OutboxRecord] = field(default_factory=list)
    timers: dict[str, int | None] = field(default_factory=dict)
    answer: CommandOutcome | None = None
    passed_on: bool = False
    told: list[object] = field(default_factory=list)
    _ids: int = 0

    def new_id(self) -> str:
        """A UUIDv5 of the source record and a counter: the same again on every replay."""
        self._ids += 1
        return str(uuid5(NAMESPACE_URL, f"{self.source}|{self._ids}"))

    def put(self, table: str, row: Row) -> None:
        """Insert or replace a row by its table's key."""
        self.puts.append((table, row))

    def emit(self, topic: str, key: str, message: Message, *, subject: str = "") -> None:
        """Publish after the commit. Raises `ValueError` for a message no broker would take."""
        value = message.SerializeToString(deterministic=True)  # maps too: a replay says the same
        if len(value) > EMITTED_BYTES_MAX:
            raise ValueError(f"{len(value)} bytes for {topic}; at most {EMITTED_BYTES_MAX}")
        record = OutboxRecord(topic=topic, key=key.encode(), value=value, subject=subject)
        record.type_name = message.DESCRIPTOR.full_name
        self.emissions.append(record)

    def emit_after_all(self, topic: str, key: str, message: Message) -> None:
        """Publish when all that the shard emitted before is acknowledged."""
        self.emit(topic, key, message)
        self.emissions[-1].after_all = True

    def timer(self, key: str, due_ms: int) -> None:
        """Set or move a timer."""
        self.timers[key] = due_ms

    def cancel(self, key: str) -> None:
        """Forget a timer."""
        self.timers[key] = None

    def outcome(self, outcome: CommandOutcome) -> None:
        """Answer this input's request."""
        self.answer = outcome

    def pass_on(self) -> None:
        """Leave this input's request to whoever it was emitted to."""
        self.passed_on = True

    def tell(self, fact: object) -> None:
        """Hand a fact to this process's listeners after the commit."""
        self.told.append(fact)
