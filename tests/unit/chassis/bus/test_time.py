"""Time enters through the log: batches cut differently decide the same, timers never overtake."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.counter import Count, Counter
from tests.support.world import World


async def _ended(moves: list[tuple[str, int, int]], cuts: random.Random | None) -> Any:
    """Play the same log, fetched in pieces of random size or all at once."""
    world = World(Counter, partitions=2)
    for entity, amount, after_ms in moves:
        world.now_ms += 7
        world.send(Count(entity=entity, amount=amount, after_ms=after_ms))
    node = await world.started()
    while await node.fetch(cuts.randint(1, 5) if cuts else 1000):
        pass
    await node.settle()
    published = [(r.partition, r.value, dict(r.headers)["sb_seq"]) for r in world.published()]
    timers = [list(shard.timers) for shard in node.engine.shards.values()]
    return await world.totals(), published, timers


MOVES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.sampled_from([0, 0, 10, 40])),
    max_size=30,
)


@given(moves=MOVES, seed=st.integers(0, 2**16))
def test_any_cut_of_the_log_gives_the_same_state(
    moves: list[tuple[str, int, int]], seed: int
) -> None:
    whole = asyncio.run(_ended(moves, None))
    pieces = asyncio.run(_ended(moves, random.Random(seed)))
    assert pieces == whole


@pytest.fixture
def world() -> World:
    return World(Counter, partitions=1)


async def test_a_timer_fires_before_the_first_record_that_is_late_enough(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=100, after_ms=50))
    world.now_ms += 49
    world.send(Count(entity="a", amount=1))
    world.now_ms += 1
    world.send(Count(entity="a", amount=2))
    await node.settle()
    assert [Count.FromString(r.value).total for r in world.published()] == [1, 101, 103]


async def test_log_time_never_goes_back(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    world.now_ms -= 500
    world.send(Count(entity="a", amount=9, after_ms=100))
    await node.settle()
    assert node.engine.next_due_ms() == 1_000_000 + 100


async def test_where_nothing_comes_a_tick_does(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=5, after_ms=1000))
    await node.settle()
    world.now_ms += 999
    await node.ticker.step()
    await node.settle()
    assert await world.totals() == {}
    world.now_ms += 1
    await node.ticker.step()
    await node.ticker.step()  # it is under way: not sent twice
    await node.settle()
    assert await world.totals() == {"a": 5}
    assert len(world.published("counts")) == 2


async def test_a_tick_waits_for_the_backlog_that_was_there_when_the_timer_came_due() -> None:
    world = World(lambda: Counter(inputs=("counts", "more")), partitions=1)
    node = await world.started()
    world.send(Count(entity="a", amount=100, after_ms=1000))
    await node.settle()
    for _ in range(3):
        world.send(Count(entity="a", amount=1), topic="more")
    world.now_ms += 5000
    await node.ticker.step()
    assert len(world.published("counts")) == 1, "a tick overtook the backlog"
    await node.fetch(2)
    await node.ticker.step()
    assert len(world.published("counts")) == 1
    await node.settle()
    await node.ticker.step()
    await node.settle()
    assert [Count.FromString(r.value).total for r in world.published()] == [1, 2, 3, 103]


async def test_timers_are_taken_over_with_the_shard(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=5, after_ms=1000))
    await node.settle()
    heir = await world.started()
    world.now_ms += 1000
    await heir.ticker.step()
    await heir.settle()
    assert await world.totals() == {"a": 5}
