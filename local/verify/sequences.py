"""Reads a log as its consumers do: what was published twice counts once, a gap is a break.

Every record of an outbox carries its writer, the writer's shard and a sequence that is contiguous
in the destination partition. Edges write without a sequence; theirs is never dropped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.verify.world import Break

WRITER, SHARD, SEQUENCE = "sb_writer", "sb_shard", "sb_seq"


@dataclass(slots=True)
class Sequences:
    """The last sequence seen of each writer in each partition."""

    last: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    breaks: list[Break] = field(default_factory=list)

    def is_new(self, *, partition: str, place: str, headers: Mapping[str, bytes]) -> bool:
        """Tell whether a record is read for the first time; notes a gap where there is one."""
        if WRITER not in headers:
            return True
        writer, shard = headers[WRITER].decode(), headers[SHARD].decode()
        incarnation, _, number = headers[SEQUENCE].partition(b".")
        stamp = (int(incarnation), int(number))
        key = (partition, writer, shard)
        last = self.last.get(key)
        if last is not None and stamp <= last:
            return False
        self._note_gap(last, stamp, place=place, writer=f"{writer}/{shard}")
        self.last[key] = stamp
        return True

    def _note_gap(
        self, last: tuple[int, int] | None, stamp: tuple[int, int], *, place: str, writer: str
    ) -> None:
        """A log that retention has shortened may begin anywhere; a new incarnation too."""
        if last is None or last[0] != stamp[0]:
            return
        if stamp[1] != last[1] + 1:
            self.breaks.append(Break(place, writer, expected=last[1] + 1, found=stamp[1]))
