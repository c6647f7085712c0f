"""A batch while it is decided: the drafts of its shards and the one commit they end in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar

from switchboard.engine.v1.records_pb2 import CommandOutcome, DeadLetter, OutboxBatch, OutboxRecord

from services.chassis.bus.effects import Answered, Effects
from services.chassis.bus.headers import partition_for
from services.chassis.bus.processor import Row
from services.chassis.bus.shard import ShardDraft
from services.chassis.bus.store import Commit

S = TypeVar("S")

_LETTER = attrgetter(
    "dead_letter_id", "partition", "entity", "topic", "offset", "error", "failed_ms"
)


@dataclass(slots=True)
class Batch(Generic[S]):
    """Everything the batch at hand does, in the order in which it does it."""

    processor: str
    keys: Mapping[str, Callable[[Row], Any]]  # table -> what finds a row's primary key
    partitions_of: Callable[[str], int]
    drafts: dict[int, ShardDraft[S]]
    rows: dict[str, dict[Any, Row]] = field(default_factory=dict)
    outbox: dict[int, list[OutboxRecord]] = field(default_factory=dict)
    requests: dict[str, tuple[int, CommandOutcome | None]] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    settled: dict[str, str] = field(default_factory=dict)  # letter id -> how it ended
    told: list[object] = field(default_factory=list)
    records: int = 0
    timers_fired: int = 0

    def absorb(
        self,
        draft: ShardDraft[S],
        effects: Effects,
        *,
        request_key: str | None = None,
        traceparent: bytes | None = None,
    ) -> None:
        """Take over what an input did, now that it is known to have worked."""
        for name, row in effects.puts:
            self.rows.setdefault(name, {})[self.keys[name](row)] = row
        for emission in effects.emissions:
            self.publish(draft, emission, traceparent=traceparent)
        draft.timers.changes.update(effects.timers)
        if request_key is not None and not effects.passed_on:
            self.requests[request_key] = (draft.now_ms, effects.answer)
            if effects.answer is not None:
                self.told.append(Answered(request_key, effects.answer))
        self.told.extend(effects.told)

    def publish(
        self, draft: ShardDraft[S], record: OutboxRecord, *, traceparent: bytes | None = None
    ) -> None:
        """Give an emission its partition, sequence and time, and put it into the outbox."""
        record.partition = partition_for(record.key, self.partitions_of(record.topic))
        record.incarnation, record.sequence = draft.next_sequence(record.topic, record.partition)
        record.time_ms, record.traceparent = draft.now_ms, traceparent or b""
        self.outbox.setdefault(draft.shard.number, []).append(record)

    def commit(self, published: Mapping[int, int]) -> Commit:
        """The batch as one document; `published` are outbox rows that may go with it."""
        commit = Commit(self.processor)
        for number in sorted(self.drafts):
            self._add_shard(commit, self.drafts[number])
        for number, records in sorted(self.outbox.items()):
            version = self.drafts[number].shard.version + 1
            row = OutboxBatch(records=records).SerializeToString()
            commit.outbox.append([number, version, commit.payload(row)])
        commit.published = [list(entry) for entry in sorted(published.items())]
        for key, (now_ms, answer) in self.requests.items():
            payload = commit.payload(answer.SerializeToString()) if answer else None
            commit.requests.append([key, now_ms, payload])
        commit.letters = [
            [*_LETTER(letter), commit.payload(letter.SerializeToString())]
            for letter in self.letters
        ]
        commit.settled = [list(entry) for entry in self.settled.items()]
        commit.rows = {name: list(rows.values()) for name, rows in self.rows.items()}
        return commit

    def _add_shard(self, commit: Commit, draft: ShardDraft[S]) -> None:
        shard = draft.shard
        commit.shards.append([shard.number, shard.epoch, shard.version, draft.now_ms])
        commit.offsets += (
            [topic, shard.number, offset, shard.topic_ids.get(topic, "")]
            for topic, offset in draft.offsets.items()
        )
        commit.cursors += (
            [at.topic, shard.number, at.writer, at.shard, *given]
            for at, given in draft.cursors.items()
        )
        commit.sequences += ([shard.number, *at, seq] for at, seq in draft.sequences.items())
        for key, due_ms in draft.timers.changes.items():
            if due_ms is not None:
                commit.timers.append([shard.number, key, due_ms])
            elif shard.timers.get(key) is not None:
                commit.cancelled.append([shard.number, key])
        for entity in sorted(draft.parked - shard.parked):
            commit.parked.append([shard.number, entity])
        for entity in sorted(shard.parked - draft.parked):
            commit.unparked.append([shard.number, entity])
