"""What people do to work by hand: from requests to commands, and the outcome back.

Nothing is judged here that the matcher judges: it decides in order with all that happens, and keeps
the outcome for whoever repeats the request. Work that no domain has ever had is not found.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import routing_service_pb2 as pb

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import FailedPrecondition, NotFound, PermissionDenied
from services.routing.core.refusals import Reason
from services.routing.shell.commands import Commands
from services.routing.shell.grpc_api.callers import actor, only_their_own, place, result
from services.routing.shell.store import RoutingStore

R = TypeVar("R", bound=Message)


class Interventions:
    """The commands of RoutingService."""

    def __init__(self, *, store: RoutingStore, commands: Commands) -> None:
        self._store = store
        self._commands = commands

    async def assign(self, request: pb.AssignRequest) -> pb.AssignResponse:
        """Give work to an agent."""
        said = asks.AssignWork(
            work_id=request.work_id, agent_id=request.agent_id, override=request.override
        )
        return await self._do("assign_work", said, request.request_id, pb.AssignResponse)

    async def claim(self, request: pb.ClaimRequest) -> pb.ClaimResponse:
        """Take work, for oneself or, above agents, for the one who is named."""
        agent_id = request.agent_id or caller().subject
        if only_their_own() not in ("", agent_id):
            raise PermissionDenied("an agent claims for themselves only", reason="NOT_YOURSELF")
        said = asks.ClaimWork(work_id=request.work_id, agent_id=agent_id)
        return await self._do("claim_work", said, request.request_id, pb.ClaimResponse)

    async def transfer(self, request: pb.TransferRequest) -> pb.TransferResponse:
        """Pass work on."""
        said = asks.TransferWork(
            work_id=request.work_id,
            pool=request.pool,
            agent_id=request.agent_id,
            skills=request.skills,
            reason=request.reason,
            held_by=only_their_own(),
        )
        return await self._do("transfer_work", said, request.request_id, pb.TransferResponse)

    async def escalate(self, request: pb.EscalateRequest) -> pb.EscalateResponse:
        """Move work up the ladder."""
        said = asks.EscalateWork(
            work_id=request.work_id,
            level=request.level,
            reason=request.reason,
            skills=request.skills,
            held_by=only_their_own(),
        )
        return await self._do("escalate_work", said, request.request_id, pb.EscalateResponse)

    async def reprioritise(self, request: pb.ReprioritiseRequest) -> pb.ReprioritiseResponse:
        """Give work another priority."""
        said = asks.ReprioritiseWork(work_id=request.work_id, priority=request.priority)
        response = pb.ReprioritiseResponse
        return await self._do("reprioritise_work", said, request.request_id, response)

    async def withdraw(self, request: pb.WithdrawRequest) -> pb.WithdrawResponse:
        """End work that nobody needs."""
        said = asks.WithdrawWork(work_id=request.work_id, reason=request.reason)
        return await self._do("withdraw_work", said, request.request_id, pb.WithdrawResponse)

    async def _do(
        self,
        kind: str,
        said: asks.AssignWork
        | asks.ClaimWork
        | asks.TransferWork
        | asks.EscalateWork
        | asks.ReprioritiseWork
        | asks.WithdrawWork,
        request_id: str,
        response: type[R],
    ) -> R:
        """Ask the domain that has the work. Raises the refusal."""
        work = await self._store.work(caller().tenant_id, said.work_id)
        if work is None:
            raise NotFound("no such work", reason=Reason.WORK_NOT_FOUND)
        where = place(work.domain)
        outcome = await self._commands.submit(
            where, kind, said, request_id=request_id, actor=actor()
        )
        await self._check_domain(outcome, getattr(said, "agent_id", ""), where.domain_id)
        return result(outcome, response)

    async def _check_domain(self, outcome: CommandOutcome, agent_id: str, domain_id: str) -> None:
        """Say of an agent who is not found in the domain that they are in another, if so."""
        if outcome.accepted or outcome.reason != Reason.AGENT_NOT_FOUND:
            return
        agent = await self._store.agent(caller().tenant_id, agent_id)
        if agent is not None and agent.domain != domain_id:
            detail = f"{agent_id} works in the domain {agent.domain}, the work is in {domain_id}"
            raise FailedPrecondition(detail, reason="OTHER_DOMAIN")
