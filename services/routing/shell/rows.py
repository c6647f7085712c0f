"""Between rows and the core: what is stored of a domain and of triage, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from immutables import Map

from services.chassis.bus.processor import Table
from services.routing.core.agents import Agent, ChannelCapacity, Edge, Profile, Session
from services.routing.core.domain import Domain
from services.routing.core.events import OfferMade
from services.routing.core.kinds import (
    AssignmentState,
    Channel,
    Level,
    OfferState,
    Presence,
    Tier,
    WorkState,
)
from services.routing.core.triage.model import Case
from services.routing.core.work import Assignment, Offer, Requirement, Rest, WorkItem
from services.routing.shell.wire.explanations import inputs_json, result_json

Row = Mapping[str, Any]

DOMAINS = Table("domain", ("tenant_id", "domain_id"))
AGENTS = Table("agent", ("tenant_id", "agent_id"))
WORK = Table("work", ("work_id",))
OFFERS = Table("offer", ("offer_id",))
ASSIGNMENTS = Table("assignment", ("assignment_id",))
EDGES = Table("edge", ("tenant_id", "domain_id", "edge_id"))
DECISIONS = Table("decision", ("decision_id",))
CASES = Table("triage", ("conversation_id",))

MATCHER_TABLES = (DOMAINS, AGENTS, WORK, OFFERS, ASSIGNMENTS, EDGES, DECISIONS)


def place(domain: Domain, shard: int) -> Row:
    """What every row of a domain has."""
    return {"tenant_id": domain.tenant_id, "domain_id": domain.domain_id, "shard": shard}


def domain_row(domain: Domain, shard: int) -> Row:
    """Every column of `domain`."""
    return {**place(domain, shard), "sequence": domain.sequence}


def agent_row(agent: Agent, *, is_removed: bool = False) -> Row:
    """Every column of `agent` but its place; `used`, `overridden` are there for those who read."""
    profile = agent.profile
    return {
        "agent_id": agent.agent_id,
        "display_name": agent.display_name,
        "pools": list(profile.pools),
        "capacity": profile.capacity,
        "used": agent.used,
        "overridden": agent.overridden,
        "skills": dict(profile.skills),
        "languages": list(profile.languages),
        "channels": {
            name.value: [its.cost, its.max_items] for name, its in profile.channels.items()
        },
        "level": profile.level.value,
        "presence": agent.presence,
        "idle_since_ms": agent.idle_since_ms,
        "sessions": [[s.session_id, s.edge_id, s.sequence] for s in agent.sessions],
        "missed": agent.missed,
        "grace_until_ms": agent.grace_until_ms,
        "version": agent.version,
        "is_removed": is_removed,
    }


def agent_of(row: Row) -> Agent:
    """The agent without engagements: those follow from offers and assignments."""
    profile = Profile(
        pools=tuple(row["pools"]),
        capacity=row["capacity"],
        skills=Map(row["skills"]),
        languages=tuple(row["languages"]),
        channels=Map({Channel(n): ChannelCapacity(*its) for n, its in row["channels"].items()}),
        level=Level(row["level"]),
    )
    return Agent(
        agent_id=row["agent_id"],
        display_name=row["display_name"],
        profile=profile,
        bench=profile.key,
        presence=Presence(row["presence"]),
        idle_since_ms=row["idle_since_ms"],
        sessions=tuple(Session(*each) for each in row["sessions"]),
        missed=row["missed"],
        grace_until_ms=row["grace_until_ms"],
        version=row["version"],
    )


def work_row(work: WorkItem) -> Row:
    """Every column of `work` but its place; `is_open` is there for those who read."""
    asks = work.requirement
    return {
        "work_id": work.work_id,
        "conversation_id": work.conversation_id,
        "customer_id": work.customer_id,
        "home_id": work.home_id,
        "tier": work.tier,
        "language": work.language,
        "pool": asks.pool,
        "channel": asks.channel,
        "speaks": asks.language,
        "skills": [[name, least] for name, least in asks.skills],
        "level": asks.level.value,
        "priority": work.priority,
        "arrived_ms": work.arrived_ms,
        "policy_version": work.policy_version,
        "decision_id": work.decision_id,
        "changed_ms": work.changed_ms,
        "state": work.state,
        "is_open": work.is_open,
        "offers": work.offers,
        "rests": [[r.agent_id, r.alone_ms, r.until_ms] for r in work.rests],
        "agent_id": work.agent_id,
        "offer_id": work.offer_id,
        "assignment_id": work.assignment_id,
        "assignments": work.assignments,
        "transfers": work.transfers,
        "hands": work.hands,
        "set_by_hand": list(work.set_by_hand),
    }


def work_of(row: Row) -> WorkItem:
    """The work of a row."""
    asks = Requirement(
        pool=row["pool"],
        channel=Channel(row["channel"]),
        language=row["speaks"],
        skills=tuple((name, least) for name, least in row["skills"]),
        level=Level(row["level"]),
    )
    return WorkItem(
        work_id=row["work_id"],
        conversation_id=row["conversation_id"],
        customer_id=row["customer_id"],
        home_id=row["home_id"],
        tier=Tier(row["tier"]),
        language=row["language"],
        requirement=asks,
        line=asks.key,
        priority=row["priority"],
        arrived_ms=row["arrived_ms"],
        policy_version=row["policy_version"],
        decision_id=row["decision_id"],
        changed_ms=row["changed_ms"],
        state=WorkState(row["state"]),
        offers=row["offers"],
        rests=tuple(Rest(*each) for each in row["rests"]),
        agent_id=row["agent_id"],
        offer_id=row["offer_id"],
        assignment_id=row["assignment_id"],
        assignments=row["assignments"],
        transfers=row["transfers"],
        hands=row["hands"],
        set_by_hand=tuple(row["set_by_hand"]),
    )


def offer_row(offer: Offer) -> Row:
    """Every column of `offer` but its place."""
    return {
        "offer_id": offer.offer_id,
        "work_id": offer.work_id,
        "agent_id": offer.agent_id,
        "decision_id": offer.decision_id,
        "channel": offer.channel,
        "cost": offer.cost,
        "offered_ms": offer.offered_ms,
        "expires_ms": offer.expires_ms,
        "state": offer.state,
        "ended_ms": offer.ended_ms,
        "reason": offer.reason,
    }


def offer_of(row: Row) -> Offer:
    """The offer of a row."""
    return Offer(
        offer_id=row["offer_id"],
        work_id=row["work_id"],
        agent_id=row["agent_id"],
        decision_id=row["decision_id"],
        channel=Channel(row["channel"]),
        cost=row["cost"],
        offered_ms=row["offered_ms"],
        expires_ms=row["expires_ms"],
        state=OfferState(row["state"]),
        ended_ms=row["ended_ms"],
        reason=row["reason"],
    )


def assignment_row(assignment: Assignment) -> Row:
    """Every column of `assignment` but its place; `is_open` is there for those who read."""
    return {
        "assignment_id": assignment.assignment_id,
        "offer_id": assignment.offer_id,
        "work_id": assignment.work_id,
        "conversation_id": assignment.conversation_id,
        "pool": assignment.pool,
        "agent_id": assignment.agent_id,
        "channel": assignment.channel,
        "cost": assignment.cost,
        "asked_ms": assignment.asked_ms,
        "assigned_ms": assignment.assigned_ms,
        "override": assignment.override,
        "state": assignment.state,
        "is_open": assignment.state is not AssignmentState.COMPLETED,
        "wrap_up_until_ms": assignment.wrap_up_until_ms,
        "ended_ms": assignment.ended_ms,
        "reason": assignment.reason,
    }


def assignment_of(row: Row) -> Assignment:
    """The assignment of a row."""
    return Assignment(
        assignment_id=row["assignment_id"],
        offer_id=row["offer_id"],
        work_id=row["work_id"],
        conversation_id=row["conversation_id"],
        pool=row["pool"],
        agent_id=row["agent_id"],
        channel=Channel(row["channel"]),
        cost=row["cost"],
        asked_ms=row["asked_ms"],
        assigned_ms=row["assigned_ms"],
        override=row["override"],
        state=AssignmentState(row["state"]),
        wrap_up_until_ms=row["wrap_up_until_ms"],
        ended_ms=row["ended_ms"],
        reason=row["reason"],
    )


def edge_row(edge: Edge) -> Row:
    """Every column of `edge` but its place; its sessions are in its agents' rows."""
    return {
        "edge_id": edge.edge_id,
        "lease_until_ms": edge.lease_until_ms,
        "is_alive": edge.lease_until_ms > 0,
    }


def edge_of(row: Row) -> Edge:
    """The edge of a row, without its sessions."""
    return Edge(row["edge_id"], row["lease_until_ms"])


def decision_row(made: OfferMade, conversation_id: str) -> Row:
    """Every column of `decision` but its place: why an agent was asked."""
    explanation = made.explanation
    return {
        "decision_id": made.offer.decision_id,
        "kind": "OFFER",
        "work_id": made.offer.work_id,
        "conversation_id": conversation_id,
        "agent_id": made.offer.agent_id,
        "policy_version": explanation.inputs.policy_version,
        "reason": "longest_idle" if explanation.inputs.trigger == "WORK_WAITS" else "next_in_line",
        "decided_ms": made.offer.offered_ms,
        "inputs": inputs_json(explanation.inputs),
        "result": result_json(explanation),
    }


def case_row(case: Case, shard: int) -> Row:
    """Every column of `triage`."""
    return {
        "conversation_id": case.conversation_id,
        "tenant_id": case.tenant_id,
        "shard": shard,
        "is_live": case.is_live,
        "is_open": case.is_open,
        "has_work": case.has_work,
        "sequence": case.sequence,
        "settles_ms": case.settles_ms,
        "wrote_ms": case.wrote_ms,
        "work": work_row(case.work),
    }


def case_of(row: Row) -> Case:
    """The case of a row."""
    return Case(
        tenant_id=row["tenant_id"],
        conversation_id=row["conversation_id"],
        is_open=row["is_open"],
        sequence=row["sequence"],
        work=work_of(row["work"]),
        has_work=row["has_work"],
        settles_ms=row["settles_ms"],
        wrote_ms=row["wrote_ms"],
    )


def by_domain(rows: Iterable[Row]) -> Mapping[tuple[str, str], list[Row]]:
    """Rows apart by tenant and domain."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["tenant_id"], row["domain_id"]), []).append(row)
    return found
