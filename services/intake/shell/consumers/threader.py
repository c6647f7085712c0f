"""The threader: one shard of customers, each with their conversations. Reads through Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.processor import DueTimer, Input, Out, Rows, Table
from services.intake import handlers
from services.intake.core.commands import (
    CloseExpired,
    Command,
    JoinConversation,
    ReceiveMessage,
)
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.shell.consumers import forgetting
from services.intake.shell.consumers.dossiers import read_through
from services.intake.shell.consumers.forwarding import next_home
from services.intake.shell.consumers.holding import Dossiers
from services.intake.shell.consumers.thread_journal import Cause, OutJournal
from services.intake.shell.consumers.wanted import unwrapped
from services.intake.shell.consumers.wanting import Adopting
from services.intake.shell.rows import THREADER_TABLES, media_of
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import commands, inputs
from services.intake.shell.wire.results import result


class Threader:
    """The processor of `intake.inputs.v1`."""

    name = "intake.threader"
    layout = 1
    mailbox = INPUTS
    topics: Mapping[str, type[Message]] = {INPUTS: commands_pb2.IntakeInput}
    tables: tuple[Table, ...] = THREADER_TABLES

    def __init__(self, policy: ThreadingPolicy, media: Adopting) -> None:
        self._policy = policy
        self._media = media

    def entity(self, message: Message) -> str:
        """A customer and all of theirs: a record that cannot work parks nobody else."""
        return f"customer/{_input(message).home_id}"

    def request_key(self, message: Message) -> str | None:
        """Account and provider's id, or tenant and request id."""
        return inputs.request_key(_input(message))

    async def load(self, rows: Rows, shard: int) -> Dossiers:
        """Who has revisions that wait: millions of customers are read through, batch by batch.

        Files that are still wanted are this process' to fetch from now on.
        """
        found = await rows.select("media_wanted", shard=shard, waiting=True)
        self._media.adopt([media_of(row) for row in found])
        waiting = await rows.select("parked_revision", shard=shard, waiting=True)
        return Dossiers(shard, early_homes=frozenset(row["owner"] for row in waiting))

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Dossiers],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Dossiers]:
        """The dossiers of everyone that the batch is about."""
        return await read_through(rows, states, inputs, due)

    def handle(self, state: Dossiers, given: Input, out: Out) -> Dossiers:
        """Apply one input. Raises `ValueError` for one that lies in another customer's shard."""
        said = _input(given.message)
        if given.record.key.decode() != said.home_id:
            raise ValueError("keyed by something else than its home")
        first, dossier = unwrapped(said), state[said.home_id]
        command = commands.command_of(first, now_ms=given.now_ms, new_id=out.new_id)
        journal = OutJournal(out, _cause(given, said, first, command), self._policy)
        moved_to = next_home(dossier, said, first)
        if moved_to:
            journal.forward(moved_to, said.home_id)
            return state
        if said.forward.conversation_id and isinstance(command, ReceiveMessage):
            command = JoinConversation(command, said.forward.conversation_id)
        after = self._apply(dossier, command, given.now_ms, journal)
        key = inputs.request_key(first)
        if key is not None and not first.HasField("inbound_message"):  # whose edge waits for no one
            answer = None if journal.rejection else result(first, command, after)
            journal.outcome(key, answer)
        return state.set(said.home_id, after)

    def fire(self, state: Dossiers, key: str, due_ms: int, out: Out) -> Dossiers:
        """Close what has been resolved for long enough; wait no more for what does not come."""
        del due_ms
        command = forgetting.due(key)
        cause = Cause(
            tenant_id=command.tenant_id,
            home_id=command.home_id,
            command="close_expired" if isinstance(command, CloseExpired) else "forget",
            request_id="",
            actor="service/intake",
            occurred_at_ms=out.now_ms,
            shard=state.shard,
        )
        journal = OutJournal(out, cause, self._policy)
        after = self._apply(state[command.home_id], command, out.now_ms, journal)
        return state.set(command.home_id, after)

    def _apply(
        self, dossier: Dossier, command: Command, now_ms: int, journal: OutJournal
    ) -> Dossier:
        return handlers.thread(
            dossier, command, now_ms=now_ms, policy=self._policy, journal=journal
        )


def _input(message: Message) -> commands_pb2.IntakeInput:
    assert isinstance(message, commands_pb2.IntakeInput)
    return message


def _cause(
    given: Input,
    said: commands_pb2.IntakeInput,
    first: commands_pb2.IntakeInput,
    command: Command,
) -> Cause:
    return Cause(
        tenant_id=first.tenant_id,
        home_id=first.home_id,
        command=first.WhichOneof("kind") or "",
        request_id=first.request_id,
        actor=first.actor,
        occurred_at_ms=min(first.occurred_at_ms or given.now_ms, given.now_ms),
        source_id=getattr(command, "source_id", ""),
        conversation_id=getattr(command, "conversation_id", ""),
        said=said,
        shard=given.record.partition,
    )
