"""The clocks processor: conversation events and ticks in, clock events out.

A conversation is read when it is first heard of, by an event or a timer, and stays in memory while
one of its clocks awaits something. So a shard serves at once after a takeover, however much is open
in it, reads nothing twice in its usual work, and holds no more than open work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from immutables import Map
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.sla.v1.commands_pb2 import SlaInput

from services.chassis.bus.processor import DueTimer, Input, Out, Rows
from services.sla.core.commands import Command, Judge, Observe
from services.sla.core.model import Conversation
from services.sla.core.policies import PolicyTable
from services.sla.handlers import handle
from services.sla.shell.ledger import OutLedger
from services.sla.shell.rows import CLOCKS, FACTS, conversations_of
from services.sla.shell.wire import fact_of

NAME = "sla.clocks"
CONVERSATIONS = "intake.conversations.v1"
INPUTS = "sla.inputs.v1"


@dataclass(frozen=True, slots=True)
class Shard:
    """What one shard holds in memory; `idle` are conversations that await nothing any more."""

    number: int
    conversations: Map[str, Conversation] = field(default_factory=Map)
    idle: frozenset[str] = frozenset()

    def put(self, conversation: Conversation) -> Shard:
        """The shard with `conversation` as it stands now."""
        name = conversation.conversation_id
        idle = self.idle - {name} if conversation.awaits else self.idle | {name}
        return replace(self, conversations=self.conversations.set(name, conversation), idle=idle)

    def without_idle(self, wanted: frozenset[str]) -> Shard:
        """The shard without idle conversations that nobody wants now."""
        gone = self.idle - wanted
        if not gone:
            return self
        kept = self.conversations.mutate()
        for name in gone:
            del kept[name]
        return replace(self, conversations=kept.finish(), idle=self.idle & wanted)


class Clocks:
    """The engine's view of the service."""

    name = NAME
    layout = 1
    topics: Mapping[str, type[Message]] = {CONVERSATIONS: ConversationEvent, INPUTS: SlaInput}
    mailbox = INPUTS
    tables = (FACTS, CLOCKS)

    def __init__(self, policies: PolicyTable) -> None:
        self._policies = policies

    def entity(self, message: Message) -> str:
        """The conversation, whichever topic tells of it."""
        return f"conversation/{_conversation_id(message)}"

    def request_key(self, message: Message) -> str | None:
        """Events need no request key: they come from an outbox."""
        del message
        return None

    async def load(self, rows: Rows, shard: int) -> Shard:
        """Nothing: conversations are read when they are heard of."""
        del rows
        return Shard(shard)

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Shard],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Shard]:
        """The shards without the idle, and with what this batch speaks of and memory lacks."""
        wanted = frozenset(_spoken_of(inputs)) | {timer.key for timer in due}
        kept = {number: shard.without_idle(wanted) for number, shard in states.items()}
        homes = _homes(inputs, due)
        missing = sorted(
            name for name, number in homes.items() if name not in kept[number].conversations
        )
        for name, conversation in (await _read(rows, missing)).items():
            kept[homes[name]] = kept[homes[name]].put(conversation)
        return kept

    def handle(self, state: Shard, given: Input, out: Out) -> Shard:
        """Observe what a conversation event says to clocks."""
        event = given.message
        if not isinstance(event, ConversationEvent):
            raise TypeError(f"{type(event).__name__} carries no command yet")
        fact = fact_of(event, given.record.append_ms)
        if fact is None:
            return state
        name = event.conversation.conversation_id
        known = state.conversations.get(name)
        conversation = known or Conversation(name, event.conversation.tenant_id)
        return self._play(state, conversation, Observe(fact), out)

    def fire(self, state: Shard, key: str, due_ms: int, out: Out) -> Shard:
        """Judge the conversation whose time has come; `due_ms` is past, log time decides."""
        del due_ms
        conversation = state.conversations.get(key)
        return state if conversation is None else self._play(state, conversation, Judge(), out)

    def _play(self, state: Shard, conversation: Conversation, command: Command, out: Out) -> Shard:
        ledger = OutLedger(out, state.number)
        changed = handle(
            conversation, command, now_ms=out.now_ms, policies=self._policies, ledger=ledger
        )
        return state.put(changed)


async def _read(rows: Rows, names: Sequence[str]) -> dict[str, Conversation]:
    if not names:
        return {}
    facts = await rows.select(FACTS.name, conversation_id=list(names))
    clocks = await rows.select(CLOCKS.name, conversation_id=list(names))
    return conversations_of(facts, clocks)


def _conversation_id(message: Message) -> str:
    if isinstance(message, ConversationEvent):
        return message.conversation.conversation_id
    return ""


def _spoken_of(inputs: Iterable[Input]) -> list[str]:
    return [name for given in inputs if (name := _conversation_id(given.message))]


def _homes(inputs: Sequence[Input], due: Sequence[DueTimer]) -> dict[str, int]:
    """Conversations that may be stored already, with their shards.

    An opening is no sign of a new one: it may have been published twice, and applied before.
    """
    homes = {timer.key: timer.shard for timer in due}
    for given in inputs:
        if name := _conversation_id(given.message):
            homes.setdefault(name, given.record.partition)
    return homes
