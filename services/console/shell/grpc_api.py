"""ConsoleService: one stream a browser, a snapshot and then what changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from switchboard.console.v1 import console_service_pb2 as pb
from switchboard.console.v1.console_service_pb2_grpc import ConsoleServiceServicer

from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import Unavailable
from services.console.core.looking import difference
from services.console.core.model import View
from services.console.metrics import Metrics
from services.console.shell.hub import Hub, Hubs
from services.console.shell.wire import change_message, snapshot_message

PACE_SECONDS: Final = 0.25
HEARTBEAT_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 20.0


class ConsoleApi(ConsoleServiceServicer):
    """The servicer."""

    def __init__(self, hubs: Hubs, *, clock: Clock, metrics: Metrics) -> None:
        self._hubs = hubs
        self._clock = clock
        self._metrics = metrics

    async def WatchWallboard(
        self, request: pb.WatchWallboardRequest, context: Any
    ) -> AsyncIterator[pb.WatchWallboardResponse]:
        """The caller's board. Every stream begins with a snapshot: the gateway keeps nothing.

        A browser that does not take what it is sent is dropped; nothing is queued for it meanwhile.
        """
        pools = frozenset(request.pools)
        at = caller().tenant_id, request.domain, _bearer(context)
        async with self._hubs.looking(*at) as hub:
            steps = self._steps(hub, pools)
            async for response in steps:
                began = asyncio.get_running_loop().time()
                yield response
                if asyncio.get_running_loop().time() - began > STALLED_SECONDS:
                    self._metrics.dropped.inc()
                    raise Unavailable("too slow; connect again", retry_ms=1000)

    async def _steps(
        self, hub: Hub, pools: frozenset[str]
    ) -> AsyncIterator[pb.WatchWallboardResponse]:
        told = hub.view(pools)
        snapshot = snapshot_message(told, self._clock.now_ms())
        yield pb.WatchWallboardResponse(snapshot=snapshot, replace=True)
        while True:
            version = hub.board.version
            response, told = self._step(told, hub.view(pools))
            if response is not None:
                yield response
                await asyncio.sleep(PACE_SECONDS)
                continue
            await hub.changes(version, HEARTBEAT_SECONDS)
            if hub.board.version == version:
                now = pb.WallboardHeartbeat(now_ms=self._clock.now_ms())
                yield pb.WatchWallboardResponse(heartbeat=now)

    def _step(self, told: View, now: View) -> tuple[pb.WatchWallboardResponse | None, View]:
        change = difference(told, now)
        if change is None:
            return None, now
        message = change_message(change, self._clock.now_ms())
        return pb.WatchWallboardResponse(change=message), now


def _bearer(context: Any) -> str:
    """The caller's token, which the upstream watches are made with."""
    header = dict(context.invocation_metadata())["authorization"]
    return str(header).partition(" ")[2]
