"""What happens to a message after it was accepted: sent, delivered, each step reported."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass

import aiohttp

from local.simulator import overrides
from local.simulator.book import Book
from local.simulator.faults import Dice
from local.simulator.message import UNREACHABLE, SentMessage
from local.simulator.signature import HEADER, sign

CONNECT_S = 5.0
RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the network takes, in milliseconds."""

    until_sent_ms: int = 20
    until_delivered_ms: int = 60


class Courier:
    """Moves messages to their end and posts the receipts."""

    def __init__(self, *, book: Book, dice: Dice, token: str, pace: Pace) -> None:
        """Prepare; nothing moves before `start`."""
        self.dice = dice
        self._book = book
        self._token = token
        self._pace = pace
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client and carry on with what an earlier process left on the way."""
        connector = aiohttp.TCPConnector(limit=100)
        self._session = aiohttp.ClientSession(connector=connector)
        for message in self._book.unfinished():
            self.carry(message)

    async def stop(self) -> None:
        """Leave what is on the way to the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def carry(self, message: SentMessage) -> None:
        """Move a message to its end in the background."""
        self._spawn(self._carry(message.sid))

    async def _carry(self, sid: str) -> None:
        await asyncio.sleep(self._pace.until_sent_ms / 1000)
        self._report(self._book.move(sid, "sent", now_ms=_now_ms()))
        await asyncio.sleep(self._pace.until_delivered_ms / 1000)
        if self.dice.happens("undeliverable"):
            moved = self._book.move(sid, "undelivered", now_ms=_now_ms(), error_code=UNREACHABLE)
        else:
            moved = self._book.move(sid, "delivered", now_ms=_now_ms())
        self._report(moved)

    def _report(self, message: SentMessage) -> None:
        if not message.status_callback or self.dice.happens("receipt_lost"):
            return
        copies = 2 if self.dice.happens("receipt_twice") else 1
        late_ms = self.dice.faults.late_ms if self.dice.happens("receipt_late") else 0
        for _ in range(copies):
            self._spawn(self._post(message, late_ms))

    async def _post(self, message: SentMessage, late_ms: int) -> None:
        await asyncio.sleep(late_ms / 1000)
        call = overrides.parse(message.status_callback)
        form = message.receipt()
        headers = {HEADER: sign(token=self._token, url=call.url, form=form)}
        status = 0
        deadline_s = time.monotonic() + call.total_s
        for _ in range(1 + call.retries):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            status = await self._request(call.url, form, headers, timeout_s=left_s)
            if not call.wants_retry(status):
                break
            await asyncio.sleep(min(RETRY_PAUSE_S, left_s))
        self._book.note(
            "receipt", sid=message.sid, status=message.status, answer=status, at_ms=_now_ms()
        )

    async def _request(
        self, url: str, form: dict[str, str], headers: dict[str, str], *, timeout_s: float
    ) -> int:
        """Post once; gives the answer's status, 0 without a connection, -1 without an answer."""
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        try:
            async with self._session.post(
                url, data=form, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except aiohttp.ClientConnectorError:
            return 0
        except (aiohttp.ClientError, TimeoutError):
            return -1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
