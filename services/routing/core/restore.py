"""A domain from what was stored of it: the entities are read, the indexes follow.

Sorts once instead of inserting one by one: 100,000 open items take under a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from immutables import Map

from services.routing.core.agents import Agent, Edge, Engagement, Idle, Room
from services.routing.core.domain import Domain
from services.routing.core.kinds import AssignmentState, Hold, WorkState
from services.routing.core.lines import Line, Lines
from services.routing.core.ranked import Ranked
from services.routing.core.roster import Bench, Roster
from services.routing.core.work import Assignment, Offer, Rank, Requirement, WorkItem


@dataclass(frozen=True, slots=True)
class Stored:
    """What is open of a domain. Agents come without engagements, edges without sessions."""

    agents: Iterable[Agent] = ()
    work: Iterable[WorkItem] = ()
    offers: Iterable[Offer] = ()
    assignments: Iterable[Assignment] = ()
    edges: Iterable[Edge] = ()


def restore(empty: Domain, stored: Stored) -> Domain:
    """`empty` with everything that is open, as if it had never been away."""
    offers = {offer.offer_id: offer for offer in stored.offers}
    assignments = {assignment.assignment_id: assignment for assignment in stored.assignments}
    taken = _engagements(offers.values(), assignments.values())
    agents = {
        agent.agent_id: replace(agent, engagements=tuple(taken[agent.agent_id]))
        for agent in stored.agents
    }
    work = {item.work_id: item for item in stored.work}
    waiting = [item for item in work.values() if item.state is WorkState.QUEUED]
    return replace(
        empty,
        agents=Map(agents),
        work=Map(work),
        offers=Map(offers),
        assignments=Map(assignments),
        edges=_edges(stored.edges, agents.values()),
        lines=_lines(waiting),
        roster=_roster(agents.values()),
        resting=Map({item.work_id: None for item in waiting if item.rests}),
        wanted=Map(
            {item.conversation_id: item.work_id for item in work.values() if item.is_wanted}
        ),
    )


def _engagements(
    offers: Iterable[Offer], assignments: Iterable[Assignment]
) -> defaultdict[str, list[Engagement]]:
    """By agent, ordered by work id and hold."""
    by_agent: defaultdict[str, list[Engagement]] = defaultdict(list)
    for o in offers:
        by_agent[o.agent_id].append(
            Engagement(o.offer_id, o.work_id, Hold.PENDING, o.channel, o.cost, o.offered_ms)
        )
    for a in assignments:
        by_agent[a.agent_id].append(
            Engagement(
                hold_id=a.assignment_id,
                work_id=a.work_id,
                hold=Hold.ASSIGNED if a.state is AssignmentState.ACTIVE else Hold.WRAP_UP,
                channel=a.channel,
                cost=a.cost,
                asked_ms=a.asked_ms,
                override=a.override,
            )
        )
    for taken in by_agent.values():
        taken.sort(key=lambda each: (each.work_id, each.hold_id))
    return by_agent


def _edges(edges: Iterable[Edge], agents: Iterable[Agent]) -> Map[str, Edge]:
    held: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for agent in agents:
        for session in agent.sessions:
            held[session.edge_id][session.session_id] = agent.agent_id
    return Map({e.edge_id: replace(e, sessions=Map(held[e.edge_id])) for e in edges})


def _lines(waiting: Iterable[WorkItem]) -> Lines:
    ranks: defaultdict[str, list[Rank]] = defaultdict(list)
    requirements: dict[str, Requirement] = {}
    pools: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for item in waiting:
        ranks[item.line].append(item.rank)
        requirements[item.line] = item.requirement
        pools[item.requirement.pool][item.line] = None
    by_key = {key: Line(requirements[key], Ranked.of(keys)) for key, keys in ranks.items()}
    return Lines(Map(by_key), Map({pool: Map(keys) for pool, keys in pools.items()}))


def _roster(agents: Iterable[Agent]) -> Roster:
    benches: defaultdict[str, list[Agent]] = defaultdict(list)
    pools: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for agent in agents:
        benches[agent.bench].append(agent)
        for pool in agent.profile.pools:
            pools[pool][agent.bench] = None
    return Roster(
        Map({key: _bench(seated) for key, seated in benches.items()}),
        Map({pool: Map(keys) for pool, keys in pools.items()}),
    )


def _bench(agents: list[Agent]) -> Bench:
    ready: defaultdict[Room, list[Idle]] = defaultdict(list)
    for agent in agents:
        if agent.is_ready:
            ready[agent.room].append(agent.idle)
    present = sum(len(queue) for queue in ready.values())
    queues = {room: Ranked.of(queue) for room, queue in ready.items()}
    return Bench(agents[0].profile, Map(queues), present, len(agents) - present)
