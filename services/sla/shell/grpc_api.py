"""SlaService: which promises run, and what they promise. Reads only; clocks follow the facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from switchboard.sla.v1 import model_pb2 as model
from switchboard.sla.v1 import sla_service_pb2 as pb
from switchboard.sla.v1.sla_service_pb2_grpc import SlaServiceServicer

from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import NotFound
from services.chassis.rpc.paging import Position, page_size, position_of, token_after
from services.chassis.rpc.planned import planned
from services.sla.core.budget import due_at_ms
from services.sla.core.policies import POLICY_ID, PolicyTable
from services.sla.ports import ClockReader, Listed, Place
from services.sla.shell.watching import ClockWatch
from services.sla.shell.wire import clock_message, metric_of, policy_message


class SlaApi(SlaServiceServicer):
    """The servicer. What it does not define answers UNIMPLEMENTED; the README lists it."""

    def __init__(
        self, *, reader: ClockReader, watch: ClockWatch, policies: PolicyTable, clock: Clock
    ) -> None:
        self._reader = reader
        self._watch = watch
        self._policies = policies
        self._clock = clock

    async def GetClocks(self, request: pb.GetClocksRequest, _: Any) -> pb.GetClocksResponse:
        """The clocks of a conversation by start; none where the tenant has no such conversation."""
        found = await self._reader.of_conversation(caller().tenant_id, request.conversation_id)
        return pb.GetClocksResponse(clocks=self._messages(found))

    async def ListAtRisk(self, request: pb.ListAtRiskRequest, _: Any) -> pb.ListAtRiskResponse:
        """Running clocks, next due first. No clock knows its pool yet: asked for one, none fit."""
        metric = metric_of(request.metric)
        if request.pool or (request.metric and metric is None):
            return pb.ListAtRiskResponse()
        size = page_size(request)
        position = position_of(request)
        found = await self._reader.at_risk(
            caller().tenant_id,
            until_ms=self._clock.now_ms() + request.within_ms if request.within_ms else None,
            metric=metric,
            after=Place(*position) if position else None,
            limit=size + 1,
        )
        response = pb.ListAtRiskResponse(clocks=self._messages(found[:size]))
        if len(found) > size:
            response.next_page_token = token_after(request, _position(found[size - 1]))
        return response

    async def WatchSla(
        self, request: pb.WatchSlaRequest, _: Any
    ) -> AsyncIterator[pb.WatchSlaResponse]:
        """Open clocks, then every change of the caller's tenant."""
        async for response in self._watch.stream(caller().tenant_id, request.resume_token):
            yield response

    async def GetPolicy(self, request: pb.GetPolicyRequest, _: Any) -> pb.GetPolicyResponse:
        """A version of the policy; 0 means the one in force."""
        in_force = self._policies.in_force(self._clock.now_ms())
        policy = self._policies.version(request.version) if request.version else in_force
        if request.policy_id != POLICY_ID or policy is None:
            raise NotFound(f"no such policy; there is `{POLICY_ID}`", reason="POLICY_NOT_FOUND")
        return pb.GetPolicyResponse(policy=policy_message(policy))

    async def ListPolicies(
        self, request: pb.ListPoliciesRequest, _: Any
    ) -> pb.ListPoliciesResponse:
        """The policy in force; there is one for all tenants so far."""
        position_of(request)
        in_force = self._policies.in_force(self._clock.now_ms())
        return pb.ListPoliciesResponse(policies=[policy_message(in_force)])

    UpsertPolicy = planned
    GetCalendar = planned
    ListCalendars = planned
    UpsertCalendar = planned
    Evaluate = planned
    BreachForecast = planned

    def _messages(self, found: Sequence[Listed]) -> list[model.Clock]:
        now_ms = self._clock.now_ms()
        return [
            clock_message(
                item.clock,
                tenant_id=item.tenant_id,
                conversation_id=item.conversation_id,
                at_ms=now_ms,
            )
            for item in found
        ]


def _position(last: Listed) -> Position:
    course = last.clock.course
    return [due_at_ms(course), last.conversation_id, course.metric, course.cycle]
