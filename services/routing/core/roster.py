"""The agents, so kept that the longest idle one who can take a piece of work is found at once.

Agents of equal profiles share a bench; on it the ready ones stand in queues by the room that they
have, longest idle first. Who may take a piece of work is among the first of those queues of
the benches of its pool: the cost follows the number of different profiles in the pool, never the
number of agents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from immutables import Map

from services.routing.core.agents import Agent, Idle, Profile, Room
from services.routing.core.ranked import Ranked


@dataclass(frozen=True, slots=True)
class Bench:
    """The agents of one profile. `absent` counts those who are not ready."""

    profile: Profile
    ready: Map[Room, Ranked[Idle]] = Map()  # what they can take → the ready, full ones too
    present: int = 0
    absent: int = 0

    def moved(self, before: Agent | None, after: Agent | None) -> Bench:
        """With `after` in the place of `before`, both of this bench where given."""
        ready, present, absent = self.ready, self.present, self.absent
        if before is not None and before.is_ready:
            ready, present = _left(ready, before.room, before.idle), present - 1
        elif before is not None:
            absent -= 1
        if after is not None and after.is_ready:
            room = after.room
            ready = ready.set(room, ready.get(room, _NOBODY).add(after.idle))
            present += 1
        elif after is not None:
            absent += 1
        return Bench(self.profile, ready, present, absent)


_NOBODY: Ranked[Idle] = Ranked()
_NAMES: Map[str, None] = Map()


@dataclass(frozen=True, slots=True)
class Roster:
    """All agents of a domain; persistent."""

    benches: Map[str, Bench] = Map()
    by_pool: Map[str, Map[str, None]] = Map()  # pool → keys of its benches

    def serving(self, pool: str) -> Iterator[Bench]:
        """The benches of agents who serve `pool`, in no particular order."""
        for key in self.by_pool.get(pool, _NAMES):
            yield self.benches[key]

    def moved(self, before: Agent | None, after: Agent) -> Roster:
        """With `after` in the place of `before`."""
        if before is None:
            return _seated(self, after)
        if before.bench == after.bench:
            bench = self.benches[after.bench].moved(before, after)
            return Roster(self.benches.set(after.bench, bench), self.by_pool)
        return _seated(_unseated(self, before), after)

    def without(self, agent: Agent) -> Roster:
        """With `agent` gone."""
        return _unseated(self, agent)


NO_ROSTER = Roster()


def _seated(roster: Roster, agent: Agent) -> Roster:
    bench = roster.benches.get(agent.bench)
    if bench is not None:
        grown = bench.moved(None, agent)
        return Roster(roster.benches.set(agent.bench, grown), roster.by_pool)
    by_pool = roster.by_pool
    for pool in agent.profile.pools:
        by_pool = by_pool.set(pool, by_pool.get(pool, _NAMES).set(agent.bench, None))
    opened = Bench(agent.profile).moved(None, agent)
    return Roster(roster.benches.set(agent.bench, opened), by_pool)


def _unseated(roster: Roster, agent: Agent) -> Roster:
    bench = roster.benches[agent.bench].moved(agent, None)
    if bench.present or bench.absent:
        return Roster(roster.benches.set(agent.bench, bench), roster.by_pool)
    by_pool = roster.by_pool
    for pool in agent.profile.pools:
        keys = by_pool[pool].delete(agent.bench)
        by_pool = by_pool.set(pool, keys) if keys else by_pool.delete(pool)
    return Roster(roster.benches.delete(agent.bench), by_pool)


def _left(ready: Map[Room, Ranked[Idle]], room: Room, idle: Idle) -> Map[Room, Ranked[Idle]]:
    queue = ready[room].drop(idle)
    return ready.set(room, queue) if queue else ready.delete(room)
