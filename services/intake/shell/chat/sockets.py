"""The protocol of chat's web sockets: uvicorn's, with bounds.

uvicorn closes a connection once all that was written is gone, and waits for that as long as the
peer keeps the connection up. A peer that takes nothing is cut instead.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.server import ServerProtocol

from services.intake.shell.chat.frames import FRAME_BYTES_MAX

STALLED_SECONDS: Final = 8.0


class ChatSocket(WebSocketsSansIOProtocol):
    """One connection: messages of at most `FRAME_BYTES_MAX`, uncompressed, and no stalled peer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = ServerProtocol(max_size=FRAME_BYTES_MAX)  # without extensions: nothing inflates
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whatever the kernel does not take at once counts as stalled."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer."""
        self._relax()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer takes no more."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer has taken all."""
        self._relax()
        super().resume_writing()

    def _relax(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
