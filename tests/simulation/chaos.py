"""The steps of a run: one thing at a time, to somebody, as the dice say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from switchboard.engine.v1 import control_pb2
from switchboard.intake.v1.commands_pb2 import IntakeInput

from services.chassis.bus.record import Record
from services.intake.shell.topics import INPUTS
from tests.simulation.clock import turn
from tests.simulation.connection import Fault, PowerCut
from tests.simulation.group import APPLIED, Group, Member
from tests.simulation.judges.replay import CONTROL_KEY
from tests.simulation.world import World

Act = Callable[[World], Awaitable[str]]


async def step(world: World) -> None:
    """One thing happens, somewhere, and a moment passes."""
    acts, weights = zip(*_ACTS, strict=True)
    [act] = world.dice.choices(acts, weights)
    world.note(await act(world))
    await turn()
    await world.pass_ms(world.dice.choice((0, 1, 10, 100)))


# processes


async def _fetch(world: World) -> str:
    """A process is given some of what there is, and may publish at once what follows."""
    group, member = _somebody(world, lambda member: _is_behind(world, member))
    records = _some(world, member)
    if not records:
        return f"{member.owner} finds nothing"
    result = await group.process(member, records, _fault(world), world.dice)
    if result == APPLIED and world.dice.random() < 0.5:
        result = await _publish_of(world, group, member)
    return f"{member.owner} applies {len(records)}: {result}"


def _some(world: World, member: Member) -> list[Record]:
    dice, found = world.dice, []
    for number, shard in sorted(member.node.engine.shards.items()):
        for topic, offset in sorted(shard.offsets.items()):
            most = dice.randint(0, 2) if dice.random() < world.weather.lag else 100
            found += world.bus.read(topic, number, offset, most)
    return found


def _fault(world: World) -> Fault:
    dice, weather = world.dice, world.weather
    if dice.random() < weather.crash:
        return dice.choice((Fault.DIES_BEFORE, Fault.DIES_AFTER))
    if dice.random() < weather.outage:
        return dice.choice((Fault.AWAY, Fault.LOST_BEFORE, Fault.LOST_AFTER))
    return Fault.NONE


async def _publish(world: World) -> str:
    group, member = _somebody(world, lambda member: member.node.relay.unpublished > 0)
    return f"{member.owner}: {await _publish_of(world, group, member)}"


async def _publish_of(world: World, group: Group, member: Member) -> str:
    """A process publishes all it has; it may have to do so twice, or die in the middle."""
    waiting = member.node.relay.unpublished
    dice, weather = world.dice, world.weather
    dies = waiting > 0 and dice.random() < weather.crash
    fails = dies or (waiting > 0 and dice.random() < weather.unpublished)
    part = dice.randint(0, waiting) if fails else None
    try:
        await member.publish(fail_after=part, dies=dies)
    except PowerCut:
        group.kill(member, dice)
        return f"dies after publishing {part} of {waiting}"
    if dice.random() < 0.5:
        await member.node.relay.forget()
    return f"publishes {waiting}{', some of it twice' if fails else ''}"


async def _tick(world: World) -> str:
    _, member = _somebody(world, lambda member: member.node.engine.next_due_ms() is not None)
    await member.node.ticker.step()
    return f"{member.owner} ticks"


async def _assign(world: World) -> str:
    """A process learns of its shards, or stops, or the shards are dealt anew."""
    dice, weather = world.dice, world.weather
    group = dice.choice(list(world.groups.values()))
    if await group.tell():
        return f"{group.name}: a process is told of its shards"
    if dice.random() < weather.freeze:
        member = dice.choice(group.members)
        group.freeze(member, dice)
        return f"{member.owner} freezes"
    if dice.random() < weather.rebalance:
        group.deal(dice)
        return f"{group.name}: shards are dealt anew"
    return await _fetch(world)


# the outside


async def _provide(world: World) -> str:
    """The provider answers a call or reports; the caller may be dead by then."""
    if not world.provider.is_busy:
        return await _fetch(world)
    if world.provider.calls and world.dice.random() < 5 * world.weather.crash:
        call = world.dice.choice(world.provider.calls)
        group = world.groups["intake.delivery"]
        group.kill(group.called(call.owner), world.dice)
        return f"{call.owner} dies in a call"
    return await world.provider.act()


async def _pass_time(world: World) -> str:
    if world.dice.random() < world.weather.nights:
        hours = world.dice.choice((1, 8, 80))
        await world.pass_ms(hours * 3_600_000, awake=False)
        return f"{hours} hours pass"
    await world.pass_ms(world.dice.choice((3_000, 10_000, 25_000)))
    return "time passes"


async def _poison(world: World) -> str:
    """Somebody writes what nobody can read; later somebody tries it again, or gives it up."""
    if world.dice.random() >= world.weather.poison:
        return await _fetch(world)
    letters = world.stores["intake"].open_letters()
    if not letters or world.dice.random() < 0.5:
        world.bus.append(INPUTS, b"%d" % world.clock(), b"\xff\xff")
        return "somebody writes what nobody can read"
    letter = world.dice.choice(letters)
    replay = control_pb2.ReplayDeadLetter(dead_letter_id=letter.dead_letter_id)
    discard = control_pb2.DiscardDeadLetter(dead_letter_id=letter.dead_letter_id)
    control = world.dice.choice(
        (
            control_pb2.Control(replay_dead_letter=replay),
            control_pb2.Control(discard_dead_letter=discard),
        )
    )
    message = IntakeInput(control=control)
    world.bus.append(INPUTS, CONTROL_KEY, message.SerializeToString(), partition=letter.partition)
    return f"dead letter: {control.WhichOneof('kind')}"


_ACTS: tuple[tuple[Act, int], ...] = (
    (_fetch, 30),
    (_publish, 15),
    (_assign, 8),
    (_tick, 4),
    (lambda world: world.customers.act(), 10),
    (lambda world: world.customers.answer_survey(), 2),
    (lambda world: world.agents.act(), 20),
    (lambda world: world.supervisors.act(), 4),
    (_provide, 9),
    (_pass_time, 3),
    (_poison, 1),
)


def _somebody(world: World, has_to: Callable[[Member], bool]) -> tuple[Group, Member]:
    """A process, if possible one that has something to do."""
    everybody = [
        (group, member)
        for group in world.groups.values()
        for member in (*group.members, *group.zombies)
    ]
    return world.dice.choice([pair for pair in everybody if has_to(pair[1])] or everybody)


def _is_behind(world: World, member: Member) -> bool:
    logs = world.bus.logs
    return any(
        offset < len(logs.get((topic, number), ()))
        for number, shard in member.node.engine.shards.items()
        for topic, offset in shard.offsets.items()
    )
