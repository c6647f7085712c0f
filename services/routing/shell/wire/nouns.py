"""Work, offers, assignments, agents, decisions and policies as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from immutables import Map
from switchboard.routing.v1 import model_pb2 as pb

from services.routing.core.agents import Agent, ChannelCapacity, Channels, Profile
from services.routing.core.explain import Refusal
from services.routing.core.kinds import AssignmentState, Channel, Level, Tier
from services.routing.core.policies import RoutingPolicy
from services.routing.core.triage.rules import primary_subtag
from services.routing.core.work import SET_BY_HAND, Assignment, Offer, Requirement, WorkItem
from services.routing.shell.wire.names import (
    CHANNELS,
    LEVELS,
    OFFER_STATES,
    PRESENCES,
    REJECTIONS,
    TIERS,
    WORK_STATES,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entity belongs."""

    tenant_id: str
    domain_id: str


def work_message(work: WorkItem, place: Place) -> pb.WorkItem:
    """Work as readers see it."""
    asks = work.requirement
    return pb.WorkItem(
        tenant_id=place.tenant_id,
        domain=place.domain_id,
        work_id=work.work_id,
        conversation_id=work.conversation_id,
        pool=asks.pool,
        skills=[pb.SkillRequirement(name=name, min_level=least) for name, least in asks.skills],
        priority=work.priority,
        tier=TIERS.to_wire(work.tier),
        level=LEVELS.to_wire(asks.level),
        channel=CHANNELS.to_wire(asks.channel),
        language=work.language,
        state=WORK_STATES.to_wire(work.state),
        arrived_at_ms=work.arrived_ms,
        policy_version=work.policy_version,
        decision_id=work.decision_id,
        agent_id=work.agent_id,
        offer_id=work.offer_id,
        offer_count=work.offers,
        customer_id=work.customer_id,
        changed_at_ms=work.changed_ms,
        home_id=work.home_id,
        set_by_hand=work.set_by_hand,
        transfer_count=work.transfers,
    )


def work_of(message: pb.WorkItem, now_ms: int) -> WorkItem:
    """New work as triage asked for it. Raises `ValueError` for a channel nobody knows."""
    asks = requirement_of(message)
    return WorkItem(
        work_id=message.work_id,
        conversation_id=message.conversation_id,
        customer_id=message.customer_id,
        home_id=message.home_id,
        tier=TIERS.of_wire(message.tier) or Tier.BASIC,
        language=message.language,
        requirement=asks,
        line=asks.key,
        priority=message.priority,
        arrived_ms=message.arrived_at_ms,
        policy_version=message.policy_version,
        decision_id=message.decision_id,
        changed_ms=now_ms,
        set_by_hand=tuple(sorted(set(message.set_by_hand) & SET_BY_HAND)),
    )


def requirement_of(message: pb.WorkItem) -> Requirement:
    """What work asks of an agent. Raises `ValueError` for a channel nobody knows."""
    return Requirement(
        pool=message.pool,
        channel=CHANNELS.required(message.channel),
        language=primary_subtag(message.language),
        skills=skills_of(message.skills),
        level=LEVELS.of_wire(message.level) or Level.L1,
    )


def skills_of(messages: Iterable[pb.SkillRequirement]) -> tuple[tuple[str, int], ...]:
    """Required skills by name; of one that is named twice, the higher level."""
    return tuple(dict(sorted((each.name, each.min_level) for each in messages)).items())


def offer_message(offer: Offer, work: WorkItem | None = None) -> pb.Offer:
    """An offer as its agent sees it; without `work`, what it repeats of that is left out."""
    message = pb.Offer(
        offer_id=offer.offer_id,
        work_id=offer.work_id,
        agent_id=offer.agent_id,
        expires_at_ms=offer.expires_ms,
        decision_id=offer.decision_id,
        state=OFFER_STATES.to_wire(offer.state),
        offered_at_ms=offer.offered_ms,
        ended_at_ms=offer.ended_ms,
        channel=CHANNELS.to_wire(offer.channel),
        cost=offer.cost,
    )
    if work is not None:
        message.conversation_id = work.conversation_id
        message.pool = work.requirement.pool
        message.priority = work.priority
    return message


def assignment_message(assignment: Assignment) -> pb.Assignment:
    """An assignment as its agent sees it."""
    return pb.Assignment(
        assignment_id=assignment.assignment_id,
        work_id=assignment.work_id,
        conversation_id=assignment.conversation_id,
        agent_id=assignment.agent_id,
        offer_id=assignment.offer_id,
        assigned_at_ms=assignment.assigned_ms,
        wrap_up=assignment.state is AssignmentState.WRAP_UP,
        wrap_up_ends_at_ms=assignment.wrap_up_until_ms,
        cost=assignment.cost,
        channel=CHANNELS.to_wire(assignment.channel),
        override=assignment.override,
    )


def agent_message(agent: Agent, place: Place) -> pb.Agent:
    """An agent as colleagues see them."""
    profile = agent.profile
    return pb.Agent(
        agent_id=agent.agent_id,
        tenant_id=place.tenant_id,
        domain=place.domain_id,
        display_name=agent.display_name,
        skills=[pb.Skill(name=name, level=profile.skills[name]) for name in sorted(profile.skills)],
        channels=_channels_message(profile.channels),
        capacity=profile.capacity,
        level=LEVELS.to_wire(profile.level),
        pools=profile.pools,
        languages=profile.languages,
        presence=PRESENCES.to_wire(agent.presence),
        idle_since_ms=agent.idle_since_ms,
        used_capacity=agent.used,
        version=agent.version,
    )


def profile_of(message: pb.Agent) -> Profile:
    """What an agent can do. Raises `ValueError` for a channel nobody knows."""
    return Profile(
        pools=tuple(sorted(set(message.pools))),
        capacity=message.capacity,
        skills=Map({skill.name: skill.level for skill in message.skills}),
        languages=tuple(sorted({primary_subtag(each) for each in message.languages})),
        channels=channels_of(message.channels),
        level=LEVELS.of_wire(message.level) or Level.L1,
    )


def decision_message(row: Mapping[str, Any]) -> pb.Decision:
    """A stored decision."""
    result = row["result"]
    inputs, candidates = row["inputs"], _candidates(row)
    return pb.Decision(
        decision_id=row["decision_id"],
        kind=pb.DecisionKind.Value(f"DECISION_KIND_{row['kind']}"),
        work_id=row["work_id"],
        conversation_id=row["conversation_id"],
        policy_version=row["policy_version"],
        candidates=candidates,
        candidate_count=_count(result),
        agent_id=row["agent_id"],
        reason=row["reason"],
        inputs=struct(inputs),
        decided_at_ms=row["decided_ms"],
        domain=row["domain_id"],
        tenant_id=row["tenant_id"],
        result=struct(result),
    )


def policy_message(policy: RoutingPolicy, domain_id: str) -> pb.RoutingPolicy:
    """A version of a domain's rules."""
    message = pb.RoutingPolicy(
        domain=domain_id,
        version=policy.version,
        default_pool=policy.default_pool,
        offer_timeout_ms=policy.offer_timeout_ms,
        decline_cooldown_ms=policy.decline_cooldown_ms,
        wrap_up_ms=policy.wrap_up_ms,
        max_missed_offers=policy.max_missed_offers,
        presence_grace_ms=policy.presence_grace_ms,
        max_transfers=policy.max_transfers,
        channels=_channels_message(policy.channels),
    )
    for rule in policy.rules:
        message.rules.add(
            name=rule.name,
            conditions=[
                pb.Condition(field=each.field, values=each.values, negate=each.negate)
                for each in rule.conditions
            ],
            pool=rule.pool,
            skills=[pb.SkillRequirement(name=name, min_level=least) for name, least in rule.skills],
            priority=rule.priority,
            level=LEVELS.to_wire(rule.level),
        )
    for name, pool in sorted(policy.pools.items()):
        message.pools.add(
            name=name,
            strategy=pb.STRATEGY_LONGEST_IDLE,
            offer_timeout_ms=pool.offer_timeout_ms,
            wrap_up_ms=pool.wrap_up_ms,
        )
    return message


def struct(values: Mapping[str, Any]) -> Struct:
    """JSON values as a message."""
    message = Struct()
    message.update(values)
    return message


def json_of(message: Struct) -> dict[str, Any]:
    """JSON values of a message; its numbers are whole where they can be."""
    values: dict[str, Any] = _whole(MessageToDict(message))
    return values


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _candidates(row: Mapping[str, Any]) -> list[pb.Candidate]:
    """The agents that were looked at; for an agent who looked for work, that agent."""
    inputs, result = row["inputs"], row["result"]
    if row["kind"] == "TRIAGE":
        return []
    considered = {each["id"]: each for each in result["considered"]}
    return [_candidate(agent, considered, result["agent_id"]) for agent in inputs["agents"]]


def _count(result: Mapping[str, Any]) -> int:
    """How many were looked at: the finalists, and everybody who was refused."""
    finalists = [each for each in result.get("considered", ()) if not each["refusal"]]
    return len(finalists) + int(sum(result.get("refusals", {}).values()))


def _candidate(
    agent: Mapping[str, Any], considered: Mapping[str, Any], winner: str
) -> pb.Candidate:
    name = agent["agent_id"]
    refusal = considered[name]["refusal"] if name in considered else ""
    rejection = pb.REJECTION_REASON_UNSPECIFIED if name == winner else pb.REJECTION_REASON_OUTRANKED
    return pb.Candidate(
        agent_id=name,
        eligible=not refusal,
        rejection=REJECTIONS[Refusal(refusal)] if refusal else rejection,
        score=agent["idle_key_ms"],
        idle_since_ms=agent["idle_key_ms"],
        free_capacity=agent["free"],
    )


def _channels_message(channels: Channels) -> list[pb.ChannelCapacity]:
    return [
        pb.ChannelCapacity(channel=CHANNELS.to_wire(name), cost=its.cost, max_items=its.max_items)
        for name, its in sorted(channels.items())
    ]


def channels_of(messages: Iterable[pb.ChannelCapacity]) -> Channels:
    """Channels with their costs. Raises `ValueError` for one nobody knows."""
    found: dict[Channel, ChannelCapacity] = {
        CHANNELS.required(each.channel): ChannelCapacity(each.cost, each.max_items)
        for each in messages
    }
    return Map(found)
