"""Finds the agent for a piece of work, and the next piece of work for an agent.

Both read the indexes, gather the finalists, and let `explain.evaluate` decide between them. With P
different profiles in the pool, R different rooms among the ready agents of a profile, and L lines
in the agent's pools, a look for an agent costs O(P·R) and a look for work O(L): neither depends on
how much work waits or how many agents there are. Agents or work that rest are stepped over, so a
look also costs one step for each decline that is still remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import merge, nsmallest
from itertools import islice
from typing import Any, TypeVar

from services.routing.core.agents import Agent, Idle, Profile, Room
from services.routing.core.domain import Draft
from services.routing.core.explain import (
    AgentView,
    Explanation,
    Inputs,
    Refusal,
    Trigger,
    WorkView,
    evaluate,
    has_room,
    refuse,
    unfit,
)
from services.routing.core.lines import Line
from services.routing.core.ranked import Ranked
from services.routing.core.roster import Bench
from services.routing.core.work import Rank, Requirement, WorkItem

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V", AgentView, WorkView)

FINALISTS_MAX = 10  # stored with a decision, next first
REFUSED_MAX = 10  # stored as a sample; the counts by reason are complete


def agent_for(draft: Draft, work: WorkItem, now_ms: int) -> Explanation | None:
    """Who is asked for `work`, and why; None where nobody can be."""
    requirement = work.requirement
    benches = list(draft.roster.serving(requirement.pool))
    queues = [queue for bench in benches for queue in _fit_queues(bench, requirement)]
    if not queues:
        return None
    view = _work_view(work, _able(draft, requirement) if work.rests else 0)
    refusals = Counter[Refusal]()
    agents = _shortlist(_agents_in_turn(draft, view, queues, refusals, now_ms))
    if not agents:
        return None
    others = _count_agents(benches, requirement, refusals)
    sample = tuple(_agent_view(draft.agents[name]) for _, name in _firsts(others))
    return _explained(draft, Trigger.WORK_WAITS, agents + sample, (view,), refusals, now_ms)


def work_for(draft: Draft, agent: Agent, now_ms: int) -> Explanation | None:
    """What `agent` is asked to take next, and why; None where nothing fits."""
    room = agent.room
    if room[0] <= 0:
        return None
    lines = list(draft.lines.serving(agent.profile.pools))
    queues = [line.queue for line in lines if _fits(agent.profile, room, line.requirement)]
    if not queues:
        return None
    view = _agent_view(agent)
    refusals = Counter[Refusal]()
    work = _shortlist(_work_in_turn(draft, view, queues, refusals, now_ms))
    if not work:
        return None
    others = _count_work(lines, agent.profile, room, refusals)
    sample = tuple(_work_view(draft.work[name], 0) for *_, name in _firsts(others))
    return _explained(draft, Trigger.AGENT_FREE, (view,), work + sample, refusals, now_ms)


def _fits(profile: Profile, room: Room, requirement: Requirement) -> bool:
    """Whether agents of this profile with this room could take such work, rests aside."""
    return has_room(profile, room, requirement) and unfit(profile, requirement) is None


def _fit_queues(bench: Bench, requirement: Requirement) -> list[Ranked[Idle]]:
    profile = bench.profile
    found = [q for room, q in bench.ready.items() if has_room(profile, room, requirement)]
    return found if found and unfit(profile, requirement) is None else []


def _explained(
    draft: Draft,
    trigger: Trigger,
    agents: tuple[AgentView, ...],
    work: tuple[WorkView, ...],
    refusals: Counter[Refusal],
    now_ms: int,
) -> Explanation:
    inputs = Inputs(trigger, agents, work, now_ms, draft.policy.version)
    return Explanation(inputs, evaluate(inputs), tuple(sorted((+refusals).items())))


def _count_agents(
    benches: Iterable[Bench], requirement: Requirement, refusals: Counter[Refusal]
) -> list[Ranked[Idle]]:
    """Count who of the pool cannot be asked, by reason; gives the queues they stand in."""
    others: list[Ranked[Idle]] = []
    for bench in benches:
        refusals[Refusal.NOT_AVAILABLE] += bench.absent
        refusal = unfit(bench.profile, requirement)
        for room, queue in bench.ready.items():
            if refusal is not None or not has_room(bench.profile, room, requirement):
                refusals[refusal or Refusal.NO_CAPACITY] += len(queue)
                others.append(queue)
    return others


def _count_work(
    lines: Iterable[Line], profile: Profile, room: Room, refusals: Counter[Refusal]
) -> list[Ranked[Rank]]:
    """Count what waits in the agent's pools and is not for them; gives the lines it waits in."""
    others: list[Ranked[Rank]] = []
    for line in lines:
        refusal = unfit(profile, line.requirement)
        if refusal is not None or not has_room(profile, room, line.requirement):
            refusals[refusal or Refusal.NO_CAPACITY] += len(line.queue)
            others.append(line.queue)
    return others


def _agents_in_turn(
    draft: Draft,
    work: WorkView,
    queues: list[Ranked[Idle]],
    refusals: Counter[Refusal],
    now_ms: int,
) -> Iterator[tuple[AgentView, bool]]:
    for _, name in merge(*queues):
        agent = _agent_view(draft.agents[name])
        refusal = refuse(agent, work, now_ms)
        if refusal is not None:
            refusals[refusal] += 1
        yield agent, refusal is None


def _work_in_turn(
    draft: Draft,
    agent: AgentView,
    queues: list[Ranked[Rank]],
    refusals: Counter[Refusal],
    now_ms: int,
) -> Iterator[tuple[WorkView, bool]]:
    for *_, name in merge(*queues):
        item = draft.work[name]
        rested = any(rest.agent_id == agent.agent_id for rest in item.rests)
        work = _work_view(item, _able(draft, item.requirement) if rested else 0)
        refusal = refuse(agent, work, now_ms)
        if refusal is not None:
            refusals[refusal] += 1
        yield work, refusal is None


def _shortlist(candidates: Iterable[tuple[V, bool]]) -> tuple[V, ...]:
    """The first candidates up to the limit, at any rate the first that fits; none if none fits."""
    kept: list[V] = []
    found = False
    for view, fits in candidates:
        if len(kept) < FINALISTS_MAX or (fits and not found):
            kept.append(view)
        found = found or fits
        if found and len(kept) >= FINALISTS_MAX:
            break
    return tuple(kept) if found else ()


def _firsts(queues: list[Ranked[K]]) -> Iterator[K]:
    """The first two of each queue, for a sample of those who were refused: ever the same one."""
    some = nsmallest(REFUSED_MAX, queues, key=lambda queue: queue.chunks[0][0])
    return islice((key for queue in some for key in islice(queue, 2)), REFUSED_MAX)


def _able(draft: Draft, requirement: Requirement) -> int:
    """How many ready agents have what it needs, counted no further than 2."""
    able = 0
    for bench in draft.roster.serving(requirement.pool):
        if unfit(bench.profile, requirement) is None:
            able += bench.present
            if able > 1:
                return 2
    return able


def _agent_view(agent: Agent) -> AgentView:
    return AgentView(agent.agent_id, agent.profile, agent.room, agent.idle)


def _work_view(work: WorkItem, able: int) -> WorkView:
    return WorkView(work.work_id, work.requirement, work.rank, work.rests, able)
