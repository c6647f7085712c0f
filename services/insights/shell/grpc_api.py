"""InsightsService: windows, the indicators over them, and a stream of both. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from switchboard.insights.v1 import insights_service_pb2 as pb
from switchboard.insights.v1.insights_service_pb2_grpc import InsightsServiceServicer

from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.paging import position_of, token_after
from services.chassis.rpc.planned import planned
from services.insights.core.formulas import indicators
from services.insights.core.model import WindowKey
from services.insights.shell.store import PostgresStore, Wanted
from services.insights.shell.watching import KpiWatch
from services.insights.shell.wire import channel_name, indicator_messages, window_message

PAGE_SIZE: Final = 500


class InsightsApi(InsightsServiceServicer):
    """The servicer. What it does not define answers UNIMPLEMENTED; the README lists it."""

    def __init__(self, *, store: PostgresStore, watch: KpiWatch, clock: Clock) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock

    async def GetKpis(self, request: pb.GetKpisRequest, _: Any) -> pb.GetKpisResponse:
        """Windows of a period of the caller's tenant, and the indicators over all of them."""
        tenant_id = caller().tenant_id
        wanted = Wanted(
            tenant_id=tenant_id,
            from_ms=request.from_ms,
            to_ms=request.to_ms or self._clock.now_ms(),
            pool=request.pool,
            channel=channel_name(request.channel),
        )
        position = position_of(request)
        size = request.page_size or PAGE_SIZE
        found = await self._store.windows(
            wanted, after=WindowKey(tenant_id, *position) if position else None, limit=size + 1
        )
        response = pb.GetKpisResponse(
            windows=[window_message(window) for window in found[:size]],
            indicators=indicator_messages(indicators(await self._store.sums(wanted))),
        )
        if len(found) > size:
            last = found[size - 1].key
            response.next_page_token = token_after(
                request, [last.start_ms, last.pool, last.channel]
            )
        return response

    async def WatchKpis(
        self, request: pb.WatchKpisRequest, _: Any
    ) -> AsyncIterator[pb.WatchKpisResponse]:
        """The last hour of the caller's tenant, then every change."""
        stream = self._watch.stream(
            tenant_id=caller().tenant_id,
            pool=request.pool,
            channel=channel_name(request.channel),
            resume_token=request.resume_token,
        )
        async for response in stream:
            yield response

    ListGoals = planned
    UpsertGoal = planned
    DeleteGoal = planned
