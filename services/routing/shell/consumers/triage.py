"""Triage: one shard of conversations that are open, resident; the others need nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from immutables import Map
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1.commands_pb2 import TriageInput

from services.chassis.bus.processor import DueTimer, Input, Out, Rows
from services.routing.core.policies import RoutingPolicy
from services.routing.core.triage.model import Case, Command, Event, Settle
from services.routing.handlers import examine
from services.routing.shell import rows
from services.routing.shell.topics import (
    CONVERSATIONS,
    DEFAULT_DOMAIN,
    INPUTS,
    TRIAGE_INPUTS,
    domain_key,
)
from services.routing.shell.wire import inputs, requests

NAME = "routing.triage"


@dataclass(frozen=True, slots=True)
class Shard:
    """The open conversations of one partition."""

    number: int
    cases: Map[str, Case] = field(default_factory=Map)


class Triage:
    """The processor of conversation events, and of what the matcher answers."""

    name = NAME
    layout = 1
    mailbox = TRIAGE_INPUTS
    topics: Mapping[str, type[Message]] = {
        CONVERSATIONS: ConversationEvent,
        TRIAGE_INPUTS: TriageInput,
    }
    tables = (rows.CASES,)

    def __init__(self, policy: RoutingPolicy) -> None:
        self._policy = policy

    def entity(self, message: Message) -> str:
        """The conversation, whichever topic tells of it."""
        return f"conversation/{_conversation_id(message)}"

    def request_key(self, message: Message) -> str | None:
        """Nothing is a request: all of it comes from outboxes."""
        del message
        return None

    async def load(self, rows: Rows, shard: int) -> Shard:
        """Every conversation of the shard that may still ask for something."""
        return Shard(shard, Map(await _read(rows, shard)))

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Shard],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Shard]:
        """Nothing: what may matter is resident, and every event says what is needed of the rest."""
        del rows, inputs, due
        return states

    def handle(self, state: Shard, given: Input, out: Out) -> Shard:
        """Hear how a conversation stands, or that its work has ended."""
        message = given.message
        name = _conversation_id(message)
        if isinstance(message, ConversationEvent):
            seen = inputs.observation_of(message)
            tenant_id = message.conversation.tenant_id
            return self._play(state, tenant_id, name, seen, out) if seen is not None else state
        if not isinstance(message, TriageInput):
            raise TypeError(f"{type(message).__name__} is not of our topics")
        return self._play(state, message.tenant_id, name, inputs.end_of(message), out)

    def fire(self, state: Shard, key: str, due_ms: int, out: Out) -> Shard:
        """A conversation had time to be settled; `due_ms` is past, log time decides."""
        del due_ms
        case = state.cases.get(key)
        return state if case is None else self._play(state, case.tenant_id, key, Settle(), out)

    def _play(self, state: Shard, tenant_id: str, name: str, command: Command, out: Out) -> Shard:
        known = state.cases.get(name)
        case = examine(
            known,
            command,
            tenant_id=tenant_id,
            now_ms=out.now_ms,
            policy=self._policy,
            journal=_OutJournal(out, state.number),
        )
        if case is known:
            return state
        cases = state.cases.set(name, case) if case is not None else state.cases.delete(name)
        return replace(state, cases=cases)


class _OutJournal:
    """Writes into an `Out`; the engine commits it whole or not at all."""

    def __init__(self, out: Out, shard: int) -> None:
        self._out = out
        self._shard = shard

    def keep(self, case: Case) -> None:
        """Keep the case and its timer."""
        self._out.put(rows.CASES.name, rows.case_row(case, self._shard))
        if case.settles_ms:
            self._out.timer(case.conversation_id, max(case.settles_ms, self._out.now_ms + 1))
        else:
            self._out.cancel(case.conversation_id)

    def announce(self, case: Case, event: Event) -> None:
        """Ask the matcher of the conversation's domain."""
        message = requests.message(case, event, self._out.now_ms)
        if message is not None:
            key = domain_key(case.tenant_id, DEFAULT_DOMAIN)
            self._out.emit(INPUTS, key, message, subject=case.work.work_id)
        self._out.tell(event)


async def _read(found: Rows, shard: int) -> dict[str, Case]:
    live = await found.select(rows.CASES.name, shard=shard, is_live=True)
    return {row["conversation_id"]: rows.case_of(row) for row in live}


def _conversation_id(message: Message) -> str:
    if isinstance(message, ConversationEvent):
        return message.conversation.conversation_id
    if not isinstance(message, TriageInput):
        return ""
    ended = message.work_ended if message.HasField("work_ended") else message.work_rejected
    return ended.conversation_id
