"""What keeps sessions alive in the matcher's eyes, and what ends them there.

This process is an edge: it renews one lease in every domain in which it holds sessions. If it dies,
the lease runs out and with it the sessions; those that end before that it sees off one by one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from switchboard.routing.v1 import commands_pb2 as asks

from services.chassis.bus.fates import BusUnavailable
from services.chassis.ids import new_id
from services.chassis.lifecycle import Background
from services.routing.core.policies import SESSION_LEASE_MS
from services.routing.metrics import Metrics
from services.routing.shell.commands import Commands
from services.routing.shell.sessions.stream import Holder
from services.routing.shell.wire.nouns import Place

HEARTBEAT_MS: Final = SESSION_LEASE_MS // 3
RETRY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Lease:
    """The edge that this process is. Every start is another one."""

    def __init__(self, *, commands: Commands, background: Background, metrics: Metrics) -> None:
        self.edge_id = new_id()
        self._commands = commands
        self._background = background
        self._metrics = metrics
        self._closing: deque[tuple[Holder, bool]] = deque()
        self._to_close = asyncio.Event()
        self._all_closed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, places: Callable[[], Iterable[Place]]) -> None:
        """Renew the lease in `places()`, as they are each time, and see off who leaves."""
        self._tasks = [
            self._background.spawn(self._renew(places), name="session leases"),
            self._background.spawn(self._see_off(), name="session ends"),
        ]

    async def stop(self) -> None:
        """See off the sessions that have just ended, unless Kafka takes its time."""
        if self._closing:
            self._all_closed.clear()
            try:
                await asyncio.wait_for(self._all_closed.wait(), STOP_SECONDS)
            except TimeoutError:
                log.warning("sessions_left_to_their_lease", sessions=len(self._closing))
        for task in self._tasks:
            task.cancel()

    def see_off(self, holder: Holder, *, signed_off: bool) -> None:
        """Tell the matcher that a session has ended, however long that takes."""
        self._closing.append((holder, signed_off))
        self._to_close.set()

    async def _renew(self, places: Callable[[], Iterable[Place]]) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_MS / 1000)
            leaving = {holder.place for holder, _ in self._closing}
            for place in leaving | set(places()):
                said = asks.SessionHeartbeat(edge_id=self.edge_id)
                try:
                    await self._commands.publish(place, "session_heartbeat", said, actor="")
                except BusUnavailable:
                    self._metrics.heartbeats_failed.inc()

    async def _see_off(self) -> None:
        while True:
            await self._to_close.wait()
            self._to_close.clear()
            while self._closing:
                await self._see_first_off()
            self._all_closed.set()

    async def _see_first_off(self) -> None:
        holder, signed_off = self._closing[0]
        said = asks.SessionClosed(
            agent_id=holder.agent_id,
            session_id=holder.session_id,
            signed_off=signed_off,
            edge_id=holder.edge_id,
        )
        actor = f"agent/{holder.agent_id}"
        try:
            await self._commands.publish(holder.place, "session_closed", said, actor=actor)
        except BusUnavailable:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._closing.popleft()
