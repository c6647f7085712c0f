"""A record that can never work is set aside, its entity waits behind it, and nobody else does."""

from __future__ import annotations

from typing import Any

import pytest
from switchboard.engine.v1.control_pb2 import Control, DiscardDeadLetter, ReplayDeadLetter
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.deadletters import DeadLetterLimit, record_in
from services.chassis.bus.effects import EMITTED_BYTES_MAX
from services.chassis.bus.engine import ATTEMPTS_MAX, TAKEOVERS_SUSPECT
from services.chassis.bus.fates import TooManyDeadLetters, WriteRefused
from services.chassis.bus.store import Commit
from tests.support.counter import Count, Counter, CrashingCount
from tests.support.memory_store import MemoryStore
from tests.support.world import Node, World


class Checked(MemoryStore):
    """Refuses totals of a million, as the table's CHECK does."""

    limit = 1_000_000

    async def commit(self, commit: Commit) -> frozenset[str]:
        if any(row["total"] >= self.limit for row in commit.rows.get("total", ())):
            raise WriteRefused("CheckViolationError total_total_check")
        return await super().commit(commit)


class Lenient(Counter):
    """The counter after its bug is mended: poison counts as any other."""

    def handle(self, state: Any, given: Any, out: Any) -> Any:
        message: Any = given.message
        message.mood = ""
        return super().handle(state, given, out)


@pytest.fixture
def world() -> World:
    world = World(Counter, partitions=1)
    world.store = Checked(Counter().tables)
    return world


def _letters(world: World) -> list[tuple[str, str]]:
    return [(letter.entity, letter.error) for letter in world.store.open_letters()]


def _control(world: World, control: Control) -> None:
    envelope = Count(control=control)
    world.bus.append("counts", b"control", envelope.SerializeToString(), partition=0)


def _replay(world: World, letter_id: str) -> None:
    _control(world, Control(replay_dead_letter=ReplayDeadLetter(dead_letter_id=letter_id)))


BAD = {
    "parse": None,
    "handle": Count(entity="bad", amount=1, mood="poison"),
    "constraint": Count(entity="bad", amount=2_000_000),
}


@pytest.mark.parametrize("fault", BAD)
async def test_the_partition_moves_on_past_a_poison_record(world: World, fault: str) -> None:
    node = await world.started()
    for at in range(10):
        world.send(Count(entity="good", amount=1))
        if at == 4:
            bad = BAD[fault]
            value = bad.SerializeToString() if bad is not None else b"\xff\xff\xff"
            world.bus.append("counts", b"bad", value, partition=0)
    await node.settle()
    assert await world.totals() == {"good": 10}
    [(entity, error)] = _letters(world)
    assert entity == ("key/626164" if fault == "parse" else "bad")
    assert "million" not in error
    [published] = world.published("counter.dlq.v1")
    assert DeadLetter.FromString(published.value).offset == 5


@pytest.mark.parametrize("part", ["key", "value", "headers"])
async def test_a_record_as_large_as_the_broker_takes_is_set_aside_whole(
    world: World, part: str
) -> None:
    node = await world.started()
    sizes = {"key": 1, "value": 1, "headers": 1} | {part: 1_000_000}
    key, value = b"k" * sizes["key"], b"\xff" * sizes["value"]
    headers = [("large", b"h" * sizes["headers"])]
    world.bus.append("counts", key, value, headers, partition=0)
    await node.settle()
    [published] = world.published("counter.dlq.v1")
    said = DeadLetter.FromString(published.value)
    assert len(published.key) + len(published.value) < EMITTED_BYTES_MAX
    assert (said.record_omitted, said.key, said.value, list(said.headers)) == (True, b"", b"", [])
    [letter] = world.store.open_letters()
    assert letter.entity == said.entity
    kept = record_in(letter)
    assert (kept.key, kept.value, list(kept.headers)) == (key, value, headers)


@pytest.mark.parametrize("name", ["e" * 3000, "with\0nul"])
async def test_an_entity_that_no_index_would_hold_is_parked_by_its_digest(
    world: World, name: str
) -> None:
    node = await world.started()
    world.send(Count(entity=name, amount=1, mood="poison"))
    world.send(Count(entity=name, amount=1))
    await node.settle()
    [first, second] = _letters(world)
    assert first[0] == second[0]
    assert first[0].startswith("digest/")


async def test_later_records_of_the_entity_wait_in_order_and_replay_plays_them(
    world: World,
) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=1))
    world.send(Count(entity="a", amount=10, mood="poison"))
    world.send(Count(entity="b", amount=5))
    await node.settle()
    world.send(Count(entity="a", amount=100))
    world.send(Count(entity="a", amount=1000))
    await node.settle()
    assert await world.totals() == {"a": 1, "b": 5}
    waiting = world.store.open_letters()
    assert len(waiting) == 3

    world.make = Lenient
    mended = await world.started()
    _replay(world, waiting[1].dead_letter_id)  # not the first of its entity: nothing happens
    await mended.settle()
    assert await world.totals() == {"a": 1, "b": 5}
    _replay(world, waiting[0].dead_letter_id)
    _replay(world, waiting[0].dead_letter_id)  # asked twice: played once
    world.send(Count(entity="a", amount=10_000))
    await mended.settle()
    assert await world.totals() == {"a": 11_111, "b": 5}
    assert _letters(world) == []
    totals = [Count.FromString(r.value) for r in world.published()]
    assert [c.total for c in totals if c.entity == "a"] == [1, 11, 111, 1111, 11_111]


async def test_a_replay_that_fails_again_leaves_the_entity_parked(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=10, mood="poison"))
    world.send(Count(entity="a", amount=1))
    await node.settle()
    _replay(world, world.store.open_letters()[0].dead_letter_id)
    world.send(Count(entity="a", amount=2))
    await node.settle()
    assert await world.totals() == {}
    assert len(_letters(world)) == 3


async def test_a_discarded_letter_frees_those_behind_it(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=10, mood="poison"))
    world.send(Count(entity="a", amount=1))
    await node.settle()
    first, second = world.store.open_letters()
    _control(
        world, Control(discard_dead_letter=DiscardDeadLetter(dead_letter_id=first.dead_letter_id))
    )
    await node.settle()
    _replay(world, second.dead_letter_id)
    world.send(Count(entity="a", amount=2))
    await node.settle()
    assert await world.totals() == {"a": 3}
    assert _letters(world) == []


async def test_a_record_that_failed_leaves_nothing_of_itself(world: World) -> None:
    class Halfway(Counter):
        def handle(self, state: Any, given: Any, out: Any) -> Any:
            state = super().handle(state, given, out)
            out.timer("never", 0)
            raise ValueError("after it has put and emitted")

    world.make = Halfway
    node = await world.started()
    world.send(Count(entity="a", amount=10, request="r"))
    await node.settle()
    assert await world.totals() == {}
    assert world.published() == []
    assert world.store.requests == {}
    assert node.engine.next_due_ms() is None


async def test_a_timer_that_cannot_fire_is_set_aside_too(world: World) -> None:
    node = await world.started()
    world.send(Count(entity="a", amount=2_000_000, after_ms=10))
    await node.settle()
    world.now_ms += 10
    world.send(Count(entity="b", amount=1))
    await node.settle()
    assert await world.totals() == {"b": 1}
    assert [entity for entity, _ in _letters(world)] == ["timer/a/2000000/0"]


async def _crash(world: World) -> Node:
    node = await world.started()
    with pytest.raises(CrashingCount):
        await node.settle()
    return node


async def test_a_record_that_kills_its_process_is_found_and_set_aside(world: World) -> None:
    world.send(Count(entity="a", amount=1))
    world.send(Count(entity="bad", amount=1, mood="crash"))
    world.send(Count(entity="a", amount=1))
    for _ in range(TAKEOVERS_SUSPECT):
        await _crash(world)
        assert await world.totals() == {}
    await _crash(world)  # now one record a transaction: what precedes it gets through
    assert await world.totals() == {"a": 1}
    kills = 0
    while not _letters(world):
        node = await world.started()
        try:
            await node.settle()
        except CrashingCount:
            kills += 1
        assert kills <= TAKEOVERS_SUSPECT + ATTEMPTS_MAX
    assert await world.totals() == {"a": 2}
    assert [entity for entity, _ in _letters(world)] == ["bad"]


async def test_too_many_dead_letters_crash(world: World) -> None:
    node = await world.started()
    for _ in range(60):
        world.send(Count(entity="a", amount=1, mood="poison"))
    with pytest.raises(TooManyDeadLetters):
        await node.settle()


def test_the_share_of_dead_letters_is_counted_anew_after_each_window() -> None:
    limit = DeadLetterLimit(share=0.05, window=1000)
    for _ in range(50):
        limit.count(records=100, letters=4)
    with pytest.raises(TooManyDeadLetters):
        limit.count(records=100, letters=51)
