"""What happens to a message after it was accepted: step by step, each step reported."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from local.simulator.book import Book
from local.simulator.message import SentMessage, now_ms
from local.simulator.posting import Post, Poster
from local.simulator.provider import Journey, Provider
from local.simulator.weather import Weather


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the network and people take, in milliseconds."""

    until_sent_ms: int = 20
    until_delivered_ms: int = 60
    until_read_ms: int = 120

    def until_s(self, step: str) -> float:
        """How long a step takes after the one before it."""
        taken = {"sent": self.until_sent_ms, "delivered": self.until_delivered_ms}
        return taken.get(step, self.until_read_ms) / 1000


class Courier:
    """Moves messages to their end and posts the receipts."""

    def __init__(self, *, book: Book, weather: Weather, poster: Poster, pace: Pace) -> None:
        """Prepare; nothing moves before `start`."""
        self._book = book
        self._weather = weather
        self._poster = poster
        self._pace = pace
        self._providers: Mapping[str, Provider] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, providers: Mapping[str, Provider]) -> None:
        """Carry on with what an earlier process left on the way."""
        self._providers = providers
        for message in self._book.all():
            if self._left(message):
                self.carry(message)

    async def stop(self) -> None:
        """Leave what is on the way to the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def carry(self, message: SentMessage) -> None:
        """Move a message to its end in the background."""
        self._spawn(self._carry(message))

    def _left(self, message: SentMessage) -> tuple[str, ...]:
        provider = self._providers.get(message.provider)
        return provider.journey.after(message.status) if provider is not None else ()

    async def _carry(self, message: SentMessage) -> None:
        journey = self._providers[message.provider].journey
        for step in self._left(message):
            await asyncio.sleep(self._pace.until_s(step))
            error_code = self._error(message, journey, step)
            status = journey.failed if error_code else step
            moved = self._book.move(message.sid, status, now_ms=now_ms(), error_code=error_code)
            self._report(moved)
            if error_code:
                return

    def _error(self, message: SentMessage, journey: Journey, step: str) -> int:
        """The code of the error that a message ends with instead of the step; 0 for none."""
        if message.refusal:
            return message.refusal
        fails = step == "delivered" and journey.unreachable
        if fails and self._weather.at(message.provider).happens("undeliverable"):
            return journey.unreachable
        return 0

    def _report(self, message: SentMessage) -> None:
        dice = self._weather.at(message.provider)
        post = self._providers[message.provider].receipt(message)
        if post is None or dice.happens("receipt_lost"):
            return
        copies = 2 if dice.happens("receipt_twice") else 1
        late_ms = dice.faults.late_ms if dice.happens("receipt_late") else 0
        for _ in range(copies):
            self._spawn(self._post(message, post, late_ms))

    async def _post(self, message: SentMessage, post: Post, late_ms: int) -> None:
        await asyncio.sleep(late_ms / 1000)
        answer = await self._poster.post(post)
        self._book.note(
            "receipt", sid=message.sid, status=message.status, answer=answer, at_ms=now_ms()
        )

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
