"""How far a topic partition has been read, and which of its records are repeats.

Writers with an outbox number what they write to a partition. After a crash they may write the last
numbers again, at new offsets; a reader that counted those would count double.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple


class Stamp(NamedTuple):
    """A number in a writer's sequence. A writer restored to an earlier state raises the first."""

    incarnation: int
    sequence: int


class Verdict(Enum):
    """What a record is to a reader at a cursor."""

    NEWS = auto()
    REPEAT = auto()  # read before, or written again
    HOLE = auto()  # records before it have not been read
    GAP = auto()  # the log lacks what its writer has given


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next offset, and the last number of each writer below it."""

    next_offset: int = 0
    writers: Mapping[str, Stamp] = field(default_factory=dict)

    def judge(self, offset: int, writer: str, stamp: Stamp | None) -> Verdict:
        """What the record at `offset` is; `stamp` is None where its writer keeps no sequence."""
        if offset != self.next_offset:
            return Verdict.REPEAT if offset < self.next_offset else Verdict.HOLE
        last = self.writers.get(writer)
        if stamp is None or last is None:
            return Verdict.NEWS
        if stamp <= last:
            return Verdict.REPEAT
        follows = stamp.incarnation > last.incarnation or stamp.sequence == last.sequence + 1
        return Verdict.NEWS if follows else Verdict.GAP

    def past(self, writer: str, stamp: Stamp | None) -> Cursor:
        """The cursor past the record at the next offset, which was judged no gap."""
        last = self.writers.get(writer)
        if stamp is None or (last is not None and stamp <= last):
            return Cursor(self.next_offset + 1, self.writers)
        return Cursor(self.next_offset + 1, {**self.writers, writer: stamp})
