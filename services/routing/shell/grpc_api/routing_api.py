"""RoutingService: what waits, who has it, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from switchboard.routing.v1 import routing_service_pb2 as pb
from switchboard.routing.v1.routing_service_pb2_grpc import RoutingServiceServicer

from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import NotFound
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.chassis.rpc.planned import planned
from services.routing.shell.filters import WORK_FIELDS, parse
from services.routing.shell.grpc_api.callers import place
from services.routing.shell.grpc_api.interventions import Interventions
from services.routing.shell.store import RoutingStore
from services.routing.shell.watching import QueueWatch


class RoutingApi(RoutingServiceServicer):
    """The servicer. What is `planned` answers UNIMPLEMENTED; the README lists it."""

    def __init__(
        self,
        *,
        store: RoutingStore,
        interventions: Interventions,
        watch: QueueWatch,
        clock: Clock,
    ) -> None:
        self._store = store
        self._interventions = interventions
        self._watch = watch
        self._clock = clock

    async def GetQueues(self, request: pb.GetQueuesRequest, _: Any) -> pb.GetQueuesResponse:
        """The queues of a domain at this moment."""
        where = place(request.domain)
        queues = await self._store.queues(where.tenant_id, where.domain_id, request.pools)
        return pb.GetQueuesResponse(queues=queues, now_ms=self._clock.now_ms())

    async def ListWork(self, request: pb.ListWorkRequest, _: Any) -> pb.ListWorkResponse:
        """A page of open work, next first."""
        size, where = page_size(request), place(request.domain)
        found = await self._store.work_page(
            where.tenant_id,
            where.domain_id,
            parse(request.filter, WORK_FIELDS),
            after=position_of(request),
            limit=size + 1,
        )
        page = pb.ListWorkResponse(work=found[:size])
        if len(found) > size:
            last = found[size - 1]
            position = [last.priority, last.arrived_at_ms, last.work_id]
            page.next_page_token = token_after(request, position)
        return page

    async def GetWork(self, request: pb.GetWorkRequest, _: Any) -> pb.GetWorkResponse:
        """One piece of work with its offers."""
        work = await self._store.work(caller().tenant_id, request.work_id)
        if work is None:
            raise NotFound("no such work", reason="WORK_NOT_FOUND")
        return pb.GetWorkResponse(work=work, offers=await self._store.offers_of(work.work_id))

    async def ExplainDecision(
        self, request: pb.ExplainDecisionRequest, _: Any
    ) -> pb.ExplainDecisionResponse:
        """A decision with all that it was made from."""
        tenant_id, earlier = caller().tenant_id, list[str]()
        name = request.decision_id
        if request.HasField("work_id"):
            name, *earlier = [*await self._store.decisions_of(tenant_id, request.work_id), ""]
        decision = await self._store.decision(tenant_id, name)
        if decision is None:
            raise NotFound("no such decision", reason="DECISION_NOT_FOUND")
        if request.HasField("decision_id"):
            known = list(await self._store.decisions_of(tenant_id, decision.work_id))
            earlier = known[known.index(name) + 1 :] if name in known else []
        return pb.ExplainDecisionResponse(
            decision=decision, earlier_decision_ids=[each for each in earlier if each]
        )

    async def WatchQueues(
        self, request: pb.WatchQueuesRequest, _: Any
    ) -> AsyncIterator[pb.WatchQueuesResponse]:
        """The queues and the open work, then every change."""
        stream = self._watch.stream(place(request.domain), request.pools, request.resume_token)
        async for response in stream:
            yield response

    async def Assign(self, request: pb.AssignRequest, _: Any) -> pb.AssignResponse:
        """Give work to an agent."""
        return await self._interventions.assign(request)

    async def Claim(self, request: pb.ClaimRequest, _: Any) -> pb.ClaimResponse:
        """Take work that waits."""
        return await self._interventions.claim(request)

    async def Transfer(self, request: pb.TransferRequest, _: Any) -> pb.TransferResponse:
        """Pass work on."""
        return await self._interventions.transfer(request)

    async def Escalate(self, request: pb.EscalateRequest, _: Any) -> pb.EscalateResponse:
        """Move work up the ladder."""
        return await self._interventions.escalate(request)

    async def Reprioritise(
        self, request: pb.ReprioritiseRequest, _: Any
    ) -> pb.ReprioritiseResponse:
        """Give work another priority."""
        return await self._interventions.reprioritise(request)

    async def Withdraw(self, request: pb.WithdrawRequest, _: Any) -> pb.WithdrawResponse:
        """End work that nobody needs."""
        return await self._interventions.withdraw(request)

    Simulate = planned
