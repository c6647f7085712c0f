"""The clocks processor on the engine in memory: what it reads, writes, forgets and takes over."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.sla.v1.events_pb2 import SlaEvent

from services.chassis.bus.headers import stamp
from services.chassis.bus.store import Stamp
from services.sla.core.policies import MINUTE_MS
from services.sla.shell.consumers import Clocks
from tests.support.conversations import TOPIC, Thread
from tests.support.world import Node, World
from tests.unit.sla.story import POLICIES

T0 = 1_000_000


@pytest.fixture
def world() -> World:
    return World(lambda: Clocks(POLICIES), partitions=1)


def announced(world: World) -> list[SlaEvent]:
    """What a reader of the topic applies: each sequence of a partition once."""
    once = {
        (record.partition, record.header("sb_seq")): record
        for record in world.published("sla.events.v1")
    }
    return [SlaEvent.FromString(record.value) for record in once.values()]


def said(world: World) -> list[str]:
    """Every announcement, as `metric/cycle what`."""
    events = announced(world)
    return [
        f"{event.clock.clock_id.split('/', 1)[1]} {event.WhichOneof('kind')}" for event in events
    ]


def held(node: Node) -> set[str]:
    """The conversations in memory."""
    return {name for shard in node.engine.shards.values() for name in shard.state.conversations}


async def step_to(world: World, node: Node, now_ms: int) -> None:
    """Let time come to `now_ms` in silence."""
    world.now_ms = now_ms
    await node.ticker.step()
    await node.settle()


def tell(world: World, thread: Thread, *events: object) -> None:
    for event in events:
        world.send(event, topic=TOPIC, key=thread.conversation_id)


def publish(world: World, thread: Thread, *events: tuple[int, ConversationEvent]) -> None:
    """Append events as an outbox does, each with its number in the writer's sequence."""
    for number, event in events:
        headers = stamp("intake.threader", 0, Stamp(0, number))
        key, value = thread.conversation_id.encode(), event.SerializeToString()
        world.bus.append(TOPIC, key, value, headers)


async def test_a_conversation_is_clocked_from_the_first_message_to_the_end(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.opened(T0), thread.writes(T0))
    await node.settle()
    world.now_ms += 5 * MINUTE_MS
    tell(world, thread, thread.replied(world.now_ms), thread.resolved(world.now_ms))
    await node.settle()
    assert said(world) == [
        "first_response/1 started",
        "resolution/1 started",
        "first_response/1 met",
        "resolution/1 met",
    ]
    assert node.engine.next_due_ms() is None


async def test_silence_warns_twice_and_breaches_once(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.writes(T0))
    await node.settle()
    for minutes in (29, 30, 45, 60, 61):
        await step_to(world, node, T0 + minutes * MINUTE_MS)
    spoken = [line for line in said(world) if line.startswith("first")]
    assert [line.split()[1] for line in spoken] == ["started", "warned", "warned", "breached"]


async def test_a_breach_tells_when_it_was_due_and_when_it_was_seen(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.writes(T0))
    await node.settle()
    await step_to(world, node, T0 + 90 * MINUTE_MS)
    events = announced(world)
    [breach] = [event for event in events if event.HasField("breached")]
    assert breach.breached.due_at_ms == breach.occurred_at_ms == T0 + 60 * MINUTE_MS
    assert breach.breached.detected_at_ms == T0 + 90 * MINUTE_MS


async def test_an_event_time_ahead_of_the_log_is_the_logs(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.writes(T0 + 999 * MINUTE_MS))
    await node.settle()
    [row, _] = await world.store.rows.select("clock")
    assert row["started_at_ms"] == T0


async def test_what_awaits_nothing_leaves_memory_and_comes_back_when_it_is_heard_of(
    world: World,
) -> None:
    thread, other, node = Thread("a"), Thread("b"), await world.started()
    tell(world, thread, thread.writes(T0), thread.replied(T0), thread.resolved(T0))
    await node.settle()
    tell(world, other, other.writes(T0))
    await node.settle()
    assert held(node) == {other.conversation_id}
    tell(world, thread, thread.reopened(T0))
    await node.settle()
    assert held(node) == {thread.conversation_id, other.conversation_id}
    assert said(world).count("resolution/2 started") == 1


async def test_an_heir_goes_on_with_every_clock(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.writes(T0))
    await node.settle()
    await step_to(world, node, T0 + 30 * MINUTE_MS)
    heir = await world.started()
    assert held(heir) == set()
    await step_to(world, heir, T0 + 45 * MINUTE_MS)
    assert held(heir) == {thread.conversation_id}
    tell(world, thread, thread.replied(world.now_ms))
    await heir.settle()
    spoken = [line.split()[1] for line in said(world) if line.startswith("first")]
    assert spoken == ["started", "warned", "warned", "met"]


async def test_an_opening_that_is_published_again_hides_nothing(world: World) -> None:
    thread, node = Thread(), await world.started()
    events = [thread.opened(T0), thread.writes(T0), thread.replied(T0)]
    publish(world, thread, *enumerate(events[:2], start=1))
    await node.settle()
    heir = await world.started()
    publish(world, thread, *enumerate(events, start=1))
    await heir.settle()
    assert said(world) == [
        "first_response/1 started",
        "resolution/1 started",
        "first_response/1 met",
    ]


async def test_announcements_of_a_conversation_are_numbered_without_gaps(world: World) -> None:
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.writes(T0), thread.replied(T0), thread.resolved(T0))
    tell(world, thread, thread.reopened(T0))
    await node.settle()
    await (await world.started()).settle()
    events = announced(world)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.event_id for event in events}) == len(events)


async def test_a_fact_told_twice_is_told_once(world: World) -> None:
    thread, node = Thread(), await world.started()
    first = thread.writes(T0)
    tell(world, thread, first, first)
    await node.settle()
    assert said(world) == ["first_response/1 started", "resolution/1 started"]
    assert len(await world.store.rows.select("fact")) == 1


async def test_a_mailbox_message_that_is_no_command_yet_is_set_aside(world: World) -> None:
    node = await world.started()
    envelope = Clocks.topics["sla.inputs.v1"](request_id="r")
    world.send(envelope, topic="sla.inputs.v1", key="x")
    await node.settle()
    assert len(node.seen.letters) == 1


MOVES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["writes", "replied", "resolved", "reopened", "pending"]),
        st.integers(0, 40),
    ),
    max_size=25,
)


async def _ended(moves: list[tuple[str, str, int]], cuts: random.Random | None) -> object:
    world = World(lambda: Clocks(POLICIES), partitions=2)
    threads: dict[str, Thread] = {}
    for name, what, minutes in moves:
        world.now_ms += minutes * MINUTE_MS
        thread = threads.setdefault(name, Thread(name))
        if what == "pending":
            event = thread.becomes(intake.CONVERSATION_STATUS_PENDING, world.now_ms)
        else:
            event = getattr(thread, what)(world.now_ms)
        tell(world, thread, event)
    node = await world.started()
    while await node.fetch(cuts.randint(1, 4) if cuts else 1000):
        if cuts and cuts.random() < 0.2:
            node = await world.started()
    await node.settle()
    return world.store.rows.tables, announced(world)


@settings(max_examples=60, deadline=None)
@given(moves=MOVES, seed=st.integers(0, 2**16))
def test_any_cut_of_the_log_and_any_takeover_give_the_same_rows_and_events(
    moves: list[tuple[str, str, int]], seed: int
) -> None:
    whole = asyncio.run(_ended(moves, None))
    pieces = asyncio.run(_ended(moves, random.Random(seed)))
    assert pieces == whole
