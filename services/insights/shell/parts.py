"""The working copy: a windowed table of stock Faust, with its changelog."""

from __future__ import annotations

from typing import Any, Final

import faust
from faust.windows import TumblingWindow

from services.insights.core.fold import WINDOW_MS
from services.insights.core.model import Part, PartKey

NAME: Final = "windows"
WINDOW_SECONDS: Final = WINDOW_MS / 1000
KEEP_SECONDS: Final = 1800.0
"""How long a window stays in memory, by the wall clock. A later fact finds it in Postgres."""

SEGMENT_MS: Final = 600_000
"""The changelog's segments are small, so that what is out of date goes soon: Faust reads all that
is left whenever partitions move."""


class PlacedTable(faust.Table[Any, Any]):
    """A table whose keys begin with their partition, so that it may be written from a timer.

    Stock Faust takes the partition of the event in hand, and refuses to write without one.
    """

    def partition_for_key(self, key: Any) -> int:
        """The shard in ((shard, ...), window)."""
        return int(key[0][0])


class FaustParts:
    """Parts by key in the windowed table of `app`, whose `Table` must be `PlacedTable`."""

    def __init__(self, app: faust.App, *, partitions: int) -> None:
        table = app.Table(
            NAME,
            partitions=partitions,
            extra_topic_configs={"segment.ms": SEGMENT_MS},
        )
        self._windows = table.tumbling(WINDOW_SECONDS, expires=KEEP_SECONDS)
        self._ranges = TumblingWindow(WINDOW_SECONDS).ranges

    def get(self, key: PartKey) -> Part:
        """The part as it was last put; an empty one where it is not there (any more)."""
        try:
            next_offset, counts = self._windows[_key(key)][self._range(key)]
        except KeyError:
            return Part()
        return Part(next_offset, counts)

    def put(self, key: PartKey, part: Part) -> None:
        """Remember a part; the changelog follows in its own time."""
        self._windows[_key(key)][self._range(key)] = [part.next_offset, dict(part.counts)]

    def _range(self, key: PartKey) -> tuple[float, float]:
        (window,) = self._ranges(key.window.start_ms / 1000)
        return window


def _key(key: PartKey) -> tuple[Any, ...]:
    window = key.window
    return key.place.shard, key.place.topic, window.tenant_id, window.pool, window.channel
