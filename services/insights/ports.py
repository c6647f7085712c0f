"""What the fold needs of the outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.insights.core.cursor import Cursor
from services.insights.core.model import Part, PartKey, Place, Window


@dataclass(frozen=True, slots=True)
class Move:
    """A cursor that goes from the offset where it was saved last to where it is now."""

    saved_offset: int
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Change:
    """A part, and the version of it that the change was made on."""

    base_offset: int
    part: Part


@dataclass(frozen=True, slots=True)
class Batch:
    """What one flush saves: all or nothing."""

    moves: Mapping[Place, Move]
    changes: Mapping[PartKey, Change]


class StaleParts(Exception):
    """The working copy was behind; `stored` has those parts as they are. Nothing was saved."""

    def __init__(self, stored: Mapping[PartKey, Part]) -> None:
        super().__init__(f"{len(stored)} parts")
        self.stored = stored


class Parts(Protocol):
    """The working copy of the parts: fast, and possibly behind."""

    def get(self, key: PartKey) -> Part:
        """The part as it was last put; an empty one where it is not known (any more)."""

    def put(self, key: PartKey, part: Part) -> None:
        """Remember a part that was saved."""


class Store(Protocol):
    """The truth: parts, cursors and the windows they add up to."""

    async def cursors(self, places: Iterable[Place]) -> Mapping[Place, Cursor]:
        """How far each place has been read; what was never read is absent.

        Raises `StoreUnavailable`.
        """

    async def save(self, batch: Batch) -> Sequence[Window]:
        """Save all of a batch and return the windows it touches, as they are now.

        The same batch again changes nothing and returns the same. Raises `StaleParts`,
        `StoreUnavailable`, and `Fenced` where another process reads one of the places, or the
        windows were dropped to be rebuilt.
        """

    async def latest(self) -> Sequence[Window]:
        """The windows saved last, at least those of one batch, oldest first.

        Raises `StoreUnavailable`.
        """


class Log(Protocol):
    """The topics read."""

    async def starts(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The first offset that each place still has. Raises `BusUnavailable`."""

    async def rewind(self, place: Place, offset: int) -> None:
        """Read on from `offset`. Raises `BusUnavailable`."""


class Feed(Protocol):
    """Who hears of windows."""

    async def publish(self, windows: Sequence[Window]) -> None:
        """Tell of windows; again after a failure, with the same revisions.

        Raises `BusUnavailable`.
        """
