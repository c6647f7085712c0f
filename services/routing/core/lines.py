"""The work that waits, so kept that an agent's next piece is found without looking at the rest.

Work of equal requirements waits in one line, by rank. What an agent may take next is among the
first of the lines of the agent's pools: the cost follows the number of those lines, never the
length of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from immutables import Map

from services.routing.core.kinds import WorkState
from services.routing.core.ranked import Ranked
from services.routing.core.work import Rank, Requirement, WorkItem


@dataclass(frozen=True, slots=True)
class Line:
    """Waiting work of one requirement; never empty."""

    requirement: Requirement
    queue: Ranked[Rank]


_NAMES: Map[str, None] = Map()
_NOTHING: Ranked[Rank] = Ranked()


@dataclass(frozen=True, slots=True)
class Lines:
    """All waiting work of a domain; persistent."""

    by_key: Map[str, Line] = Map()
    by_pool: Map[str, Map[str, None]] = Map()  # pool → keys of its lines

    def serving(self, pools: Iterable[str]) -> Iterator[Line]:
        """The lines of these pools, in no particular order."""
        for pool in pools:
            for key in self.by_pool.get(pool, _NAMES):
                yield self.by_key[key]

    def moved(self, before: WorkItem | None, after: WorkItem) -> Lines:
        """With `after` in the place of `before`, each in line only while it waits."""
        was = before is not None and before.state is WorkState.QUEUED
        waits = after.state is WorkState.QUEUED
        if not was:
            return _joined(self, after) if waits else self
        assert before is not None
        if waits and before.line == after.line and before.rank == after.rank:
            return self
        left = _left(self, before)
        return _joined(left, after) if waits else left


NO_LINES = Lines()


def _joined(lines: Lines, work: WorkItem) -> Lines:
    line = lines.by_key.get(work.line)
    if line is not None:
        grown = Line(line.requirement, line.queue.add(work.rank))
        return Lines(lines.by_key.set(work.line, grown), lines.by_pool)
    pool = work.requirement.pool
    keys = lines.by_pool.get(pool, _NAMES).set(work.line, None)
    opened = Line(work.requirement, _NOTHING.add(work.rank))
    return Lines(lines.by_key.set(work.line, opened), lines.by_pool.set(pool, keys))


def _left(lines: Lines, work: WorkItem) -> Lines:
    line = lines.by_key[work.line]
    queue = line.queue.drop(work.rank)
    if queue:
        shorter = Line(line.requirement, queue)
        return Lines(lines.by_key.set(work.line, shorter), lines.by_pool)
    pool = work.requirement.pool
    keys = lines.by_pool[pool].delete(work.line)
    by_pool = lines.by_pool.set(pool, keys) if keys else lines.by_pool.delete(pool)
    return Lines(lines.by_key.delete(work.line), by_pool)
