"""Explanations as JSON values and back: what is stored of a decision re-evaluates to itself.

Of each agent only what the work at hand names is kept: its channels, its skills.
"""

from __future__ import annotations

from typing import Any

from immutables import Map

from services.routing.core.agents import ChannelCapacity, Profile
from services.routing.core.explain import (
    AgentView,
    Explanation,
    Inputs,
    Trigger,
    Verdict,
    WorkView,
)
from services.routing.core.kinds import Channel, Level
from services.routing.core.work import Requirement, Rest

Json = dict[str, Any]


def inputs_json(inputs: Inputs) -> Json:
    """All that the decision rests on."""
    names = {name for work in inputs.work for name, _ in work.requirement.skills}
    channels = {work.requirement.channel for work in inputs.work}
    agents = {agent.agent_id for agent in inputs.agents}
    return {
        "trigger": inputs.trigger,
        "now_ms": inputs.now_ms,
        "policy_version": inputs.policy_version,
        "agents": [agent_json(agent, names, channels) for agent in inputs.agents],
        "work": [_work_json(work, agents) for work in inputs.work],
    }


def inputs_of(json: Json) -> Inputs:
    """The inputs again, as far as they matter."""
    return Inputs(
        trigger=Trigger(json["trigger"]),
        agents=tuple(agent_of(each) for each in json["agents"]),
        work=tuple(_work_of(each) for each in json["work"]),
        now_ms=int(json["now_ms"]),
        policy_version=int(json["policy_version"]),
    )


def result_json(explanation: Explanation) -> Json:
    """What came of it, and how many candidates each reason refused."""
    verdict: Verdict = explanation.verdict
    return {
        "agent_id": verdict.agent_id,
        "work_id": verdict.work_id,
        "exception": verdict.exception,
        "considered": [
            {"id": each.candidate_id, "refusal": each.refusal or "", "score": each.score}
            for each in verdict.considered
        ],
        "refusals": {reason.value: count for reason, count in explanation.refusals},
    }


def agent_json(agent: AgentView, skills: set[str], channels: set[Channel]) -> Json:
    """An agent as the decision saw them, so far as these skills and channels go."""
    profile = agent.profile
    free, full = agent.room
    return {
        "agent_id": agent.agent_id,
        "level": profile.level.value,
        "languages": list(profile.languages),
        "skills": {n: profile.skills[n] for n in sorted(skills) if n in profile.skills},
        "channels": {
            n.value: profile.channels[n].cost for n in sorted(channels) if n in profile.channels
        },
        "capacity": profile.capacity,
        "free": free,
        "full": [channel.value for channel in full],
        "idle_key_ms": agent.idle[0],
    }


def agent_of(json: Json) -> AgentView:
    """An agent again, as far as it matters."""
    profile = Profile(
        pools=tuple(json.get("pools", ())),
        capacity=int(json["capacity"]),
        skills=Map({name: int(level) for name, level in json["skills"].items()}),
        languages=tuple(json["languages"]),
        channels=Map(
            {Channel(name): ChannelCapacity(int(cost)) for name, cost in json["channels"].items()}
        ),
        level=Level(int(json["level"])),
    )
    room = (int(json["free"]), tuple(Channel(name) for name in json["full"]))
    return AgentView(json["agent_id"], profile, room, (int(json["idle_key_ms"]), json["agent_id"]))


def _work_json(work: WorkView, agents: set[str]) -> Json:
    requirement = work.requirement
    priority, arrived_ms, _ = work.rank
    return {
        "work_id": work.work_id,
        "pool": requirement.pool,
        "channel": requirement.channel,
        "language": requirement.language,
        "skills": [[name, least] for name, least in requirement.skills],
        "level": requirement.level.value,
        "priority": -priority,
        "arrived_at_ms": arrived_ms,
        "rests": [[r.agent_id, r.alone_ms, r.until_ms] for r in work.rests if r.agent_id in agents],
        "able": work.able,
    }


def _work_of(json: Json) -> WorkView:
    requirement = Requirement(
        pool=json["pool"],
        channel=Channel(json["channel"]),
        language=json["language"],
        skills=tuple((name, int(least)) for name, least in json["skills"]),
        level=Level(int(json["level"])),
    )
    rests = tuple(Rest(name, int(alone), int(until)) for name, alone, until in json["rests"])
    rank = (-int(json["priority"]), int(json["arrived_at_ms"]), json["work_id"])
    return WorkView(json["work_id"], requirement, rank, rests, int(json["able"]))
