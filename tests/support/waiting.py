"""Waits on a state with a generous deadline: the only way a test lets time pass."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

DEADLINE_S = 30.0
PAUSE_S = 0.02

T = TypeVar("T")


@overload
async def until(
    check: Callable[[], Awaitable[T]], *, what: str, deadline_s: float = DEADLINE_S
) -> T: ...


@overload
async def until(check: Callable[[], T], *, what: str, deadline_s: float = DEADLINE_S) -> T: ...


async def until(
    check: Callable[[], T | Awaitable[T]], *, what: str, deadline_s: float = DEADLINE_S
) -> T:
    """Ask until the answer is true; gives that answer.

    Raises:
        AssertionError: The deadline passed; the text says what was waited for and the last answer.
    """
    end = time.monotonic() + deadline_s
    while True:
        answer = check()
        found: T = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline_s:.0f} s; last seen: {found!r}")
        await _pause()


def until_now(check: Callable[[], T], *, what: str, deadline_s: float = DEADLINE_S) -> T:
    """As `until`, for tests without a loop."""
    end = time.monotonic() + deadline_s
    while not (found := check()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline_s:.0f} s; last seen: {found!r}")
        threading.Event().wait(PAUSE_S)
    return found


async def _pause() -> None:
    """Let the loop turn for a moment."""
    try:
        async with asyncio.timeout(PAUSE_S):
            await asyncio.get_running_loop().create_future()
    except TimeoutError:
        return
