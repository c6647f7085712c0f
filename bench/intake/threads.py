"""One processor over intake's mailbox in a process of its own: the threader, or one without rules.

`bench.empty` reads, parses, commits and moves on: the engine's loop and nothing else.
`bench.rote` decides nothing either, but keeps the threader's books: it puts the rows and publishes
the records that the threader left of a person's first message, or of a later one, under names of
its own. What it takes is what the engine, Postgres and Kafka take of the same work.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2, events_pb2

from services.chassis.bus.effects import Effects
from services.chassis.bus.processor import DueTimer, Input, Out, Row, Rows, Table
from services.chassis.lifecycle import App
from services.chassis.process import Process, main
from services.intake.app import SERVICE
from services.intake.core.media import WantedMedia
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.settings import IntakeSettings
from services.intake.shell.consumers.holding import Dossiers
from services.intake.shell.consumers.threader import Threader
from services.intake.shell.rows import THREADER_TABLES
from services.intake.shell.topics import CONVERSATIONS, INPUTS
from services.intake.shell.wire import inputs

EMPTY: Final = "bench.empty"
ROTE: Final = "bench.rote"
WHICH: Final = "BENCH_PROCESSOR"
OTHERS: Final = "0e0e"
"""What the ids of the rote one begin with, so that nobody else's rows are written over."""


class Empty:
    """Takes each input, knows it as a request, and does nothing about it."""

    name = EMPTY
    layout = 1
    mailbox = INPUTS
    topics: Mapping[str, type[Message]] = {INPUTS: commands_pb2.IntakeInput}
    tables: tuple[Table, ...] = ()

    def entity(self, message: Message) -> str:
        """A customer."""
        return f"customer/{_said(message).home_id}"

    def request_key(self, message: Message) -> str | None:
        """As the threader's, of another's."""
        return f"{self.name}/{inputs.request_key(_said(message))}"

    async def load(self, rows: Rows, shard: int) -> Dossiers:
        """Nothing."""
        del rows
        return Dossiers(shard)

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Dossiers],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Dossiers]:
        """Nothing."""
        del rows, inputs, due
        return states

    def handle(self, state: Dossiers, given: Input, out: Out) -> Dossiers:
        """Nothing."""
        del given, out
        return state

    def fire(self, state: Dossiers, key: str, due_ms: int, out: Out) -> Dossiers:
        """Nothing is ever due."""
        del key, due_ms, out
        return state


class Rote(Empty):
    """Reads what the threader reads, and leaves what the threader left of two messages."""

    name = ROTE
    tables = THREADER_TABLES

    def __init__(self, policy: ThreadingPolicy) -> None:
        self._threader = Threader(policy, NoFiles())
        self._learnt: list[Effects] = []
        self._sequences: Counter[str] = Counter()

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Dossiers],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Dossiers]:
        """Everyone that the batch is about, and their conversations."""
        del due
        homes = [_own(_said(given.message).home_id) for given in inputs]
        await rows.select("customer", home_id=homes)
        await rows.select("conversation", home_id=homes, live=True)
        return states

    def handle(self, state: Dossiers, given: Input, out: Out) -> Dossiers:
        """Put the rows and publish the records, whatever was said."""
        said = _said(given.message)
        if not said.HasField("inbound_message"):
            return state  # what one home leaves to another, which was counted when it came
        if not self._learnt:
            self._learn(said, given)
        home_id = said.home_id
        left = self._learnt[home_id in self._sequences]
        named = _own(home_id)
        mine: Row = dict.fromkeys(("home_id", "customer_id", "conversation_id"), named)
        mine = {**mine, "message_id": out.new_id()}
        for table, row in left.puts:
            self._sequences[home_id] += 1
            out.put(table, _renamed(row, {**mine, "sequence": self._sequences[home_id]}))
        for emitted in left.emissions:
            event = events_pb2.ConversationEvent.FromString(emitted.value)
            event.event_id = out.new_id()
            out.emit(CONVERSATIONS, named, event)
        return state

    def _learn(self, example: commands_pb2.IntakeInput, given: Input) -> None:
        """Let the threader take a message of a stranger, and once more under another name."""
        said = commands_pb2.IntakeInput()
        said.CopyFrom(example)
        state = Dossiers(given.record.partition).set(said.home_id, Dossier(said.home_id))
        for name in ("first", "later"):
            said.inbound_message.message_id = said.inbound_message.provider_message_id = name
            out = Effects(source=name, now_ms=given.now_ms)
            again = Input(given.record, said, given.now_ms)
            state = self._threader.handle(state, again, cast("Out", out))
            self._learnt.append(out)


class NoFiles:
    """Nobody sends any."""

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        """Nothing is left to fetch."""
        assert not wanted


def _own(home_id: str) -> str:
    return OTHERS + home_id[len(OTHERS) :]


def _renamed(row: Row, mine: Row) -> dict[str, Any]:
    return {name: mine.get(name, value) for name, value in row.items()}


def _said(message: Message) -> commands_pb2.IntakeInput:
    assert isinstance(message, commands_pb2.IntakeInput)
    return message


def build(settings: IntakeSettings) -> App:
    """One processor, and the probes that say when it serves."""
    process = Process(SERVICE, settings)
    postgres = process.postgres()
    policy = settings.threading_policy
    chosen = {EMPTY: Empty(), ROTE: Rote(policy)}.get(os.environ[WHICH])
    processing = process.processing(chosen or Threader(policy, NoFiles()), postgres)
    grpc, http = process.doors([])
    return process.app(postgres, processing, grpc, http)


if __name__ == "__main__":
    main(SERVICE, IntakeSettings, build)
