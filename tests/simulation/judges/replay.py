"""Invariant 8: the log alone makes the state, however it is cut; and memory is what is stored."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.record import Record
from services.routing.core.agents import Agent
from tests.simulation.judges.reading import check
from tests.simulation.world import Nobody, World
from tests.support.memory_store import MemoryStore
from tests.support.world import Node

CUT_MAX = 20
CONTROL_KEY = b"control"
"""The key of commands about dead letters; those that they name were committed before."""
Sent = dict[tuple[str, int, int, int], bytes]  # topic, partition, shard, sequence


async def judge(world: World) -> None:
    """Each processor's records into a fresh one, cut otherwise: the same rows, answers, records."""
    published = _published(world)
    for name in world.groups:
        store = MemoryStore(world.parts.processors[name](world.policies, Nobody()).tables)
        node = await _fresh(world, name, store)
        for batch in _cut(world, world.history.records[name]):
            await node.engine.process(batch)
        _compare_rows(world, name, store)
        requests = world.stores[name.partition(".")[0]].requests
        for key, answer in store.requests.items():
            check(requests[key] == answer, f"{name} replayed answers {key} otherwise")
        sent, again = published[name], _waiting(node)
        for place in sent.keys() | again.keys():
            check(sent.get(place) == again.get(place), f"{name} replayed says otherwise at {place}")


async def memory_is_what_is_stored(world: World) -> None:
    """Whoever takes a shard over begins where its owner is."""
    for name, group in world.groups.items():
        fresh = world.parts.processors[name](world.policies, Nobody())
        tables = world.stores[name.partition(".")[0]].rows
        for member in group.members:
            for number, shard in member.node.engine.shards.items():
                held, stored = shard.state, await fresh.load(tables, number)
                compare = _COMPARE.get(name)
                if compare is not None:
                    check(
                        compare(held) == compare(stored),
                        f"{name}/{number} holds {compare(held)}, stored is {compare(stored)}",
                    )


async def _fresh(world: World, name: str, store: MemoryStore) -> Node:
    processor = world.parts.processors[name](world.policies, Nobody())
    node = Node(world, processor, store, "replay")
    await node.engine.assign(range(world.bus.partitions))
    return node


def _cut(world: World, records: Sequence[Record]) -> Iterator[list[Record]]:
    """The same records in the same order, shard by shard, in other batches.

    The engine puts a batch in order of time, so what was applied late stays in a later batch, and
    so does what somebody did because of an earlier one.
    """
    by_shard: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_shard[record.partition].append(record)
    for shard in sorted(by_shard):
        batch: list[Record] = []
        size = world.dice.randint(1, CUT_MAX)
        for record in by_shard[shard]:
            late = batch and _moment(record) < _moment(batch[-1])
            if batch and (late or record.key == CONTROL_KEY or len(batch) == size):
                yield batch
                batch, size = [], world.dice.randint(1, CUT_MAX)
            batch.append(record)
        yield batch


def _moment(record: Record) -> tuple[int, str, int]:
    return (record.append_ms, record.topic, record.offset)


def _compare_rows(world: World, name: str, store: MemoryStore) -> None:
    stored = world.stores[name.partition(".")[0]].rows.tables
    for table, again in store.rows.tables.items():
        for key in stored[table].keys() | again.keys():
            before, after = stored[table].get(key), again.get(key)
            same = before == after or (
                before is not None
                and after is not None
                and orjson.loads(before) == orjson.loads(after)
            )
            check(same, f"{name} replayed has another {table} {key}: {after!r}, was {before!r}")


def _published(world: World) -> dict[str, Sent]:
    """What each processor has published, each record once."""
    found: dict[str, Sent] = defaultdict(dict)
    for (topic, partition), log in world.bus.logs.items():
        for record in log:
            stamp = ReadStamp.of(record.headers)
            if stamp is not None:
                place = (topic, partition, stamp.shard, stamp.sequence)
                known = found[stamp.writer].setdefault(place, record.value)
                check(known == record.value, f"{stamp.writer} published two things at {place}")
    return found


def _waiting(node: Node) -> Sent:
    return {
        (record.topic, record.partition, committed.shard, record.sequence): record.value
        for committed in node.relay._waiting
        for record in committed.records
    }


def _matcher(state: Any) -> Any:
    return {
        key: (
            {name: _agent(agent) for name, agent in domain.agents.items()},
            *map(dict, (domain.work, domain.offers, domain.assignments, domain.edges)),
            dict(domain.resting),
            dict(domain.wanted),
            domain.sequence,
        )
        for key, domain in state.domains.items()
    }


def _agent(agent: Agent) -> Agent:
    """With what they have in one order: it is a set."""
    engagements = sorted(agent.engagements, key=lambda each: (each.work_id, each.hold_id))
    return dataclasses.replace(agent, engagements=tuple(engagements))


_COMPARE: Mapping[str, Callable[[Any], Any]] = {
    "routing.matcher": _matcher,
    "routing.triage": lambda state: dict(state.cases),
    "intake.delivery": lambda state: (dict(state.dispatches), dict(state.queues)),
}
