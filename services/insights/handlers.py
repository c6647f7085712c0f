"""The fold: take records as they come, and once in a while save what they add up to.

Stock Faust keeps its table in step with nothing: not with its offsets, not with Postgres. So the
truth is what Postgres has in one transaction, parts with the cursors they were read to; the table
is a working copy that is compared with it at each save, and Faust's offsets are advice. What is
read again is below its cursor and counts nothing; what was passed over is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.chassis.bus.fates import Gap
from services.insights.core.cursor import Cursor, Stamp, Verdict
from services.insights.core.fold import fold
from services.insights.core.model import Counts, Part, PartKey, Place, Window, WindowKey
from services.insights.ports import Batch, Change, Feed, Log, Move, Parts, StaleParts, Store


@dataclass(frozen=True, slots=True)
class Taken:
    """One record, reduced to what it counts: at most one thing, in one window."""

    place: Place
    offset: int
    window: WindowKey | None = None
    counts: Counts = field(default_factory=dict)
    writer: str = ""
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush saved: the windows touched, as they are now, and the number of records."""

    windows: Sequence[Window]
    records: int


@dataclass(slots=True)
class _Draft:
    """Cursors and new facts of one batch, and the places that have holes."""

    cursors: dict[Place, Cursor]
    records: int
    facts: dict[PartKey, list[tuple[int, Counts]]] = field(default_factory=dict)
    holes: set[Place] = field(default_factory=set)

    def read(self, taken: Taken) -> None:
        """Count a record and move past it, unless it is a repeat or beyond a hole."""
        cursor = self.cursors[taken.place]
        verdict = cursor.judge(taken.offset, taken.writer, taken.stamp)
        if verdict is Verdict.HOLE:
            self.holes.add(taken.place)
        if verdict is Verdict.GAP:
            at = f"{taken.place.topic}/{taken.place.shard}@{taken.offset}"
            raise Gap(f"{taken.writer} skipped to {taken.stamp} at {at}")
        if taken.offset != cursor.next_offset:
            return
        self.holes.discard(taken.place)
        self.cursors[taken.place] = cursor.past(taken.writer, taken.stamp)
        if verdict is Verdict.NEWS and taken.window is not None:
            found = self.facts.setdefault(PartKey(taken.place, taken.window), [])
            found.append((taken.offset, taken.counts))


class Folding:
    """The fold of one process. One task calls `flush`, the same loop calls the rest."""

    def __init__(self, *, parts: Parts, store: Store, log: Log, feed: Feed) -> None:
        self._parts = parts
        self._store = store
        self._log = log
        self._feed = feed
        self._waiting: list[Taken] = []
        self._cursors: dict[Place, Cursor] = {}
        self._saved: dict[Place, int] = {}
        self._draft: _Draft | None = None
        self._batch: Batch | None = None
        self._untold = True  # whoever was here before may have saved windows and told nobody

    def take(self, taken: Taken) -> None:
        """Remember a record for the next flush."""
        self._waiting.append(taken)

    async def flush(self) -> Flushed:
        """Save and publish what was taken before.

        What fails is kept, and the next flush does exactly that again. Raises `StoreUnavailable`,
        `BusUnavailable`; `Fenced` and `Gap` end the process.
        """
        if self._untold:
            await self._feed.publish(await self._store.latest())
            self._untold = False
        if self._draft is None:
            if not self._waiting:
                return Flushed((), 0)
            self._draft = await self._drafted()
        draft = self._draft
        if self._batch is None:
            self._batch = self._folded(draft, {})
        batch, windows = await self._stored(draft, self._batch)
        for key, change in batch.changes.items():
            self._parts.put(key, change.part)
        await self._feed.publish(windows)
        await self._mend(draft)
        self._cursors |= draft.cursors
        self._saved |= {place: move.cursor.next_offset for place, move in batch.moves.items()}
        self._draft = self._batch = None
        return Flushed(windows, draft.records)

    def forget(self) -> None:
        """Give up what was taken and not saved: the partitions are being given out anew."""
        self._waiting = []
        self._cursors = {}
        self._saved = {}
        self._draft = None
        self._batch = None
        self._untold = True

    async def _drafted(self) -> _Draft:
        due = list(self._waiting)
        places = {taken.place for taken in due}
        if unknown := places - self._cursors.keys():
            known = await self._store.cursors(unknown)
            for place in unknown:
                self._cursors[place] = known.get(place, Cursor())
                self._saved[place] = self._cursors[place].next_offset
        del self._waiting[: len(due)]  # more may have come meanwhile
        draft = _Draft({place: self._cursors[place] for place in places}, len(due))
        for taken in due:
            draft.read(taken)
        return draft

    def _folded(self, draft: _Draft, stored: Mapping[PartKey, Part]) -> Batch:
        bases = {key: stored.get(key) or self._parts.get(key) for key in draft.facts}
        return Batch(
            moves={
                place: Move(self._saved[place], cursor) for place, cursor in draft.cursors.items()
            },
            changes={
                key: Change(bases[key].next_offset, fold(bases[key], facts))
                for key, facts in draft.facts.items()
            },
        )

    async def _stored(self, draft: _Draft, batch: Batch) -> tuple[Batch, Sequence[Window]]:
        try:
            return batch, await self._store.save(batch)
        except StaleParts as stale:
            batch = self._batch = self._folded(draft, stale.stored)
            return batch, await self._store.save(batch)

    async def _mend(self, draft: _Draft) -> None:
        """Read again what was passed over; where retention has taken it, go on after it."""
        if not draft.holes:
            return
        starts = await self._log.starts(draft.holes)
        for place in draft.holes:
            if starts[place] > draft.cursors[place].next_offset:
                draft.cursors[place] = Cursor(starts[place])
            await self._log.rewind(place, draft.cursors[place].next_offset)
