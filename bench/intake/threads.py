"""One processor over intake's mailbox in a process of its own: the threader, or one that is empty.

The empty one reads, parses, commits and moves on: what the engine costs by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.processor import DueTimer, Input, Out, Rows, Table
from services.chassis.lifecycle import App
from services.chassis.process import Process, main
from services.intake.app import SERVICE
from services.intake.core.media import WantedMedia
from services.intake.settings import IntakeSettings
from services.intake.shell.consumers.threader import Threader
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs

EMPTY = "bench.empty"
WHICH = "BENCH_PROCESSOR"


class Empty:
    """Takes each input, knows it as a request, and does nothing about it."""

    name = EMPTY
    layout = 1
    mailbox = INPUTS
    topics: Mapping[str, type[Message]] = {INPUTS: commands_pb2.IntakeInput}
    tables: tuple[Table, ...] = ()

    def entity(self, message: Message) -> str:
        """A customer."""
        assert isinstance(message, commands_pb2.IntakeInput)
        return f"customer/{message.home_id}"

    def request_key(self, message: Message) -> str | None:
        """As the threader's, of another's."""
        assert isinstance(message, commands_pb2.IntakeInput)
        return f"{EMPTY}/{inputs.request_key(message)}"

    async def load(self, rows: Rows, shard: int) -> None:
        """Nothing."""
        del rows, shard

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, None],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, None]:
        """Nothing."""
        del rows, inputs, due
        return states

    def handle(self, state: None, given: Input, out: Out) -> None:
        """Nothing."""

    def fire(self, state: None, key: str, due_ms: int, out: Out) -> None:
        """Nothing is ever due."""


class NoFiles:
    """Nobody sends any."""

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        """Nothing is left to fetch."""
        assert not wanted


def build(settings: IntakeSettings) -> App:
    """One processor, and the probes that say when it serves."""
    process = Process(SERVICE, settings)
    postgres = process.postgres()
    threader = Threader(settings.threading_policy, NoFiles())
    chosen = Empty() if os.environ[WHICH] == EMPTY else threader
    processing = process.processing(chosen, postgres)
    grpc, http = process.doors([])
    return process.app(postgres, processing, grpc, http)


if __name__ == "__main__":
    main(SERVICE, IntakeSettings, build)
