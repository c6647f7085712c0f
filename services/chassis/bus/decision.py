"""Deciding a batch: from fetched records to the one commit that follows, without any effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from switchboard.engine.v1.control_pb2 import Control
from switchboard.engine.v1.records_pb2 import DeadLetter, OutboxRecord

from services.chassis.bus.batch import Batch
from services.chassis.bus.deadletters import TIMER, announced, describe, letter_for, record_in
from services.chassis.bus.effects import Effects
from services.chassis.bus.fates import BusError, ends_process
from services.chassis.bus.processor import DueTimer, Input, Processor, parkable
from services.chassis.bus.record import Record
from services.chassis.bus.shard import Shard, ShardDraft
from services.chassis.bus.store import Store

S = TypeVar("S")
Trace = Callable[[Record], AbstractContextManager[bytes | None]]


@dataclass(frozen=True, slots=True)
class Guilt:
    """What of a batch of one record the database will not take, narrowed down a step at a time."""

    record: BusError | None = None
    timers: BusError | None = None
    tries: int = 0

    def next(self, error: BusError) -> Guilt:
        """After another refusal: again, then without the record, its timers, both. Then raises."""
        steps = (None, None), (error, None), (None, error), (error, error)
        if self.tries == len(steps):
            raise AssertionError("the database refuses an empty batch") from error
        record, timers = steps[self.tries]
        return Guilt(record, timers, self.tries + 1)


@dataclass(slots=True)
class Parsed:
    """A record and what it says, or why it says nothing."""

    record: Record
    message: Message | None = None
    control: Control | None = None
    error: Exception | None = None
    entity: str = ""
    request_key: str | None = None
    letters: Sequence[DeadLetter] = ()  # of the entity that a control replays or discards
    again: Sequence[Parsed] = ()  # the records in `letters`


class Decider(Generic[S]):
    """Plays records through a processor into a batch."""

    def __init__(
        self,
        processor: Processor[S],
        store: Store,
        partitions_of: Callable[[str], int],
        trace: Trace,
    ) -> None:
        self._processor = processor
        self._store = store
        self._partitions_of = partitions_of
        self._trace = trace
        self._keys = {table.name: itemgetter(*table.key) for table in processor.tables}
        self._mailboxes = {
            topic
            for topic, envelope in processor.topics.items()
            if "control" in envelope.DESCRIPTOR.fields_by_name
        }
        self._letters_topic = f"{processor.name.partition('.')[0]}.dlq.v1"

    async def decide(
        self,
        shards: Mapping[int, Shard[S]],
        parsed: Sequence[Parsed],
        *,
        repeats: frozenset[str],
        guilt: Guilt,
    ) -> Batch[S]:
        """The batch that applies `parsed` in order. Raises `StoreUnavailable`, `Gap`."""
        for item in parsed:
            if item.control is not None:
                await self._find_letters(item)
        owned = {item.record.partition: shards[item.record.partition] for item in parsed}
        states = await self._fetch(owned, parsed)
        drafts = {number: ShardDraft.on(shard, states[number]) for number, shard in owned.items()}
        batch = Batch(self._processor.name, self._keys, self._partitions_of, drafts)
        for item in parsed:
            self._play(batch, item, repeats, guilt)
        return batch

    def parse(self, record: Record) -> Parsed:
        """What `record` says, or why it says nothing. Needs no shard, so it may run ahead."""
        try:
            message = self._processor.topics[record.topic].FromString(record.value)
            if record.topic in self._mailboxes and message.HasField("control"):
                control: Control = message.control  # type: ignore[attr-defined] # as every mailbox has
                return Parsed(record, control=control)
            return Parsed(
                record,
                message=message,
                entity=parkable(self._processor.entity(message)),
                request_key=self._processor.request_key(message),
            )
        except Exception as error:  # whatever is wrong with a record, it is not skipped
            if ends_process(error):
                raise
            return Parsed(record, error=error, entity=parkable(f"key/{record.key.hex()}"))

    async def _find_letters(self, item: Parsed) -> None:
        named = _letter_named(item.control)
        found = await self._store.letters(named) if named else []
        if found and found[0].partition == item.record.partition:
            item.entity, item.letters = found[0].entity, found
            item.again = [self._parse_again(letter) for letter in found]

    def _parse_again(self, letter: DeadLetter) -> Parsed:
        record = record_in(letter)
        return Parsed(record) if record.topic == TIMER else self.parse(record)

    async def _fetch(
        self, shards: Mapping[int, Shard[S]], parsed: Sequence[Parsed]
    ) -> Mapping[int, S]:
        latest: dict[int, int] = {}
        for item in parsed:
            number = item.record.partition
            latest[number] = max(latest.get(number, 0), item.record.append_ms)
        inputs = [
            Input(said.record, said.message, said.record.append_ms)
            for item in parsed
            for said in (item, *item.again)
            if said.message is not None
        ]
        due = [
            DueTimer(number, key)
            for number, shard in shards.items()
            for key in shard.timers.due(latest[number])
        ]
        due += [
            DueTimer(again.record.partition, again.record.key.decode())
            for item in parsed
            for again in item.again
            if again.record.topic == TIMER
        ]
        states = {number: shard.state for number, shard in shards.items()}
        return await self._processor.fetch(self._store.rows, states, inputs, due)

    def _play(self, batch: Batch[S], item: Parsed, repeats: frozenset[str], guilt: Guilt) -> None:
        draft = batch.drafts[item.record.partition]
        batch.records += 1
        if not draft.advance(item.record):
            return
        while (due := draft.timers.first_due(draft.now_ms)) is not None:
            self._fire(batch, draft, *due, guilt=guilt)
        if item.control is not None:
            self._obey(batch, draft, item, repeats)
        elif item.entity in draft.parked:
            self._set_aside(batch, draft, item, "waits behind an earlier record of its entity")
        elif error := self._attempt(batch, draft, item, repeats, guilt.record):
            draft.parked |= {item.entity}
            self._set_aside(batch, draft, item, error)

    def _attempt(
        self,
        batch: Batch[S],
        draft: ShardDraft[S],
        item: Parsed,
        repeats: frozenset[str],
        condemned: BusError | None = None,
        origin: str = "",
    ) -> str:
        """Handle a record. Returns why it cannot work, or nothing."""
        if item.request_key in repeats or item.request_key in batch.requests:
            return ""
        if item.error or condemned or item.message is None:
            return describe(item.error or condemned or ValueError("nothing to handle"))
        record, message = item.record, item.message
        given = Input(record, message, draft.now_ms)
        source = f"{batch.processor}|{record.topic}|{record.partition}|{record.offset}{origin}"
        with self._trace(record) as traceparent:
            return self._twice(
                batch,
                draft,
                source,
                lambda out: self._processor.handle(draft.state, given, out),
                request_key=item.request_key,
                traceparent=traceparent,
            )

    def _twice(
        self,
        batch: Batch[S],
        draft: ShardDraft[S],
        source: str,
        step: Callable[[Effects], S],
        **absorbed: Any,
    ) -> str:
        """Try a step of the processor, and once more; absorb what it does, or say why it failed."""
        failure: Exception | None = None
        for _ in range(2):
            effects = Effects(source, draft.now_ms)
            try:
                state = step(effects)
            except Exception as error:  # the table of fates knows every one of them
                if ends_process(error):
                    raise
                failure = error
            else:
                batch.absorb(draft, effects, **absorbed)
                draft.state = state
                return ""
        return describe(failure) if failure else ""

    def _fire(
        self, batch: Batch[S], draft: ShardDraft[S], due_ms: int, key: str, *, guilt: Guilt
    ) -> None:
        draft.timers.changes[key] = None
        batch.timers_fired += 1
        error = describe(guilt.timers) if guilt.timers else ""
        if error := error or self._fire_once(batch, draft, key, due_ms):
            number = draft.shard.number
            stands_for = Record(TIMER, number, due_ms, due_ms, key.encode(), b"")
            self._set_aside(batch, draft, Parsed(stands_for, entity=f"{TIMER}/{key}"), error)

    def _fire_once(self, batch: Batch[S], draft: ShardDraft[S], key: str, due_ms: int) -> str:
        source = f"{batch.processor}|{TIMER}|{draft.shard.number}|{key}|{due_ms}"

        def fire(out: Effects) -> S:
            state = self._processor.fire(draft.state, key, due_ms, out)
            again_ms = out.timers.get(key)
            if again_ms is not None and again_ms <= draft.now_ms:
                raise ValueError("a timer set itself into the past")
            return state

        return self._twice(batch, draft, source, fire)

    def _set_aside(self, batch: Batch[S], draft: ShardDraft[S], item: Parsed, error: str) -> None:
        letter = letter_for(
            item.record,
            processor=batch.processor,
            entity=item.entity,
            error=error,
            now_ms=draft.now_ms,
        )
        batch.letters.append(letter)
        said = announced(letter)
        value = said.SerializeToString(deterministic=True)
        record = OutboxRecord(topic=self._letters_topic, key=said.key, value=value)
        record.subject, record.type_name = item.entity, DeadLetter.DESCRIPTOR.full_name
        batch.publish(draft, record)

    def _obey(
        self, batch: Batch[S], draft: ShardDraft[S], item: Parsed, repeats: frozenset[str]
    ) -> None:
        """Replay or discard the oldest letter of an entity; a tick has done its work by coming."""
        named = _letter_named(item.control)
        if not item.letters or item.letters[0].dead_letter_id != named or named in batch.settled:
            return
        newer = sum(letter.entity == item.entity for letter in batch.letters)
        if item.control is not None and item.control.HasField("discard_dead_letter"):
            batch.settled[named] = "discarded"
            left = len(item.letters) - 1
        else:
            left = self._replay(batch, draft, item, repeats)
        if not left + newer:
            draft.parked -= {item.entity}

    def _replay(
        self, batch: Batch[S], draft: ShardDraft[S], item: Parsed, repeats: frozenset[str]
    ) -> int:
        """Handle an entity's letters in order up to the first that fails; returns how many stay."""
        for done, (letter, again) in enumerate(zip(item.letters, item.again, strict=True)):
            if again.record.topic == TIMER:
                key, due_ms = again.record.key.decode(), again.record.offset
                error = self._fire_once(batch, draft, key, due_ms)
            else:
                error = self._attempt(
                    batch, draft, again, repeats, origin=f"|{letter.dead_letter_id}"
                )
            if error:
                self._set_aside(batch, draft, again, error)
                return len(item.letters) - done
            batch.settled[letter.dead_letter_id] = "replayed"
        return 0


def _letter_named(control: Control | None) -> str:
    kind = control and control.WhichOneof("kind")
    return getattr(getattr(control, kind), "dead_letter_id", "") if kind else ""
