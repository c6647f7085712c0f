"""What a command that was done answers: the response of its RPC, kept with the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import routing_service_pb2 as work

from services.routing.core.domain import Changes, Domain
from services.routing.shell.wire.nouns import (
    Place,
    agent_message,
    assignment_message,
    work_message,
)


def result_of(message: asks.RoutingInput, after: Domain, changes: Changes) -> Message | None:
    """The response, None for commands that are not of an RPC. `changes` has what has ended."""
    kind = message.WhichOneof("kind") or ""
    answer = _ANSWERS.get(kind)
    return None if answer is None else answer(getattr(message, kind), after, changes)


def _agent(said: Any, after: Domain, _: Changes) -> model.Agent:
    agent_id = said.agent.agent_id if isinstance(said, asks.UpsertAgent) else said.agent_id
    return agent_message(after.agents[agent_id], _place(after))


def _assignment(said: Any, after: Domain, _: Changes) -> model.Assignment:
    return assignment_message(after.assignments[after.work[said.work_id].assignment_id])


def _work(said: Any, after: Domain, changes: Changes) -> model.WorkItem:
    name = said.work_id or after.wanted[said.conversation_id]
    return work_message(changes.work.get(name) or after.work[name], _place(after))


def _place(domain: Domain) -> Place:
    return Place(domain.tenant_id, domain.domain_id)


_ANSWERS: Mapping[str, Callable[[Any, Domain, Changes], Message]] = {
    "upsert_agent": lambda *at: agents.UpsertAgentResponse(agent=_agent(*at)),
    "set_skills": lambda *at: agents.SetSkillsResponse(agent=_agent(*at)),
    "set_capacities": lambda *at: agents.SetCapacitiesResponse(agent=_agent(*at)),
    "remove_agent": lambda *_: agents.RemoveAgentResponse(),
    "assign_work": lambda *at: work.AssignResponse(assignment=_assignment(*at)),
    "claim_work": lambda *at: work.ClaimResponse(assignment=_assignment(*at)),
    "transfer_work": lambda *at: work.TransferResponse(work=_work(*at)),
    "escalate_work": lambda *at: work.EscalateResponse(work=_work(*at)),
    "reprioritise_work": lambda *at: work.ReprioritiseResponse(work=_work(*at)),
    "withdraw_work": lambda *at: work.WithdrawResponse(work=_work(*at)),
}
