"""One virtual clock: the event loop's time is the world's, and a sleep passes in an instant.

Nothing waits for anything outside the process, so a loop with no callback that is ready may go
straight to its next timer. What runs on it runs in the same order every time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

START_MS = 1_750_000_000_000  # some day in June 2025


class Deadlock(Exception):
    """Everything waits, and no timer is set: nothing will ever happen again."""


class Clock:
    """The time in unix milliseconds; only `pass_ms` and sleeping coroutines move it."""

    def __init__(self) -> None:
        self._now_ms = START_MS

    def now_ms(self) -> int:
        """The time."""
        return self._now_ms

    def pass_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        self._now_ms += duration_ms


class _Timetable(selectors.BaseSelector):
    """Stands where the operating system's selector does: waiting is moving the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[int, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self._clock.pass_ms(max(1, round(timeout * 1000)))
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        return self._keys.setdefault(number, selectors.SelectorKey(fileobj, number, events, data))

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by a `Clock`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Timetable(clock))
        self._clock = clock
        self._clock_resolution = 0.0005  # a timer of this very millisecond is due

    def time(self) -> float:
        """Seconds, as the loop counts them."""
        return self._clock.now_ms() / 1000


def run(clock: Clock, main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end; tasks that it leaves behind are cancelled."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)


async def turn() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


TURNS = 6  # a report takes five: account, shield, call, publish, done
