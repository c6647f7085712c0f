"""Everybody who takes part in a run: opened together, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from itertools import chain, islice
from random import Random
from types import TracebackType

from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceStub
from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceStub

from local import jsonl
from local.demo import setting
from local.demo.bot import Bot, Desk, Habits
from local.demo.doors import Doors
from local.demo.figures import Figures
from local.demo.handsets import Handsets
from local.demo.order import Order
from local.demo.people import planted_at, strangers
from local.demo.places import Places
from local.demo.script import Script, known_wanted
from local.home import Home
from local.verify.ledgers import PROVIDER

KNOWN_MAX = 3_000


class Stage:
    """Doors, agents and handsets of one run."""

    def __init__(self, places: Places, order: Order, figures: Figures, run: str) -> None:
        """Prepare; entering it opens connections."""
        self._places = places
        self._order = order
        self._figures = figures
        self._run = run
        self._random = Random(f"{order.seed}/{run}")  # noqa: S311 - traffic, no secret
        self._stack = AsyncExitStack()
        self._bots: list[Bot] = []
        self._handsets: Handsets | None = None
        people = strangers(self._random, order.doors)
        planted = list(islice(people, planted_at(order.doors)))
        self._known = list(islice(people, min(KNOWN_MAX, known_wanted(messages=order.messages))))
        self.script = Script(self._random, chain(planted, people), self._known)
        self.doors = Doors(places, figures, run, order.doors)

    async def __aenter__(self) -> Stage:
        """Open connections."""
        await self._stack.__aenter__()
        self._intake = self._places.channel("intake")
        self._routing = self._places.channel("routing")
        for channel in (self._intake, self._routing):
            self._stack.push_async_callback(channel.close)
        await self.doors.open()
        self._stack.push_async_callback(self.doors.close)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Sign off and close connections."""
        await self._stack.__aexit__(kind, error, trace)

    async def set_scene(self, home: Home) -> None:
        """Write accounts, agents and known customers; let agents and handsets come on line."""
        names = [f"agent-{number:03d}" for number in range(1, self._order.agents + 1)]
        await setting.set_up_accounts(home, self._places)
        await setting.sign_on_agents(self._places, self._routing, names)
        await setting.introduce(self._places, self._intake, self._known)
        await self._start_agents(names)
        taken = sum(each["kind"] == "accepted" for each in jsonl.read(home.ledgers / PROVIDER))
        self._handsets = Handsets(self._places, self._figures, self._random, self._run, taken)
        self._background(self._handsets.listen())

    def is_idle(self) -> bool:
        """Tell whether nobody has anything in hand."""
        listening = self._handsets is None or self._handsets.is_idle
        return listening and all(bot.is_idle for bot in self._bots)

    async def _start_agents(self, names: list[str]) -> None:
        desk = Desk(
            places=self._places,
            figures=self._figures,
            run=self._run,
            agents=AgentServiceStub(self._routing),
            conversations=ConversationServiceStub(self._intake),
            habits=Habits(),
        )
        self._bots = [Bot(name, desk, self._random) for name in names]
        for bot in self._bots:
            self._background(bot.run())
            self._stack.push_async_callback(bot.stop)
        await asyncio.gather(*(bot.wait_signed_on() for bot in self._bots))

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(end)
