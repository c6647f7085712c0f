"""All services on one bus, in one process, on one clock: everything there is in a run."""

from __future__ import annotations

from collections.abc import Awaitable
from random import Random
from typing import Any

from google.protobuf.message import Message

from services.chassis.bus.commands import OutcomeUnknown
from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.processor import Processor
from services.chassis.rpc.errors import RpcError, Unavailable
from tests.simulation.agents import Agents
from tests.simulation.calls import Calls
from tests.simulation.clock import Clock, turn
from tests.simulation.customers import Customers
from tests.simulation.doors import Accounts, Edge, accounts
from tests.simulation.group import Effector, Group
from tests.simulation.history import History, Trace
from tests.simulation.parts import SERVICES, Parts, Policies
from tests.simulation.provider import Provider
from tests.simulation.replies import Replies
from tests.simulation.sessions import HEARTBEAT_MS
from tests.simulation.supervisors import Supervisors
from tests.simulation.weather import Weather
from tests.support.memory_bus import MemoryBus

PARTITIONS = 4
TENANTS = ("north", "south")


class Nobody:
    """Who would be told of lost calls, for processors that make none."""

    def adopt(self, dispatches: object) -> None:
        """Nothing to do."""


class World:
    """The bus, the databases, the processes, and the people. `dice` decides everything."""

    def __init__(self, seed: int, clock: Clock, *, parts: Parts, aloud: bool = False) -> None:
        self.dice = Random(seed)
        self.time = clock
        self.weather = parts.weather(self.dice)
        self.policies = Policies.drawn(self.dice)
        self.tenants = TENANTS
        self.trace = Trace(aloud=aloud)
        self.parts = parts
        self.bus = MemoryBus(PARTITIONS, self.clock)
        self.history = History(self.bus)
        self.stores = {name: parts.store(tables) for name, tables in SERVICES.items()}
        self.known_accounts = {
            name: account
            for tenant in TENANTS
            for name, account in accounts(tenant, self.dice).items()
        }
        self.accounts = Accounts(self.known_accounts)
        self.edge = Edge(self.bus, self.stores, self._falters)
        self.provider = Provider(self)
        self.customers = Customers(self)
        self.agents = Agents(self)
        self.replies = Replies(self)
        self.supervisors = Supervisors(self)
        self.groups = {name: self._group(name) for name in parts.processors}
        self._beat_ms = self.clock()  # when the edges renew their leases next

    def _falters(self) -> bool:
        return self.weather.unaccepted > 0 and self.dice.random() < self.weather.unaccepted

    def _group(self, name: str) -> Group:
        def make(owner: str) -> tuple[Processor[Any], Effector | None]:
            process = self.parts.processors[name]
            if name != "intake.delivery":
                return process(self.policies, Nobody()), None
            calls = Calls(self, f"{name}-{owner}")
            return process(self.policies, calls), calls

        return Group(self, make, self.stores[name.partition(".")[0]], self.history)

    # time

    def clock(self) -> int:
        """The time, unix milliseconds."""
        return self.time.now_ms()

    now_ms = clock  # as the services' `Clock`

    async def pass_ms(self, duration_ms: int, *, awake: bool = True) -> None:
        """Let time pass; while awake, edges keep their sessions alive."""
        until_ms = self.clock() + duration_ms
        while awake and self._beat_ms <= until_ms:
            self.time.pass_ms(max(0, self._beat_ms - self.clock()))
            await self.agents.sessions.beat()
            self._beat_ms = self.clock() + HEARTBEAT_MS
        self.time.pass_ms(max(0, until_ms - self.clock()))

    # what people do

    async def put(self, topic: str, key: str, message: Message) -> bool:
        """Put a record on the bus; whether its sender was told that it is there."""
        try:
            await self.edge.publish(topic, key, message)
        except BusUnavailable:
            return False
        return True

    async def attempt(self, call: Awaitable[object]) -> None:
        """Make a call that may be refused, or end in nobody knowing, as most do here."""
        try:
            await call
        except (OutcomeUnknown, Unavailable):
            pass
        except (BusUnavailable, RpcError) as error:
            self.note(f"  refused: {error}")

    def note(self, what: str) -> None:
        """Remember a step."""
        self.trace.note(self.clock(), what)

    # rest

    def becalm(self) -> Weather:
        """From now on nothing of ours goes wrong; returns the weather before."""
        before, self.weather = self.weather, self.weather.calmed()
        return before

    async def settle(self) -> None:
        """Process, publish, deliver until nothing moves."""
        moved = True
        while moved:
            await turn()
            moved = False
            for group in self.groups.values():
                moved |= await group.settle_once()
            while self.provider.is_busy:
                self.note(await self.provider.act())
                moved = True
                await turn()

    def next_due_ms(self) -> int | None:
        """When the earliest timer of all is due."""
        due = (
            member.node.engine.next_due_ms()
            for group in self.groups.values()
            for member in group.members
        )
        return min((at for at in due if at is not None), default=None)
