"""What every watch RPC does alike: resume tokens as text, heartbeats, and errors as answers."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from services.chassis.bus.tail import Overrun
from services.chassis.bus.watch import BadToken
from services.chassis.rpc.errors import InvalidArgument, Unavailable, Violation

HEARTBEAT_SECONDS: Final = 15.0
RETRY_MS: Final = 1000
R = TypeVar("R")


def token_text(token: bytes) -> str:
    """A resume token as it is handed out."""
    return base64.urlsafe_b64encode(token).decode()


def token_bytes(text: str) -> bytes:
    """A resume token as `Watch.stream` takes it. Raises `InvalidArgument`."""
    try:
        return base64.b64decode(text.encode(), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _refused("the resume token cannot be read") from None


async def watched(
    changes: AsyncGenerator[R, None],
    *,
    heartbeat: Callable[[], R],
    seconds: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[R]:
    """`changes`, and a heartbeat whenever nothing has come for a while.

    Raises `InvalidArgument` for a token that is not ours, `Unavailable` for a reader that is too
    slow: it goes on from its token.
    """
    pending = asyncio.ensure_future(anext(changes))
    async with aclosing(changes):
        try:
            while True:
                done, _ = await asyncio.wait({pending}, timeout=seconds)
                if not done:
                    yield heartbeat()
                    continue
                response = pending.result()
                pending = asyncio.ensure_future(anext(changes))
                yield response
        except BadToken as error:
            raise _refused(str(error)) from error
        except Overrun as error:
            raise Unavailable("too slow; go on from your token", retry_ms=RETRY_MS) from error
        finally:
            pending.cancel()
            await asyncio.wait({pending})


def _refused(why: str) -> InvalidArgument:
    description = f"{why}; watch without a token"
    return InvalidArgument(description, violations=[Violation("resume_token", description)])
