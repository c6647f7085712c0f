"""What people do to work by hand, and why it was done or refused.

As with the matcher's decisions, `weigh` alone decides, and `HandInputs` is all that it looks at.
Both are stored: weighing the inputs again gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from services.routing.core.explain import AgentView, Refusal, has_room, unfit
from services.routing.core.kinds import Act, Level
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.work import Requirement


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants done. What their act does not name is empty, and left as it is.

    `reason` is in their words. `override` passes over all but the channel: without a cost of its
    own on a channel an agent has no means to work on it.
    """

    act: Act
    reason: str = ""
    agent_id: str = ""
    override: bool = False
    pool: str = ""
    skills: tuple[tuple[str, int], ...] = ()
    level: Level | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class HandInputs:
    """All that a decision by hand rests on: the work as it was, and who is to have it, if named."""

    asked: Asked
    requirement: Requirement
    priority: int
    holder_id: str
    transfers: int
    transfers_max: int
    agent: AgentView | None
    now_ms: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class HandVerdict:
    """What the work asks for from now on, and who has it; nobody where routing chooses.

    `passed_over` is why they would not have got it without the override.
    """

    requirement: Requirement
    priority: int
    agent_id: str = ""
    passed_over: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """A decision by hand, the `number`th about this work."""

    decision_id: str
    work_id: str
    number: int
    inputs: HandInputs
    verdict: HandVerdict


def weigh(inputs: HandInputs) -> HandVerdict | Rejection:
    """The decision. Pure: the same inputs give the same verdict, whenever and wherever."""
    asked, needs = inputs.asked, inputs.requirement
    match asked.act:
        case Act.ASSIGN | Act.CLAIM:
            return _given(inputs, needs)
        case Act.TRANSFER:
            if 0 < inputs.transfers_max <= inputs.transfers:
                return _too_often(inputs)
            return _given(inputs, target(needs, asked))
        case Act.ESCALATE:
            level = rung(needs.level, asked.level)
            if isinstance(level, Rejection):
                return level
            return HandVerdict(replace(target(needs, asked), level=level), inputs.priority)
        case Act.REPRIORITISE:
            return HandVerdict(needs, asked.priority, inputs.holder_id)
        case Act.WITHDRAW:
            return HandVerdict(needs, inputs.priority)
        case _:
            assert_never(asked.act)


def target(needs: Requirement, asked: Asked) -> Requirement:
    """What work asks for after a transfer, or an escalation but for its level."""
    return replace(needs, pool=asked.pool or needs.pool, skills=asked.skills or needs.skills)


def rung(current: Level, asked: Level | None) -> Level | Rejection:
    """Where an escalation leads: up, by one where no rung was named."""
    if asked is None:
        if current is Level.LEAD:
            return Rejection(Reason.LEVEL_IS_LAST, "the work is with LEAD; there is no level above")
        return Level(current + 1)
    if asked < current:
        return Rejection(
            Reason.LEVEL_BELOW,
            f"the work is with {current.name}; an escalation to {asked.name} would go down",
        )
    return asked


def against(agent: AgentView, needs: Requirement) -> Refusal | None:
    """The first reason why `agent` could not be offered such work, rests aside, or None."""
    if needs.pool not in agent.profile.pools:
        return Refusal.NOT_IN_POOL
    refusal = unfit(agent.profile, needs)
    if refusal is None and not has_room(agent.profile, agent.room, needs):
        return Refusal.NO_CAPACITY
    return refusal


def _given(inputs: HandInputs, needs: Requirement) -> HandVerdict | Rejection:
    agent = inputs.agent
    if agent is None:
        return HandVerdict(needs, inputs.priority)
    refusal = against(agent, needs)
    overrides = inputs.asked.override and needs.channel in agent.profile.channels
    if refusal is not None and not overrides:
        return _not_for(agent.agent_id, refusal)
    return HandVerdict(needs, inputs.priority, agent.agent_id, refusal)


def _not_for(agent_id: str, refusal: Refusal) -> Rejection:
    if refusal is Refusal.NO_CAPACITY:
        return Rejection(Reason.NO_CAPACITY, f"{agent_id} has no room for it")
    return Rejection(Reason.NOT_ELIGIBLE, f"{agent_id} cannot take it: {refusal}")


def _too_often(inputs: HandInputs) -> Rejection:
    return Rejection(
        Reason.TRANSFER_LIMIT,
        f"it was transferred {inputs.transfers} times; version {inputs.policy_version} of the "
        f"policy allows {inputs.transfers_max}: complete, escalate or withdraw it",
    )
