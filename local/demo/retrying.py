"""Calls that are repeated until they are answered: the request id makes a repeat harmless."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

TIMEOUT_S = 10.0
PATIENCE_S = 300.0
"""People and providers come back for longer than an outage lasts: what is given up is no fault."""
PAUSE_S = 0.2
PAUSE_S_MAX = 2.0
WORTH_REPEATING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    }
)


async def call(
    method: Callable[..., Awaitable[Any]],
    request: Any,
    *,
    metadata: tuple[tuple[str, str], ...],
    patience_s: float = PATIENCE_S,
) -> Any:
    """Call with a deadline, again and again while an answer is only a matter of time.

    Raises:
        grpc.aio.AioRpcError: The call was refused, or patience ran out.
    """
    end_s = time.monotonic() + patience_s
    pause_s = PAUSE_S
    while True:
        try:
            return await method(request, metadata=metadata, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() not in WORTH_REPEATING or time.monotonic() > end_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)
