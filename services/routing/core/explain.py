"""Why an agent was asked for a piece of work.

A decision is not explained afterwards: the matcher gathers `Inputs` (the finalists that its indexes
find, and a sample of who could not take it), and `evaluate` alone picks from them. What is stored
with the decision is therefore all it rests on, and evaluating it again gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.routing.core.agents import Idle, Profile, Room
from services.routing.core.work import Rank, Requirement, Rest


class Trigger(StrEnum):
    """What made the matcher look: work that waits, or an agent who has room."""

    WORK_WAITS = "WORK_WAITS"
    AGENT_FREE = "AGENT_FREE"


class Refusal(StrEnum):
    """Why an agent was not asked for a piece of work; the first that applies, in this order."""

    NOT_AVAILABLE = "NOT_AVAILABLE"
    NOT_IN_POOL = "NOT_IN_POOL"
    CHANNEL_NOT_SERVED = "CHANNEL_NOT_SERVED"
    LEVEL_TOO_LOW = "LEVEL_TOO_LOW"
    LANGUAGE_NOT_SPOKEN = "LANGUAGE_NOT_SPOKEN"
    SKILL_MISSING = "SKILL_MISSING"
    SKILL_TOO_LOW = "SKILL_TOO_LOW"
    NO_CAPACITY = "NO_CAPACITY"
    RESTING = "RESTING"


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as the decision saw them."""

    agent_id: str
    profile: Profile
    room: Room
    idle: Idle


@dataclass(frozen=True, slots=True)
class WorkView:
    """A piece of work as the decision saw it.

    `able` is how many ready agents have what it needs, full ones included, counted no further than
    2 and only where it matters: where an agent at hand has declined the work before.
    """

    work_id: str
    requirement: Requirement
    rank: Rank
    rests: tuple[Rest, ...]
    able: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a decision rests on: one piece of work and agents, or one agent and work."""

    trigger: Trigger
    agents: tuple[AgentView, ...]
    work: tuple[WorkView, ...]
    now_ms: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate: refused, or with a score. Among those not refused the highest score wins.

    The score of an agent is how long they have been idle (ms); of work, how long it waits (ms),
    compared among equals in priority. Equal scores go by id.
    """

    candidate_id: str
    refusal: Refusal | None
    score: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `Inputs` lead to. Both ids are empty where nobody and nothing fits."""

    agent_id: str
    work_id: str
    considered: tuple[Considered, ...]
    exception: bool  # the agent had declined it before, and nobody else could take it


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its inputs, and how many candidates each reason refused."""

    inputs: Inputs
    verdict: Verdict
    refusals: tuple[tuple[Refusal, int], ...]


def unfit(profile: Profile, requirement: Requirement) -> Refusal | None:
    """Why agents of this profile can never take such work, or None."""
    channel = profile.channels.get(requirement.channel)
    if channel is None:
        return Refusal.CHANNEL_NOT_SERVED
    if profile.level < requirement.level:
        return Refusal.LEVEL_TOO_LOW
    if requirement.language and profile.languages and requirement.language not in profile.languages:
        return Refusal.LANGUAGE_NOT_SPOKEN
    for name, least in requirement.skills:
        has = profile.skills.get(name, 0)
        if has < least:
            return Refusal.SKILL_TOO_LOW if has else Refusal.SKILL_MISSING
    return Refusal.NO_CAPACITY if profile.capacity < channel.cost else None


def has_room(profile: Profile, room: Room, requirement: Requirement) -> bool:
    """Whether the room that an agent has is enough for one more piece of such work."""
    free, full = room
    channel = profile.channels.get(requirement.channel)
    return channel is not None and free >= channel.cost and requirement.channel not in full


def refuse(agent: AgentView, work: WorkView, now_ms: int) -> Refusal | None:
    """Why `agent` is not asked for `work` now, or None."""
    refusal = unfit(agent.profile, work.requirement)
    if refusal is not None:
        return refusal
    if not has_room(agent.profile, agent.room, work.requirement):
        return Refusal.NO_CAPACITY
    return Refusal.RESTING if _rests(agent.agent_id, work, now_ms) else None


def evaluate(inputs: Inputs) -> Verdict:
    """The decision. Pure: the same inputs give the same verdict, whenever and wherever."""
    now_ms = inputs.now_ms
    by_agent = inputs.trigger is Trigger.AGENT_FREE
    considered: list[Considered] = []
    best: tuple[Rank, Idle] | None = None
    exception = False
    for agent in inputs.agents:
        for work in inputs.work:
            refusal = refuse(agent, work, now_ms)
            name, since_ms = (work.work_id, work.rank[1]) if by_agent else agent.idle[::-1]
            considered.append(Considered(name, refusal, now_ms - since_ms))
            if refusal is None and (best is None or (work.rank, agent.idle) < best):
                best = (work.rank, agent.idle)
                exception = any(_holds(rest, agent.agent_id, now_ms) for rest in work.rests)
    if best is None:
        return Verdict("", "", tuple(considered), exception=False)
    rank, idle = best
    return Verdict(idle[1], rank[2], tuple(considered), exception)


def _rests(agent_id: str, work: WorkView, now_ms: int) -> bool:
    for rest in work.rests:
        if _holds(rest, agent_id, now_ms):
            return now_ms < rest.alone_ms or work.able != 1
    return False


def _holds(rest: Rest, agent_id: str, now_ms: int) -> bool:
    return rest.agent_id == agent_id and now_ms < rest.until_ms
