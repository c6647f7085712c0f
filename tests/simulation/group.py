"""The processes of one processor: they share its shards, die, freeze, and are dealt shards anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from services.chassis.bus.fates import BusUnavailable, Fenced
from services.chassis.bus.processor import Processor
from services.chassis.bus.record import Record
from services.chassis.bus.store import Store
from tests.simulation.connection import Connection, Fault, PowerCut, Witness
from tests.support.memory_bus import MemoryBus
from tests.support.world import Node, Surroundings

SIZE = 2
APPLIED = "done"
DEATHS_IN_A_ROW_MAX = 2
"""Deaths before a commit, with no commit between: the engine condemns a record after three."""


class Violation(AssertionError):
    """Something that must never happen has happened."""


class Effector(Protocol):
    """What makes a process's effects outside, and dies with it."""

    def hear(self, fact: object) -> None:
        """A listener of the engine."""

    def cut(self) -> None:
        """The process is gone."""

    def check(self) -> None:
        """Raise what has broken in it, if anything has."""


class Member:
    """One process: a node with its own connection."""

    def __init__(
        self,
        world: Surroundings,
        processor: Processor[Any],
        connection: Connection,
        owner: str,
        effector: Effector | None,
    ) -> None:
        self.owner = owner
        self.connection = connection
        self.effector = effector
        self.node = Node(world, processor, connection, owner)
        if effector is not None:
            self.node.engine.listeners.append(effector.hear)

    def unread(self, bus: MemoryBus) -> list[Record]:
        """All that the member has yet to apply, as far as it knows."""
        return [
            record
            for number, shard in sorted(self.node.engine.shards.items())
            for topic, offset in sorted(shard.offsets.items())
            for record in bus.read(topic, number, offset, 1000)
        ]

    async def publish(self, *, fail_after: int | None = None, dies: bool = False) -> None:
        """Publish what waits; a failure comes after that many records. Raises `PowerCut`."""
        publisher = self.node.publisher
        publisher.fail_after = fail_after
        publisher.failure = PowerCut() if dies else BusUnavailable("told to")
        try:
            await self.node.relay.publish_waiting()
        finally:
            publisher.fail_after = None


Make = Callable[[str], tuple[Processor[Any], Effector | None]]  # by the process's name


class Group:
    """All processes of one processor, those included that do not know yet that they are out."""

    def __init__(self, world: Surroundings, make: Make, store: Store, witness: Witness) -> None:
        self._world = world
        self._make = make
        self._store = store
        self._witness = witness
        self._born = 0
        self._deaths = 0
        self._to_tell: list[tuple[Member, list[int]]] = []
        self.zombies: list[Member] = []
        self.fates: set[str] = set()
        self.members = [self._born_member() for _ in range(SIZE)]
        self.name = self.members[0].node.processor.name

    def _born_member(self) -> Member:
        self._born += 1
        owner = f"{self._born}"
        processor, effector = self._make(owner)
        name = f"{processor.name}-{owner}"
        connection = Connection(self._store, name, self._witness)
        return Member(self._world, processor, connection, name, effector)

    # shards

    def deal(self, dice: Random) -> None:
        """Deal the shards anew; each process hears of it when it is told."""
        hands: dict[int, list[int]] = {index: [] for index in range(len(self.members))}
        for shard in range(self._world.bus.partitions):
            hands[dice.randrange(len(self.members))].append(shard)
        self._to_tell = [(self.members[index], hand) for index, hand in hands.items()]
        dice.shuffle(self._to_tell)

    async def tell(self) -> bool:
        """Tell the next process of its shards; False where all know theirs."""
        if not self._to_tell:
            return False
        member, hand = self._to_tell.pop(0)
        await member.node.engine.assign(hand)
        return True

    # life and death

    def kill(self, member: Member, dice: Random) -> None:
        """The process is gone; another one starts, and the shards are dealt anew."""
        self._bury(member)
        if member in self.zombies:
            self.zombies.remove(member)
            return
        self.members[self.members.index(member)] = self._born_member()
        self.deal(dice)

    def freeze(self, member: Member, dice: Random) -> None:
        """The process stops; the others take over. It will wake up and go on where it was."""
        self.members[self.members.index(member)] = self._born_member()
        self.zombies.append(member)
        self.deal(dice)

    def called(self, owner: str) -> Member:
        """The process of that name, in the group or out of it."""
        return next(m for m in (*self.members, *self.zombies) if m.owner == owner)

    async def wake_zombies(self, dice: Random) -> list[str]:
        """Each publishes what it has and goes on where it was: nobody may let it. Says how."""
        while await self.tell():
            pass
        lines = []
        for zombie in tuple(self.zombies):
            await zombie.publish()
            records = zombie.unread(self._world.bus)
            result = "finds nothing"
            if records:
                result = await self.process(zombie, records, Fault.NONE, dice)
            if zombie in self.zombies:
                self.kill(zombie, dice)
            lines.append(f"{zombie.owner} wakes up: {result}")
        return lines

    def _bury(self, member: Member) -> None:
        if member.effector is not None:
            member.effector.cut()

    # work

    async def settle_once(self) -> bool:
        """Everybody fetches all there is and publishes all they have; whether anything moved."""
        moved = False
        while await self.tell():
            moved = True
        for member in self.members:
            await member.node.ticker.step()
            moved |= bool(await member.node.fetch())
            moved |= member.node.relay.unpublished > 0
            await member.publish()
            if member.effector is not None:
                member.effector.check()
        return moved

    async def process(
        self, member: Member, records: Sequence[Record], fault: Fault, dice: Random
    ) -> str:
        """Let a process apply records; says how it ended."""
        result = await self._process(member, records, fault, dice)
        self.fates.add(result)
        return result

    async def _process(
        self, member: Member, records: Sequence[Record], fault: Fault, dice: Random
    ) -> str:
        if fault is Fault.DIES_BEFORE and self._deaths >= DEATHS_IN_A_ROW_MAX:
            fault = Fault.NONE
        member.connection.fault = fault
        try:
            await member.node.engine.process(records)
        except PowerCut:
            self._deaths += fault is Fault.DIES_BEFORE
            self.kill(member, dice)
            return fault.value
        except Fenced:
            self._check_fenced(member, records)
            self.kill(member, dice)
            return "is fenced"
        finally:
            member.connection.fault = Fault.NONE
        self._deaths = 0
        return APPLIED if fault is Fault.NONE else fault.value

    def _check_fenced(self, member: Member, records: Sequence[Record]) -> None:
        shards = {record.partition for record in records}
        if self._witness.owns(member.owner, self.name, shards):
            raise Violation(f"{member.owner} was fenced off shards {sorted(shards)}, its own")
