"""The customers' handsets: they receive what the provider delivers, and some answer surveys."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from local.demo.figures import Figures
from local.demo.places import Places
from local.demo.retrying import PATIENCE_S
from local.ledgerbook import now_ms
from local.verify.ledgers import Scored

LINK = re.compile(r"https?://\S+")
ANSWER_SHARE = 0.6
SCORES = (1, 2, 3, 4, 5)
SCORE_WEIGHTS = (4, 6, 15, 35, 40)
READ_S = (0.2, 1.0)
"""How long a customer looks at a message before answering."""
RECONNECT_S = 0.5
LINE_BYTES_MAX = 1 << 16
LINK_ENDED = 404
REQUEST_ID = re.compile(r'name="request_id" value="([^"]+)"')
TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(slots=True)
class Handsets:
    """Reads the provider's deliveries and answers surveys over HTTP."""

    places: Places
    figures: Figures
    random: Random
    run: str
    after: int
    """Number of the last delivery that belongs to an earlier run."""
    last_heard_s: float = field(default_factory=time.monotonic)
    _answering: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def is_idle(self) -> bool:
        """Tell whether no answer is on its way."""
        return not self._answering

    async def listen(self) -> None:
        """Listen until cancelled; a provider that died is called again."""
        async with aiohttp.ClientSession() as session:
            try:
                while True:
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        await self._listen_once(session)
                    await asyncio.sleep(RECONNECT_S)
            finally:
                for task in self._answering:
                    task.cancel()
                await asyncio.gather(*self._answering, return_exceptions=True)

    async def _listen_once(self, session: aiohttp.ClientSession) -> None:
        [base] = self.places.state.http("simulator")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        query = {"after": str(self.after)}
        async with session.get(
            f"{base}/admin/handsets", params=query, timeout=timeout, read_bufsize=LINE_BYTES_MAX
        ) as stream:
            async for line in stream.content:
                delivery = orjson.loads(line)
                self.after = delivery["number"]
                self._receive(session, delivery)

    def _receive(self, session: aiohttp.ClientSession, delivery: dict[str, Any]) -> None:
        self.last_heard_s = time.monotonic()
        found = LINK.search(delivery["body"])
        if found is None:
            return
        self.figures.surveyed += 1
        if self.random.random() < ANSWER_SHARE:
            task = asyncio.create_task(self._answer(session, found.group()))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, session: aiohttp.ClientSession, link: str) -> None:
        """Open the page like a person, then send its form until it is answered."""
        await asyncio.sleep(self.random.uniform(*READ_S))
        request_id = await self._open(session, link)
        score = self.random.choices(SCORES, SCORE_WEIGHTS)[0]
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            status = await self._post(session, link, score, request_id)
            if 200 <= status < 400:
                self.figures.answered += 1
                self.places.book.scored(Scored(link, score, now_ms(), self.run))
                return
            if status == LINK_ENDED:
                self.figures.withdrawn += 1
                return
            if 400 <= status < 500 and status != 429:
                self.figures.problem(f"survey {status}")
                return
            await asyncio.sleep(RECONNECT_S)

    async def _open(self, session: aiohttp.ClientSession, link: str) -> str:
        """Give the id in the page's form; a page that didn't come is answered with our own."""
        try:
            async with session.get(link, timeout=TIMEOUT) as page:
                found = REQUEST_ID.search(await page.text())
        except (aiohttp.ClientError, TimeoutError):
            found = None
        return found.group(1) if found else str(uuid4())

    async def _post(
        self, session: aiohttp.ClientSession, link: str, score: int, request_id: str
    ) -> int:
        """Post once; gives the status, 0 for no answer."""
        form = {"score": str(score), "comment": "", "request_id": request_id}
        try:
            async with session.post(link, data=form, timeout=TIMEOUT) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
