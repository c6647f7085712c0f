"""Webhooks on their way to us: posted, and repeated for as long as their provider has patience."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

CONNECT_S = 5.0
NO_CONNECTION, NO_ANSWER = 0, -1
"""What stands for the status of an answer where there is none."""

Write = Callable[[str, int], tuple[bytes, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How a provider repeats a webhook: once after each pause, where the answer wants it."""

    pauses_s: tuple[float, ...]
    request_s: float
    """How long it waits for one answer."""
    wants: Callable[[int], bool]
    """Whether an answer is no reason to stop, by its status."""
    total_s: float = float("inf")


def is_no_success(status: int) -> bool:
    """What most providers repeat: everything but a 2xx."""
    return not 200 <= status < 300


@dataclass(frozen=True, slots=True)
class Post:
    """One webhook. `write` gives body and headers for an address and the number of a repeat."""

    urls: tuple[str, ...]
    write: Write
    patience: Patience


class Poster:
    """Posts webhooks."""

    def __init__(self) -> None:
        """Prepare; nothing is posted before `start`."""
        self._session: aiohttp.ClientSession | None = None
        self._turns = itertools.count()

    async def start(self) -> None:
        """Open the client."""
        connector = aiohttp.TCPConnector(limit=100)
        self._session = aiohttp.ClientSession(connector=connector)

    async def stop(self) -> None:
        """Close the client."""
        if self._session is not None:
            await self._session.close()

    async def post(self, post: Post) -> int:
        """Post until the provider is content; gives the last answer's status."""
        status, turn = NO_CONNECTION, next(self._turns)
        end_s = time.monotonic() + post.patience.total_s
        for repeat, pause_s in enumerate((0.0, *post.patience.pauses_s)):
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.sleep(min(pause_s, left_s))
            url = post.urls[(turn + repeat) % len(post.urls)]
            body, headers = post.write(url, repeat)
            timeout_s = min(post.patience.request_s, end_s - time.monotonic())
            status = await self._request(url, body, headers, timeout_s=timeout_s)
            if not post.patience.wants(status):
                break
        return status

    async def _request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> int:
        """Post once."""
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except aiohttp.ClientConnectorError:
            return NO_CONNECTION
        except (aiohttp.ClientError, TimeoutError):
            return NO_ANSWER
