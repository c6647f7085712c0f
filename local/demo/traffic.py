"""The flow of messages: open loop, so that a slow stack is not spared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from local.demo.order import Order
from local.demo.script import Script, Utterance

IN_FLIGHT_MAX = 2_000
"""Bounds memory where nothing is answered; reached only then."""


async def flow(order: Order, script: Script, send: Callable[[Utterance], Awaitable[None]]) -> None:
    """Send every message at its own moment; returns when the last has been answered."""
    room = asyncio.Semaphore(IN_FLIGHT_MAX)
    began_s = time.monotonic()

    async def one(utterance: Utterance) -> None:
        try:
            await send(utterance)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        for number in range(order.messages):
            at_s = number / order.rate
            await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
            await room.acquire()
            group.create_task(one(script.next(at_s)))
