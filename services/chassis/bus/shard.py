"""A shard as its owner holds it, and the draft of it that one batch works on.

State evolves on the draft. Only once the database has committed is the draft adopted; a batch that
fails leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.chassis.bus.fates import Gap
from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.record import Record
from services.chassis.bus.store import Place, Stamp, Taken
from services.chassis.bus.timers import Timers, TimersDraft

S = TypeVar("S")


@dataclass(slots=True)
class Shard(Generic[S]):
    """The committed shard: one owner, one fence, one state."""

    number: int
    epoch: int
    version: int
    now_ms: int
    incarnation: int
    takeovers: int
    offsets: dict[str, int]
    topic_ids: dict[str, str]
    cursors: dict[Place, Stamp]
    sequences: dict[tuple[str, int], int]
    timers: Timers
    parked: frozenset[str]
    state: S

    @classmethod
    def of(cls, taken: Taken, state: S) -> Shard[S]:
        """The shard as it was taken, with its service's state loaded."""
        return cls(
            number=taken.shard,
            epoch=taken.epoch,
            version=taken.version,
            now_ms=taken.now_ms,
            incarnation=taken.incarnation,
            takeovers=taken.takeovers,
            offsets=dict(taken.offsets),
            topic_ids=dict(taken.topic_ids),
            cursors=dict(taken.cursors),
            sequences=dict(taken.sequences),
            timers=Timers(taken.timers),
            parked=taken.parked,
            state=state,
        )

    def adopt(self, draft: ShardDraft[S]) -> None:
        """Make a committed draft the shard."""
        self.version += 1
        self.takeovers = 0
        self.now_ms = draft.now_ms
        self.offsets.update(draft.offsets)
        self.cursors.update(draft.cursors)
        self.sequences.update(draft.sequences)
        self.timers.apply(draft.timers.changes)
        self.parked = draft.parked
        self.state = draft.state


@dataclass(slots=True)
class ShardDraft(Generic[S]):
    """A shard with the uncommitted changes of one batch laid over it."""

    shard: Shard[S]
    now_ms: int
    state: S
    parked: frozenset[str]
    timers: TimersDraft
    offsets: dict[str, int] = field(default_factory=dict)
    cursors: dict[Place, Stamp] = field(default_factory=dict)
    sequences: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def on(cls, shard: Shard[S], state: S) -> ShardDraft[S]:
        """An empty draft over `shard`, with what the batch needs fetched into `state`."""
        return cls(shard, shard.now_ms, state, shard.parked, TimersDraft(shard.timers))

    def advance(self, record: Record) -> bool:
        """Move past `record`. False where a writer repeats itself; raises `Gap` where it skipped.

        The shard's time is that of its log: it never goes back, and a batch that is cut
        differently sees the same times.
        """
        expected = self.offsets.get(record.topic, self.shard.offsets[record.topic])
        if record.offset != expected:
            raise Gap(f"{record.topic}/{record.partition} gave {record.offset}, not {expected}")
        self.offsets[record.topic] = record.offset + 1
        self.now_ms = max(self.now_ms, record.append_ms)
        read = ReadStamp.of(record.headers)
        if read is None:
            return True
        place = Place(record.topic, read.writer, read.shard)
        last = self.cursors.get(place) or self.shard.cursors.get(place)
        given = Stamp(read.incarnation, read.sequence)
        if last is not None:
            if given <= last:
                return False
            if given.incarnation == last.incarnation and given.sequence != last.sequence + 1:
                raise Gap(f"{place} gave {given} after {last} at offset {record.offset}")
        self.cursors[place] = given
        return True

    def next_sequence(self, topic: str, partition: int) -> Stamp:
        """Give the next contiguous sequence of this writer to a destination partition."""
        place = (topic, partition)
        last = self.sequences.get(place) or self.shard.sequences.get(place, 0)
        self.sequences[place] = last + 1
        return Stamp(self.shard.incarnation, last + 1)
