"""Decisions by hand as JSON values and back: what is stored weighs to the same again."""

from __future__ import annotations

from typing import Any

from services.routing.core.byhand import Asked, Hand, HandInputs, HandVerdict
from services.routing.core.kinds import Act, Channel, Level
from services.routing.core.work import Requirement
from services.routing.shell.wire.explanations import Json, agent_json, agent_of

TRIGGER = "BY_HAND"


def row(hand: Hand, conversation_id: str, actor: str) -> Json:
    """Every column of `decision` but its place: who did what to work, and why it was possible."""
    inputs = hand.inputs
    act = inputs.asked.act
    return {
        "decision_id": hand.decision_id,
        "kind": "ESCALATE" if act is Act.ESCALATE else "MANUAL",
        "work_id": hand.work_id,
        "conversation_id": conversation_id,
        "agent_id": hand.verdict.agent_id,
        "policy_version": inputs.policy_version,
        "reason": act.lower(),
        "decided_ms": inputs.now_ms,
        "inputs": {"actor": actor, **hand_json(inputs)},
        "result": verdict_json(inputs, hand.verdict),
    }


def hand_json(inputs: HandInputs) -> Json:
    """All that the decision rests on."""
    asked = inputs.asked
    agents = [] if inputs.agent is None else [_agent_json(inputs)]
    return {
        "trigger": TRIGGER,
        "act": asked.act,
        "asked": {
            "reason": asked.reason,
            "agent_id": asked.agent_id,
            "override": asked.override,
            "pool": asked.pool,
            "skills": _skills_json(asked.skills),
            "level": asked.level.name if asked.level else "",
            "priority": asked.priority,
        },
        "work": {
            **_needs_json(inputs.requirement),
            "priority": inputs.priority,
            "holder_id": inputs.holder_id,
            "transfers": inputs.transfers,
        },
        "transfers_max": inputs.transfers_max,
        "agents": agents,
        "now_ms": inputs.now_ms,
        "policy_version": inputs.policy_version,
    }


def hand_of(json: Json) -> HandInputs:
    """The inputs again, as far as they matter."""
    asked, work = json["asked"], json["work"]
    agents = [agent_of(each) for each in json["agents"]]
    return HandInputs(
        asked=Asked(
            act=Act(json["act"]),
            reason=asked["reason"],
            agent_id=asked["agent_id"],
            override=asked["override"],
            pool=asked["pool"],
            skills=_skills_of(asked["skills"]),
            level=Level[asked["level"]] if asked["level"] else None,
            priority=int(asked["priority"]),
        ),
        requirement=Requirement(
            pool=work["pool"],
            channel=Channel(work["channel"]),
            language=work["language"],
            skills=_skills_of(work["skills"]),
            level=Level[work["level"]],
        ),
        priority=int(work["priority"]),
        holder_id=work["holder_id"],
        transfers=int(work["transfers"]),
        transfers_max=int(json["transfers_max"]),
        agent=agents[0] if agents else None,
        now_ms=int(json["now_ms"]),
        policy_version=int(json["policy_version"]),
    )


def verdict_json(inputs: HandInputs, verdict: HandVerdict) -> Json:
    """What came of it; `exception` where the agent got it only because of the override."""
    passed_over = verdict.passed_over
    considered = []
    if inputs.agent is not None:
        name, score = inputs.agent.agent_id, inputs.now_ms - inputs.agent.idle[0]
        considered = [{"id": name, "refusal": passed_over or "", "score": score}]
    return {
        **_needs_json(verdict.requirement),
        "priority": verdict.priority,
        "agent_id": verdict.agent_id,
        "exception": passed_over is not None,
        "considered": considered,
        "refusals": {passed_over.value: 1} if passed_over else {},
    }


def _agent_json(inputs: HandInputs) -> Json:
    agent, asked, needs = inputs.agent, inputs.asked, inputs.requirement
    assert agent is not None
    skills = {name for name, _ in asked.skills or needs.skills}
    pools = {asked.pool or needs.pool}.intersection(agent.profile.pools)
    return {**agent_json(agent, skills, {needs.channel}), "pools": sorted(pools)}


def _needs_json(needs: Requirement) -> Json:
    return {
        "pool": needs.pool,
        "channel": needs.channel,
        "language": needs.language,
        "skills": _skills_json(needs.skills),
        "level": needs.level.name,
    }


def _skills_json(skills: tuple[tuple[str, int], ...]) -> list[list[Any]]:
    return [[name, least] for name, least in skills]


def _skills_of(json: list[list[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, int(least)) for name, least in json)
