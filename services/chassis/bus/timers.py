"""The timers of a shard: which key is due when, and a draft of them that a batch may throw away.

A timer due at t fires when a record whose log time is at least t is applied, before that record.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

Due = tuple[int, str]


class Timers:
    """The committed timers of one shard, kept in order of their due time (unix ms)."""

    __slots__ = ("_due", "_order")

    def __init__(self, timers: Iterable[tuple[str, int]] = ()) -> None:
        self._due = dict(timers)
        self._order: list[Due] = sorted((due, key) for key, due in self._due.items())

    def __iter__(self) -> Iterator[Due]:
        return iter(self._order)

    def get(self, key: str) -> int | None:
        """When `key` is due, or None."""
        return self._due.get(key)

    def due(self, now_ms: int) -> Iterator[str]:
        """The keys due at `now_ms` or before, earliest first."""
        return (key for _, key in takewhile(lambda timer: timer[0] <= now_ms, self._order))

    def next_due_ms(self) -> int | None:
        """The earliest due time, or None where no timer is set."""
        return self._order[0][0] if self._order else None

    def apply(self, changes: Mapping[str, int | None]) -> None:
        """Set, move and (None) forget timers."""
        for key, due_ms in changes.items():
            known = self._due.pop(key, None)
            if known is not None:
                del self._order[bisect_left(self._order, (known, key))]
            if due_ms is not None:
                self._due[key] = due_ms
                insort(self._order, (due_ms, key))


class TimersDraft:
    """`Timers` with the uncommitted changes of one batch laid over them."""

    __slots__ = ("_base", "changes")

    def __init__(self, base: Timers) -> None:
        self._base = base
        self.changes: dict[str, int | None] = {}

    def first_due(self, now_ms: int) -> Due | None:
        """The earliest timer due at `now_ms` or before, ties by key."""
        if not self.changes:
            first_ms = self._base.next_due_ms()
            if first_ms is None or first_ms > now_ms:
                return None
        drafted = (
            (due, key) for key, due in self.changes.items() if due is not None and due <= now_ms
        )
        return min([*drafted, *self._first_of_base(now_ms)], default=None)

    def _first_of_base(self, now_ms: int) -> list[Due]:
        for due, key in self._base:
            if due > now_ms:
                break
            if key not in self.changes:
                return [(due, key)]
        return []
