"""The flow of messages: open loop, so that a slow stack is not spared.

An interrupt (Ctrl-C) ends the traffic early; the run goes on to its end and is judged. The next one
ends the run.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

from local.demo.order import Order
from local.demo.script import Script, Utterance

IN_FLIGHT_MAX = 2_000
"""Bounds memory where nothing is answered; reached only then."""


async def flow(order: Order, script: Script, send: Callable[[Utterance], Awaitable[None]]) -> None:
    """Send every message at its own moment; returns when the last has been answered."""
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, enough.set)
    try:
        await _flow(order, script, send, enough)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _flow(
    order: Order,
    script: Script,
    send: Callable[[Utterance], Awaitable[None]],
    enough: asyncio.Event,
) -> None:
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
            if enough.is_set():
                break
            await room.acquire()
            group.create_task(one(script.next(at_s)))
