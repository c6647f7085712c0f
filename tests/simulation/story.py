"""One run: chaos in two parts with a rest after each, then everything comes to its end."""

from __future__ import annotations

from dataclasses import dataclass

from switchboard.intake.v1 import model_pb2 as intake

from services.routing.core.triage.decide import SETTLE_MS
from tests.simulation import chaos, judges
from tests.simulation.clock import Clock, run
from tests.simulation.group import Violation
from tests.simulation.judges import marks
from tests.simulation.parts import Parts
from tests.simulation.world import World

STEPS = 300
PARTS = 2
ROUNDS_MAX = 400
"""How often everything may be asked to come to rest before it counts as stuck."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run was: its hash, and the kinds of things that happened in it."""

    digest: str
    marks: frozenset[str]
    steps: int


def play(
    seed: int, *, steps: int = STEPS, parts: Parts | None = None, aloud: bool = False
) -> Outcome:
    """Play a seed from beginning to end. Raises `Violation`, or whatever a service raises."""
    clock = Clock()
    return run(clock, _play(World(seed, clock, parts=parts or Parts(), aloud=aloud), steps))


async def _play(world: World, steps: int) -> Outcome:
    world.note(f"{world.weather}")
    await _begin(world)
    for _ in range(PARTS):
        for _ in range(steps // PARTS):
            await chaos.step(world)
        weather = world.becalm()
        await _rest(world)
        world.weather = weather
    world.becalm()
    await _finish(world)
    await judges.at_the_end(world)
    world.trace.seal(world.bus, world.stores)
    return Outcome(world.trace.digest(), await marks.of(world), world.trace.steps)


async def _begin(world: World) -> None:
    """Shards are dealt, agents are hired and sign on."""
    weather = world.becalm()
    for group in world.groups.values():
        group.deal(world.dice)
    for tenant_id in world.tenants:
        await world.agents.hire(tenant_id)
    for agent in world.agents.agents:
        await world.agents.sessions.sign_on(agent)
    await world.settle()
    world.weather = weather


async def _rest(world: World) -> None:
    """Zombies wake up, everything settles, and what must hold at rest is looked at."""
    for group in world.groups.values():
        for line in await group.wake_zombies(world.dice):
            world.note(line)
    await world.settle()
    await world.pass_ms(SETTLE_MS + 1)
    await world.settle()
    world.note("at rest")
    await judges.at_rest(world)


async def _finish(world: World) -> None:
    """All is worked off and everybody goes; then time passes until nothing awaits anything."""
    for _ in range(ROUNDS_MAX):
        if not await _work_off(world):
            break
        await world.pass_ms(2_000)
        await world.settle()
    else:
        raise Violation(f"work is left: {await _open_conversations(world)}")
    for agent in world.agents.agents:
        await world.agents.sessions.sign_off(agent)
    for _ in world.customers.people:
        world.note(await world.customers.answer_survey())
    for _ in range(ROUNDS_MAX):
        await world.settle()
        due_ms = world.next_due_ms()
        if due_ms is None:
            return
        late_ms = world.dice.choice((0, 1_000, 3_600_000))
        await world.pass_ms(max(0, due_ms - world.clock()) + late_ms, awake=False)
    raise Violation("timers go on for ever")


async def _work_off(world: World) -> bool:
    """One round of everybody at work; False once nothing is left to do."""
    await world.agents.hire_again()
    await world.settle()
    busy = False
    for agent in world.agents.agents:
        if agent.holder is None or world.dice.random() < 0.1:
            await world.agents.sessions.sign_on(agent)
        offers, held = await world.agents.desk(agent)
        for offer in offers:
            await world.agents.accept(agent, offer["offer_id"])
        for assignment in held:
            await world.agents.wind_up(agent, assignment)
        busy = busy or bool(offers) or bool(held)
    left = await _open_conversations(world)
    at_rest = await _rescue(world)
    for row in left:
        if row["status"] == "PENDING" or row["conversation_id"] in at_rest:
            agent = next(a for a in world.agents.agents if a.place.tenant_id == row["tenant_id"])
            resolved = intake.CONVERSATION_STATUS_RESOLVED
            await world.replies.set_status(agent, row["conversation_id"], resolved)
    return busy or bool(left)


async def _rescue(world: World) -> set[str]:
    """Give what nobody could be offered to somebody; gives whose work was withdrawn instead."""
    tables = world.stores["routing"].rows
    open_ = await tables.select("work", state=["QUEUED", "OFFERED", "ASSIGNED"])
    for row in open_:
        first = next(a for a in world.agents.agents if a.place.tenant_id == row["tenant_id"])
        if row["state"] == "QUEUED":
            await world.supervisors.rescue(first, row["work_id"])
    made = await tables.select("decision", kind="MANUAL")
    withdrawn = {row["conversation_id"] for row in made if row["reason"] == "withdraw"}
    return withdrawn - {row["conversation_id"] for row in open_}


async def _open_conversations(world: World) -> list[dict[str, str]]:
    tables = world.stores["intake"].rows
    return await tables.select("conversation", status=["OPEN", "PENDING"])
