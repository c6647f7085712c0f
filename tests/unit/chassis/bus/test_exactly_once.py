"""Nothing lost, nothing twice: the interleavings that break simpler designs, each played."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.bus.fates import Fenced, Gap, LayoutRefused, LogMoved, StoreUnavailable
from services.chassis.bus.headers import stamp
from services.chassis.bus.store import Commit, Stamp
from tests.support.counter import Count, Counter
from tests.support.memory_store import MemoryStore
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World(Counter)


async def test_a_batch_is_applied_and_published_once(world: World) -> None:
    for _ in range(5):
        world.send(Count(entity="a", amount=2))
    node = await world.started()
    await node.settle()
    assert await world.totals() == {"a": 10}
    assert [Count.FromString(r.value).total for r in world.published()] == [2, 4, 6, 8, 10]


async def test_a_record_fetched_again_is_skipped_by_its_offset(world: World) -> None:
    record = world.send(Count(entity="a", amount=1))
    node = await world.started()
    await node.engine.process([record])
    await node.engine.process([record])
    assert await world.totals() == {"a": 1}


async def test_a_hole_in_the_log_crashes(world: World) -> None:
    world.send(Count(entity="a", amount=1))
    second = world.send(Count(entity="a", amount=1))
    node = await world.started()
    with pytest.raises(Gap):
        await node.engine.process([second])


async def test_a_zombie_cannot_commit_once_its_shard_is_taken(world: World) -> None:
    zombie = await world.started()
    heir = await world.started()
    world.send(Count(entity="a", amount=1))
    with pytest.raises(Fenced):
        await zombie.fetch()
    await heir.settle()
    assert await world.totals() == {"a": 1}


async def test_a_zombie_of_a_split_assignment_loses_only_what_was_taken(world: World) -> None:
    zombie = await world.started()
    world.send(Count(entity="a", amount=1))
    [place] = world.bus.logs
    heir = world.node()
    await heir.take(*(n for n in range(4) if n != place[1]))
    await zombie.fetch()
    assert await world.totals() == {"a": 1}


class Interrupted(MemoryStore):
    """Loses its connection before or after the next commit."""

    when = ""

    async def commit(self, commit: Commit) -> frozenset[str]:
        when, self.when = self.when, ""
        if when == "before":
            raise StoreUnavailable("connection lost")
        known = await super().commit(commit)
        if when == "after":
            raise StoreUnavailable("connection lost")
        return known


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_commit_of_unknown_outcome_is_settled_by_the_fence(when: str) -> None:
    world = World(Counter)
    store = world.store = Interrupted(Counter().tables)
    node = await world.started()
    world.send(Count(entity="a", amount=1, request="r1"))
    store.when = when
    await node.settle()
    world.send(Count(entity="a", amount=1, request="r2"))
    await node.settle()
    assert await world.totals() == {"a": 2}
    assert len(world.published()) == 2


async def test_a_fence_lost_during_an_unknown_outcome_ends_the_process() -> None:
    world = World(Counter)
    store = world.store = Interrupted(Counter().tables)
    node = await world.started()
    world.send(Count(entity="a", amount=1))

    class Taken(Interrupted):
        async def positions(self, processor: str, shards: Any) -> Any:
            await store.take(processor, layout=1, partitions=4, shards=[0, 1, 2, 3], owner="heir")
            return await super().positions(processor, shards)

    store.__class__ = Taken
    store.when = "before"
    with pytest.raises(Fenced):
        await node.fetch()


async def test_a_request_made_twice_has_one_effect_and_one_outcome(world: World) -> None:
    node = await world.started()
    for _ in range(2):
        world.send(Count(entity="a", amount=1, request="r"))  # twice in one batch
    await node.settle()
    world.send(Count(entity="a", amount=1, request="r"))  # and once in a later one
    world.send(Count(entity="a", amount=5, request="other"))
    await node.settle()
    assert await world.totals() == {"a": 6}
    assert world.store.requests.keys() == {"r", "other"}


async def test_a_batch_decided_again_still_empties_the_outbox(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1, request="r"))
    await node.settle()
    world.send(Count(entity="a", amount=1, request="r"))  # the first commit finds the repeat
    await node.settle()
    await node.relay.forget()
    heir = await world.started()
    assert heir.relay.unpublished == 0


async def test_what_a_writer_repeats_is_dropped(world: World) -> None:
    node = await world.started()
    count = Count(entity="a", amount=1).SerializeToString()
    for sequence in (1, 2, 1, 2, 3):
        sent = stamp("upstream", 0, Stamp(0, sequence))
        world.bus.append("counts", b"a", count, sent)
    await node.settle()
    assert await world.totals() == {"a": 3}


async def test_a_gap_in_a_writers_sequence_crashes(world: World) -> None:
    """'Highest seen' would take 3 and later drop the re-published 2 as old: a loss."""
    node = await world.started()
    count = Count(entity="a", amount=1).SerializeToString()
    for sequence in (1, 3):
        world.bus.append("counts", b"a", count, stamp("upstream", 0, Stamp(0, sequence)))
    with pytest.raises(Gap):
        await node.settle()


async def test_a_restored_writer_raises_its_incarnation_and_is_heard(world: World) -> None:
    node = await world.started()
    count = Count(entity="a", amount=1).SerializeToString()
    for given in (Stamp(0, 8), Stamp(0, 9), Stamp(1, 5), Stamp(1, 6), Stamp(0, 10)):
        world.bus.append("counts", b"a", count, stamp("upstream", 0, given))
    await node.settle()
    assert await world.totals() == {"a": 4}


async def test_what_was_committed_and_not_published_is_published_by_the_heir(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    await node.fetch()  # committed; killed before the relay ran
    heir = await world.started()
    await heir.settle()
    assert [Count.FromString(r.value).total for r in world.published()] == [1]


async def test_an_heir_and_a_zombie_that_both_publish_make_repeats_and_no_gap(world: World) -> None:
    node = await world.started()
    for _ in range(3):
        world.send(Count(entity="a", amount=1))
        await node.fetch()
    heir = await world.started()
    await heir.relay.publish_waiting()
    await node.relay.publish_waiting()
    reader = World(lambda: Counter("reader.sum", inputs=("totals",), totals="end"))
    reader.bus = world.bus
    after = await reader.started()
    await after.settle()
    assert len(world.published()) == 6
    assert (await reader.totals()) == {"a": 3}


@pytest.mark.parametrize("published", range(4))
async def test_after_a_failed_send_the_producer_is_new_and_order_holds(
    world: World, published: int
) -> None:
    node = await world.started()
    for _ in range(3):
        world.send(Count(entity="a", amount=1))
    await node.fetch()
    node.publisher.fail_after = published
    await node.settle()
    assert node.publisher.renewed == 1
    sequences = [dict(r.headers)["sb_seq"] for r in world.published()]
    assert sequences[published:] == [b"0.1", b"0.2", b"0.3"]


async def test_the_outbox_is_emptied_once_kafka_has_it(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    await node.settle()
    await node.relay.forget()
    taken = await world.store.take(
        "counter.sum", layout=1, partitions=4, shards=range(4), owner="looker"
    )
    assert [shard.outbox for shard in taken] == [[], [], [], []]


@pytest.mark.parametrize(
    ("stored", "layout", "partitions"),
    [((2, 4), 1, 4), ((1, 8), 1, 4), ((1, 4), 1, 8)],
    ids=["older layout", "fewer partitions", "more partitions"],
)
async def test_shards_of_another_layout_or_count_are_not_taken(
    stored: tuple[int, int], layout: int, partitions: int
) -> None:
    store = MemoryStore()
    await store.take("p", layout=stored[0], partitions=stored[1], shards=[0], owner="first")
    with pytest.raises(LayoutRefused):
        await store.take("p", layout=layout, partitions=partitions, shards=[0], owner="second")
    assert (await store.positions("p", [0]))[0][0] == 1


async def test_offsets_the_log_no_longer_holds_are_refused(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    await node.settle()
    world.bus.logs.clear()  # a lost volume: the log ends before the next offset
    with pytest.raises(LogMoved):
        await world.started()


async def test_a_topic_made_again_under_its_name_is_refused(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    await node.settle()
    world.bus.ids["counts"] = "another"
    with pytest.raises(LogMoved):
        await world.started()


async def test_a_shard_kept_through_a_rebalance_is_not_loaded_again(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    await node.settle()
    before = [shard.state for shard in node.engine.shards.values()]
    await node.take()
    assert all(a is b for a, b in zip(before, _states(node), strict=True))
    world.send(Count(entity="a", amount=1))
    await node.settle()
    assert await world.totals() == {"a": 2}


def _states(node: Any) -> list[Any]:
    return [shard.state for shard in node.engine.shards.values()]
