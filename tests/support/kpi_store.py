"""The truth of insights in memory: passes the suite that the Postgres form passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.chassis.bus.fates import Fenced
from services.insights.core.cursor import Cursor
from services.insights.core.fold import total
from services.insights.core.model import Part, PartKey, Place, Window, WindowKey
from services.insights.ports import Batch, StaleParts


class MemoryStore:
    """One generation, shared by any number of processes."""

    def __init__(self) -> None:
        self.known: dict[Place, Cursor] = {}
        self.parts: dict[PartKey, Part] = {}
        self.windows: dict[WindowKey, Window] = {}
        self.revision = 0

    async def cursors(self, places: Iterable[Place]) -> Mapping[Place, Cursor]:
        return {place: self.known[place] for place in places if place in self.known}

    async def save(self, batch: Batch) -> Sequence[Window]:
        moves = batch.moves.items()
        if not all(self._at(place) == move.cursor.next_offset for place, move in moves):
            self._apply(batch)
        touched = {key.window for key in batch.changes}
        return [window for key, window in sorted(self.windows.items()) if key in touched]

    async def latest(self) -> Sequence[Window]:
        return sorted(self.windows.values(), key=lambda window: window.revision)

    def _at(self, place: Place) -> int:
        return self.known.get(place, Cursor(-1)).next_offset

    def _apply(self, batch: Batch) -> None:
        stale = {
            key: self.parts.get(key, Part())
            for key, change in batch.changes.items()
            if self.parts.get(key, Part()).next_offset != change.base_offset
        }
        if stale:
            raise StaleParts(stale)
        for place, move in batch.moves.items():
            if max(self._at(place), 0) != move.saved_offset:
                raise Fenced("another process reads one of these partitions")
        self.known |= {place: move.cursor for place, move in batch.moves.items()}
        self.parts |= {key: change.part for key, change in batch.changes.items()}
        for key in sorted({key.window for key in batch.changes}):
            self._add_up(key)

    def _add_up(self, key: WindowKey) -> None:
        counts = total(part.counts for at, part in self.parts.items() if at.window == key)
        self.revision += 1
        if key not in self.windows or self.windows[key].counts != counts:
            self.windows[key] = Window(key, counts, self.revision, 0)
