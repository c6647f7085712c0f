"""Invariant 7: the clocks are those that the facts make, in whatever order they come."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.intake.shell.topics import CONVERSATIONS
from services.sla.core.commands import Command, Judge, Observe
from services.sla.core.decide import decide
from services.sla.core.evolve import evolve
from services.sla.core.model import Conversation, Fact
from services.sla.core.policies import PolicyTable
from services.sla.core.steps import steps
from services.sla.core.timeline import courses
from services.sla.shell.rows import conversations_of
from services.sla.shell.wire import fact_of
from tests.simulation.judges.reading import check, records, rows
from tests.simulation.world import World
from tests.unit.sla.story import essence


async def judge(world: World) -> None:
    """Each conversation's clocks, against its events on the topic and any order of them."""
    policies, now_ms = world.policies.clocks, world.clock()
    told = _facts(world)
    stored = conversations_of(await rows(world, "fact"), await rows(world, "clock"))
    for name in sorted(told):
        known = stored.get(name) or Conversation(name, "")
        plain = sorted(
            (course.metric, course.cycle, repr(course), steps(course, now_ms))
            for course in courses(sorted(told[name]), policies)
        )
        check(essence(known) == plain, f"clocks of {name}: {essence(known)}, by facts {plain}")
        shuffled = _shuffled(name, told[name], now_ms, policies, world.dice)
        check(essence(shuffled) == plain, f"clocks of {name} in another order are not the same")


def _facts(world: World) -> dict[str, list[Fact]]:
    told: dict[str, list[Fact]] = defaultdict(list)
    for record in records(world, CONVERSATIONS):
        event = ConversationEvent.FromString(record.value)
        fact = fact_of(event, record.append_ms)
        if fact is not None:
            told[event.conversation.conversation_id].append(fact)
    return told


def _shuffled(
    name: str, facts: list[Fact], now_ms: int, policies: PolicyTable, dice: Random
) -> Conversation:
    """The conversation after its facts came in any order, some of them twice."""
    conversation = Conversation(name, "")
    order = dice.sample([*facts, *facts[::2]], len(facts) + len(facts[::2]))
    commands: list[Command] = [*map(Observe, order), Judge()]
    for command in commands:
        for event in decide(conversation, command, now_ms, policies):
            conversation = evolve(conversation, event)
    return conversation
