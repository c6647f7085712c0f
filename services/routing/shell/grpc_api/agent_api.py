"""AgentService: who the agents are, and their sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceServicer

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import FailedPrecondition, NotFound
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.routing.shell.commands import Commands
from services.routing.shell.filters import AGENT_FIELDS, parse
from services.routing.shell.grpc_api.callers import actor, place, result
from services.routing.shell.grpc_api.conversing import Conversing
from services.routing.shell.store import RoutingStore


class AgentApi(AgentServiceServicer):
    """The servicer."""

    def __init__(self, *, store: RoutingStore, commands: Commands, conversing: Conversing) -> None:
        self._store = store
        self._commands = commands
        self._conversing = conversing

    async def UpsertAgent(self, request: pb.UpsertAgentRequest, _: Any) -> pb.UpsertAgentResponse:
        """Create an agent, or replace what they can do."""
        agent, where = request.agent, place(request.agent.domain)
        known = await self._store.agent(where.tenant_id, agent.agent_id)
        if known is not None and known.domain != where.domain_id:
            raise FailedPrecondition(
                f"the agent works in the domain {known.domain}", reason="OTHER_DOMAIN"
            )
        outcome = await self._commands.submit(
            where,
            "upsert_agent",
            asks.UpsertAgent(agent=agent),
            request_id=request.request_id,
            actor=actor(),
        )
        return result(outcome, pb.UpsertAgentResponse)

    async def GetAgent(self, request: pb.GetAgentRequest, _: Any) -> pb.GetAgentResponse:
        """One agent as they are now."""
        agent = await self._store.agent(caller().tenant_id, request.agent_id)
        if agent is None:
            raise NotFound("no such agent", reason="AGENT_NOT_FOUND")
        return pb.GetAgentResponse(agent=agent)

    async def ListAgents(self, request: pb.ListAgentsRequest, _: Any) -> pb.ListAgentsResponse:
        """A page of agents by id."""
        size, position, where = page_size(request), position_of(request), place(request.domain)
        found = await self._store.agents(
            where.tenant_id,
            where.domain_id,
            parse(request.filter, AGENT_FIELDS),
            after=position[0] if position else "",
            limit=size + 1,
        )
        page = pb.ListAgentsResponse(agents=found[:size])
        if len(found) > size:
            page.next_page_token = token_after(request, [found[size - 1].agent_id])
        return page

    async def AgentSession(
        self, request_iterator: AsyncIterator[pb.AgentSessionRequest], _: Any
    ) -> AsyncIterator[pb.AgentSessionResponse]:
        """One agent at work."""
        async for response in self._conversing.serve(request_iterator):
            yield response

    async def SetSkills(self, request: pb.SetSkillsRequest, _: Any) -> pb.SetSkillsResponse:
        """Replace what an agent can do."""
        said = asks.SetSkills(agent_id=request.agent_id, skills=request.skills)
        outcome = await self._change("set_skills", said, request.request_id)
        return result(outcome, pb.SetSkillsResponse)

    async def SetCapacities(
        self, request: pb.SetCapacitiesRequest, _: Any
    ) -> pb.SetCapacitiesResponse:
        """Replace which channels an agent serves, and how much of them."""
        said = asks.SetCapacities(
            agent_id=request.agent_id, channels=request.channels, capacity=request.capacity
        )
        outcome = await self._change("set_capacities", said, request.request_id)
        return result(outcome, pb.SetCapacitiesResponse)

    async def RemoveAgent(self, request: pb.RemoveAgentRequest, _: Any) -> pb.RemoveAgentResponse:
        """Remove an agent who holds no work."""
        said = asks.RemoveAgent(agent_id=request.agent_id)
        outcome = await self._change("remove_agent", said, request.request_id)
        return result(outcome, pb.RemoveAgentResponse)

    async def _change(self, kind: str, said: Any, request_id: str) -> CommandOutcome:
        """Ask the domain where the agent is, or was: a repeat finds its answer there."""
        tenant_id = caller().tenant_id
        domain_id = await self._store.domain_of_agent(tenant_id, said.agent_id)
        if domain_id is None:
            raise NotFound("no such agent", reason="AGENT_NOT_FOUND")
        where = place(domain_id)
        return await self._commands.submit(where, kind, said, request_id=request_id, actor=actor())
