"""Supervisors and agents who step in: through the doors of RoutingService, at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import routing_service_pb2 as pb

from services.chassis.rpc.auth import Caller, set_caller
from services.routing.shell import rows
from services.routing.shell.commands import Commands
from services.routing.shell.grpc_api.interventions import Interventions
from services.routing.shell.store import RoutingStore
from services.routing.shell.wire import nouns
from services.routing.shell.wire.nouns import Place
from tests.simulation.parts import POOLS, SKILL
from tests.support.memory_store import MemoryStore

if TYPE_CHECKING:
    from tests.simulation.sessions import Agent
    from tests.simulation.world import World

_NEXT = model.SUPPORT_LEVEL_UNSPECIFIED
_LEVELS = (_NEXT, _NEXT, *model.SupportLevel.values()[1:])


class Floors(RoutingStore):
    """What the doors read of the tables, in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._rows = store.rows

    async def work(self, tenant_id: str, work_id: str) -> model.WorkItem | None:
        """One piece of work."""
        found = await self._rows.select("work", tenant_id=tenant_id, work_id=work_id)
        return nouns.work_message(rows.work_of(found[0]), _place(found[0])) if found else None

    async def agent(self, tenant_id: str, agent_id: str) -> model.Agent | None:
        """One agent who was not removed."""
        found = await self._rows.select(
            "agent", tenant_id=tenant_id, agent_id=agent_id, is_removed=False
        )
        return nouns.agent_message(rows.agent_of(found[0]), _place(found[0])) if found else None


class Supervisors:
    """Those who step in. Their calls have ids of their own, and may be made twice."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._doors = Interventions(
            store=Floors(world.stores["routing"]),
            commands=Commands(world.edge, world, timeout_s=1.0),
        )
        self._calls = 0
        self._last: tuple[Agent, str, str, Message] | None = None

    async def act(self) -> str:
        """Somebody does something to some work, or to an agent."""
        dice = self._world.dice
        if self._last is not None and dice.random() < self._world.weather.repeats:
            return f"again {await self._call(*self._last)}"
        agent = dice.choice(self._world.agents.agents)
        if dice.random() < 0.1:
            return await self._change(agent)
        tables = self._world.stores["routing"].rows
        found = await tables.select("work", tenant_id=agent.place.tenant_id)
        open_ = [row for row in found if row["is_open"]]
        if not found:
            return "nothing to step in for"
        row = dice.choice(open_ if open_ and dice.random() < 0.9 else found)
        return await self._step_in(agent, row)

    async def pass_on(self, agent: Agent, work_id: str) -> str:
        """An agent gives up what they have: to the pool, to somebody, or up the ladder."""
        if self._world.dice.random() < 0.5:
            return await self._call(agent, "agent", "escalate", self._escalation(work_id))
        return await self._call(agent, "agent", "transfer", self._transfer(agent, work_id))

    async def rescue(self, agent: Agent, work_id: str) -> str:
        """Give work to an agent whatever they can do."""
        request = pb.AssignRequest(work_id=work_id, agent_id=agent.agent_id, override=True)
        return await self._call(agent, "supervisor", "assign", request)

    async def _step_in(self, agent: Agent, row: dict[str, Any]) -> str:
        dice, work_id = self._world.dice, row["work_id"]
        match dice.randrange(10):
            case 0 | 1:
                request: Message = pb.AssignRequest(
                    work_id=work_id, agent_id=agent.agent_id, override=dice.random() < 0.3
                )
                return await self._call(agent, "supervisor", "assign", request)
            case 2:
                request = pb.ClaimRequest(work_id=work_id)
                return await self._call(agent, "agent", "claim", request)
            case 3 | 4:
                request = self._transfer(agent, work_id)
                return await self._call(agent, "supervisor", "transfer", request)
            case 5:
                request = self._escalation(work_id)
                return await self._call(agent, "supervisor", "escalate", request)
            case 6:
                return await self._clock_escalates(agent, row)
            case 7 | 8:
                request = pb.ReprioritiseRequest(
                    work_id=work_id, priority=dice.choice((-10, 0, 15, 50))
                )
                return await self._call(agent, "supervisor", "reprioritise", request)
            case _:
                request = pb.WithdrawRequest(work_id=work_id, reason="nobody needs it")
                return await self._call(agent, "supervisor", "withdraw", request)

    def _transfer(self, agent: Agent, work_id: str) -> pb.TransferRequest:
        dice = self._world.dice
        theirs = [a for a in self._world.agents.agents if a.place == agent.place]
        skills = [model.SkillRequirement(name=SKILL, min_level=dice.choice((1, 3)))]
        return pb.TransferRequest(
            work_id=work_id,
            pool=dice.choice(POOLS),
            agent_id=dice.choice(theirs).agent_id if dice.random() < 0.4 else "",
            skills=skills if dice.random() < 0.2 else [],
            reason="somebody else knows better",
        )

    def _escalation(self, work_id: str) -> pb.EscalateRequest:
        level = self._world.dice.choice(_LEVELS)
        return pb.EscalateRequest(work_id=work_id, level=level, reason="agent")

    async def _clock_escalates(self, agent: Agent, row: dict[str, Any]) -> str:
        """As a clock does that is broken: by conversation, without waiting for an answer."""
        said = asks.EscalateWork(conversation_id=row["conversation_id"], reason="sla_breach")
        commands = Commands(self._world.edge, self._world, timeout_s=1.0)
        call = commands.publish(agent.place, "escalate_work", said, actor="service/sla.clocks")
        await self._world.attempt(call)
        return f"a clock escalates {row['conversation_id'][:8]}"

    async def _change(self, agent: Agent) -> str:
        """An agent can do something else, or goes and comes back."""
        dice, sessions = self._world.dice, self._world.agents.sessions
        match dice.randrange(3):
            case 0:
                skills = [model.Skill(name=SKILL, level=dice.randint(1, 5))]
                changed = asks.SetSkills(agent_id=agent.agent_id, skills=skills)
                return await sessions.submit(agent, "set_skills", changed)
            case 1:
                capacity = dice.choice((25, 50, 100))
                resized = asks.SetCapacities(agent_id=agent.agent_id, capacity=capacity)
                return await sessions.submit(agent, "set_capacities", resized)
            case _:
                await sessions.sign_off(agent)
                removed = asks.RemoveAgent(agent_id=agent.agent_id)
                await sessions.submit(agent, "remove_agent", removed)
                return await self._world.agents.hire_one(agent)

    async def _call(self, agent: Agent, role: str, name: str, request: Any) -> str:
        if not request.request_id:
            self._calls += 1
            request.request_id = f"intervention-{self._calls}"
        self._last = (agent, role, name, request)
        subject = agent.agent_id if role == "agent" else f"{agent.place.tenant_id}-lead"
        set_caller(Caller(agent.place.tenant_id, subject, frozenset({role}), float("inf")))
        await self._world.attempt(getattr(self._doors, name)(request))
        return f"{subject}: {name} {request.work_id[:8]}"


def _place(row: dict[str, Any]) -> Place:
    return Place(row["tenant_id"], row["domain_id"])
