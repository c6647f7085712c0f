"""What a service gives the engine, and what the engine gives back.

A processor is the shell of one pure core: it translates a record's message into a command, lets the
core decide, and says through `Out` what follows. It never commits, publishes, reads a clock or
draws a random number: the engine does all four, once, for a whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus.record import Record

S = TypeVar("S")

Row = Mapping[str, Any]
ENTITY_CHARACTERS_MAX = 256


@dataclass(frozen=True, slots=True)
class Table:
    """A table a processor writes; `key` names the columns of its primary key."""

    name: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """One parsed record. `now_ms` is the shard's log time, never a wall clock."""

    record: Record
    message: Message
    now_ms: int


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that will fire in the batch at hand."""

    shard: int
    key: str


class Rows(Protocol):
    """Reads of a service's own tables: Postgres in production, dictionaries in simulation."""

    async def select(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows whose columns equal the given values; a list or tuple means any of them."""


class Out(Protocol):
    """What one input does. All of it is committed with the input's offset, or none of it."""

    @property
    def now_ms(self) -> int:
        """The shard's log time."""

    def new_id(self) -> str:
        """A UUIDv5 of the source record and a counter: the same again on every replay."""

    def put(self, table: str, row: Row) -> None:
        """Insert or replace a row by its table's key. The row carries every column."""

    def emit(self, topic: str, key: str, message: Message, *, subject: str = "") -> None:
        """Publish `message` after the commit, in order, exactly once for its readers."""

    def emit_after_all(self, topic: str, key: str, message: Message) -> None:
        """Publish `message` when everything that the shard has emitted before is acknowledged.

        Order is kept in each partition only. Behind this another shard may go on from here: what it
        says of the same thing, in whatever partition, comes later.
        """

    def timer(self, key: str, due_ms: int) -> None:
        """Set or move the shard's timer `key`; `fire` is called once log time has reached it."""

    def cancel(self, key: str) -> None:
        """Forget the timer `key`; unknown keys are fine."""

    def outcome(self, outcome: CommandOutcome) -> None:
        """Answer this input's request: whoever repeats its request key gets the same answer."""

    def pass_on(self) -> None:
        """Another shard answers this input's request, which is emitted to it: no repeat yet."""

    def tell(self, fact: object) -> None:
        """Hand `fact` to the listeners in this process right after the commit."""


class Processor(Protocol[S]):
    """One consumer of one set of co-read topics; `S` is the immutable state of a shard."""

    @property
    def name(self) -> str:
        """`<service>.<processor>`: the group, the shard rows' owner, the writer in headers."""

    @property
    def layout(self) -> int:
        """Raised whenever the set of topics changes."""

    @property
    def topics(self) -> Mapping[str, type[Message]]:
        """The co-read topics, each with its envelope."""

    @property
    def mailbox(self) -> str:
        """The one of `topics` where ticks and replays of dead letters are put."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table named in `Out.put`."""

    def entity(self, message: Message) -> str:
        """What is parked when this message can never work, such as `conversation/<id>`."""

    def request_key(self, message: Message) -> str | None:
        """What makes this message the same request as another; None where nothing does."""

    async def load(self, rows: Rows, shard: int) -> S:
        """The state of a shard at assignment; a read-through processor starts empty."""

    async def fetch(
        self, rows: Rows, states: Mapping[int, S], inputs: Sequence[Input], due: Sequence[DueTimer]
    ) -> Mapping[int, S]:
        """Read through what a batch needs, all its shards at once; shard -> state with it.

        `inputs` may be of any shard in `states` (`record.partition`), `due` are the timers that
        will fire. A resident processor returns `states` as they are.
        """

    def handle(self, state: S, given: Input, out: Out) -> S:
        """Decide and evolve. Pure. An exception sends the record to the dead letters."""

    def fire(self, state: S, key: str, due_ms: int, out: Out) -> S:
        """A timer that is due. Pure."""


def parkable(entity: str) -> str:
    """`entity` as it can be parked; what no index would hold is named by its digest."""
    if len(entity) <= ENTITY_CHARACTERS_MAX and "\0" not in entity:
        return entity
    return f"digest/{sha256(entity.encode()).hexdigest()}"
