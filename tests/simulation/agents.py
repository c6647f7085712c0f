"""Agents at work. They answer, hesitate, decline, leave, repeat themselves, and come late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as model

from services.routing.shell.topics import DEFAULT_DOMAIN
from services.routing.shell.wire.nouns import Place
from tests.simulation.parts import POOLS, SKILL
from tests.simulation.sessions import Agent, Sessions

if TYPE_CHECKING:
    from tests.simulation.world import World

Rows = Sequence[dict[str, Any]]

_PENDING = intake.CONVERSATION_STATUS_PENDING
_RESOLVED = intake.CONVERSATION_STATUS_RESOLVED
_STATUSES = (
    intake.CONVERSATION_STATUS_OPEN,
    _PENDING,
    _RESOLVED,
    intake.CONVERSATION_STATUS_CLOSED,
)


class Agents:
    """The agents of all tenants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.agents: list[Agent] = []
        self.sessions = Sessions(world)

    async def hire(self, tenant_id: str) -> None:
        """Two to four people; the first can do everything."""
        dice = self._world.dice
        for number in range(dice.randint(2, 4)):
            agent = Agent(
                Place(tenant_id, DEFAULT_DOMAIN),
                f"{tenant_id}-agent-{number}",
                languages=() if number == 0 else dice.choice(((), ("en",), ("de", "sv"))),
                capacity=dice.choice((25, 50, 100)),
                skill=5 if number == 0 else dice.choice((0, 2, 3)),
                pools=POOLS if number == 0 else POOLS[:1],
                level=model.SUPPORT_LEVEL_L2 if number == 0 else model.SUPPORT_LEVEL_L1,
            )
            self.agents.append(agent)
            await self.hire_one(agent)

    async def hire_one(self, agent: Agent) -> str:
        """Define an agent, perhaps anew."""
        said = asks.UpsertAgent(agent=_defined(agent))
        return await self.sessions.submit(agent, "upsert_agent", said)

    async def hire_again(self) -> None:
        """Define those who were removed, and whose new beginning Kafka did not take."""
        tables = self._world.stores["routing"].rows
        known = {row["agent_id"] for row in await tables.select("agent", is_removed=False)}
        for agent in self.agents:
            if agent.agent_id not in known:
                agent.holder = None
                await self.hire_one(agent)

    async def act(self) -> str:
        """Somebody does something."""
        dice, weather = self._world.dice, self._world.weather
        if dice.random() < weather.repeats / 4:
            return await self.sessions.repeat()
        agent = dice.choice(self.agents)
        if agent.holder is not None and dice.random() < weather.leaves:
            return await self.sessions.leave(agent)
        if agent.holder is None or dice.random() < 0.05:
            return await self.sessions.sign_on(agent)
        return await self._work(dice.choice(await self._busy() or [agent]))

    async def desk(self, agent: Agent) -> tuple[Rows, Rows]:
        """Open offers and assignments of an agent."""
        tables, mine = self._world.stores["routing"].rows, agent.agent_id
        offers = await tables.select("offer", agent_id=mine, state="PENDING")
        return offers, await tables.select("assignment", agent_id=mine, is_open=True)

    async def accept(self, agent: Agent, offer_id: str) -> str:
        """Say yes."""
        agent.old_offers.append(offer_id)
        said = pb.AgentSessionRequest(accept=pb.SessionAccept(offer_id=offer_id))
        return await self.sessions.state(agent, said)

    async def wind_up(self, agent: Agent, held: dict[str, Any]) -> None:
        """Answer, resolve and be done."""
        if held["state"] == "WRAP_UP":
            await self._end_wrap_up(agent, held["work_id"])
            return
        conversation_id = await self._conversation_of(held["work_id"])
        await self._world.replies.reply(agent, conversation_id, _RESOLVED)
        await self._complete(agent, held["work_id"])

    async def _busy(self) -> list[Agent]:
        """Those who have something to do and a session for it."""
        tables = self._world.stores["routing"].rows
        found = [
            *await tables.select("offer", state="PENDING"),
            *await tables.select("assignment", is_open=True),
        ]
        names = {row["agent_id"] for row in found}
        return [a for a in self.agents if a.agent_id in names and a.holder is not None]

    async def _work(self, agent: Agent) -> str:
        """Answer an offer, or get on with what one has."""
        dice = self._world.dice
        offers, held = await self.desk(agent)
        if agent.old_offers and dice.random() < self._world.weather.repeats / 4:
            return await self.accept(agent, dice.choice(agent.old_offers))
        if offers and (not held or dice.random() < 0.6):
            return await self._answer(agent, str(dice.choice(offers)["offer_id"]))
        if held:
            return await self._go_on(agent, dice.choice(held))
        return f"{agent.agent_id} waits"

    async def _answer(self, agent: Agent, offer_id: str) -> str:
        dice = self._world.dice
        if dice.random() >= self._world.weather.ignores:
            return await self.accept(agent, offer_id)
        if dice.random() < 0.5:
            return f"{agent.agent_id} ignores {offer_id[:8]}"
        said = pb.AgentSessionRequest(decline=pb.SessionDecline(offer_id=offer_id))
        return await self.sessions.state(agent, said)

    async def _go_on(self, agent: Agent, held: dict[str, Any]) -> str:
        """One step in the work that one has."""
        dice, replies = self._world.dice, self._world.replies
        if held["state"] == "WRAP_UP":
            return await self._end_wrap_up(agent, held["work_id"])
        name = await self._conversation_of(held["work_id"])
        match dice.randrange(13):
            case 0 | 1 | 2:
                return await replies.reply(agent, name)
            case 3 | 4 | 5:
                return await replies.reply(agent, name, dice.choice((_PENDING, _RESOLVED)))
            case 6 | 7:
                return await replies.set_status(agent, name, dice.choice(_STATUSES))
            case 8:
                return await replies.note(agent, name)
            case 9:
                return await self._world.supervisors.pass_on(agent, held["work_id"])
            case _:
                return await self._complete(agent, held["work_id"])

    async def _complete(self, agent: Agent, work_id: str) -> str:
        done = pb.SessionComplete(work_id=work_id, reason="answered")
        return await self.sessions.state(agent, pb.AgentSessionRequest(complete=done))

    async def _end_wrap_up(self, agent: Agent, work_id: str) -> str:
        done = pb.SessionEndWrapUp(work_id=work_id)
        return await self.sessions.state(agent, pb.AgentSessionRequest(end_wrap_up=done))

    async def _conversation_of(self, work_id: str) -> str:
        [work] = await self._world.stores["routing"].rows.select("work", work_id=work_id)
        return str(work["conversation_id"])


def _defined(agent: Agent) -> model.Agent:
    return model.Agent(
        agent_id=agent.agent_id,
        domain=DEFAULT_DOMAIN,
        display_name=agent.agent_id,
        capacity=agent.capacity,
        pools=agent.pools,
        level=agent.level,
        languages=agent.languages,
        skills=[model.Skill(name=SKILL, level=agent.skill)] if agent.skill else [],
    )
