"""Ticks: time for shards to which nothing else comes.

A timer fires when a record with a later log time is applied. Where no record comes, the owner puts
a `Tick` into its own mailbox, but only once every co-read partition of the shard is committed past
the end that was read after the timer came due: a timer never overtakes input.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from services.chassis.bus.engine import Engine, Placed
from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.shard import Shard

RETRY_SECONDS = 1.0
POLL_MS_MIN, POLL_MS_MAX = 50, 1000

Tick = Callable[[int, int], Awaitable[None]]  # shard, due_ms


class Ends(Protocol):
    """Where logs end."""

    async def ends(self, places: list[Placed]) -> Mapping[Placed, int]:
        """The next offset of each partition. Raises `BusUnavailable`."""


class Ticker:
    """Sends the ticks of one engine."""

    def __init__(
        self,
        engine: Engine[Any],
        *,
        ends: Ends,
        tick: Tick,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._engine = engine
        self._ends = ends
        self._tick = tick
        self._now_ms = now_ms
        self._bars: dict[int, tuple[int, Mapping[Placed, int]]] = {}  # shard: due_ms, ends after it
        self._sent: dict[int, tuple[int, int]] = {}  # shard: due_ms, sent at

    async def run(self) -> None:
        """Tick for ever; sleeps until a timer is due, and looks for new ones every second."""
        while True:
            try:
                await self.step()
            except BusUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(self._patience())

    async def step(self) -> None:
        """Send the ticks that may be sent now."""
        now_ms = self._now_ms()
        due = {
            shard.number: at
            for shard in self._engine.shards.values()
            if (at := shard.timers.next_due_ms()) is not None and at <= now_ms
        }
        await self._raise_bars(due)
        for number, due_ms in due.items():
            shard = self._engine.shards.get(number)
            if shard is not None and self._is_past_bar(shard) and self._may_send(number, due_ms):
                await self._tick(number, due_ms)
                self._sent[number] = (due_ms, now_ms)

    async def _raise_bars(self, due: Mapping[int, int]) -> None:
        """Read, after they came due, how far the logs of the due shards reach."""
        fresh = [n for n, at in due.items() if self._bars.get(n, (None,))[0] != at]
        topics = self._engine.processor.topics
        if fresh:
            places = [(topic, number) for number in fresh for topic in topics]
            ends = await self._ends.ends(places)
            for number in fresh:
                bar = {(topic, number): ends[topic, number] for topic in topics}
                self._bars[number] = (due[number], bar)

    def _is_past_bar(self, shard: Shard[Any]) -> bool:
        bar = self._bars[shard.number][1]
        return all(shard.offsets[topic] >= end for (topic, _), end in bar.items())

    def _may_send(self, number: int, due_ms: int) -> bool:
        sent_due_ms, sent_at_ms = self._sent.get(number, (-1, 0))
        return sent_due_ms != due_ms or self._now_ms() - sent_at_ms > RETRY_SECONDS * 1000

    def _patience(self) -> float:
        due_ms = self._engine.next_due_ms()
        wait_ms = POLL_MS_MAX if due_ms is None else due_ms - self._now_ms()
        return min(max(wait_ms, POLL_MS_MIN), POLL_MS_MAX) / 1000
