"""Between rows and the core: what is stored of facts and clocks, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.chassis.bus.processor import Table
from services.sla.core.budget import due_at_ms
from services.sla.core.model import (
    Clock,
    Conversation,
    Course,
    Ending,
    Fact,
    FactKind,
    Metric,
    Pause,
    Step,
    StepKind,
    Tier,
)

Row = Mapping[str, Any]

FACTS = Table("fact", ("conversation_id", "fact_id"))
CLOCKS = Table("clock", ("conversation_id", "metric", "cycle"))


def fact_row(conversation: Conversation, fact: Fact, shard: int) -> Row:
    """Every column of `fact`."""
    return {
        "conversation_id": conversation.conversation_id,
        "fact_id": fact.fact_id,
        "tenant_id": conversation.tenant_id,
        "shard": shard,
        "occurred_at_ms": fact.occurred_at_ms,
        "sequence": fact.sequence,
        "kind": fact.kind,
        "tier": fact.tier,
        "channel": fact.channel,
        "agent_id": fact.agent_id,
    }


def clock_row(conversation: Conversation, clock: Clock, shard: int) -> Row:
    """Every column of `clock`; `state`, `due_at_ms` and `awaits` are there for those who read."""
    course = clock.course
    return {
        "conversation_id": conversation.conversation_id,
        "metric": course.metric,
        "cycle": course.cycle,
        "tenant_id": conversation.tenant_id,
        "shard": shard,
        "tier": course.tier,
        "policy_version": course.policy_version,
        "target_ms": course.target_ms,
        "spent_before_ms": course.spent_before_ms,
        "started_at_ms": course.started_at_ms,
        "warn_at_percent": list(course.warn_at_percent),
        "pauses": [[pause.from_ms, pause.until_ms] for pause in course.pauses],
        "ended_at_ms": course.ended_at_ms,
        "ending": course.ending,
        "ended_by": course.ended_by,
        "steps": [[step.kind, step.at_ms] for step in clock.steps],
        "warned": list(clock.warned),
        "detected_at_ms": clock.detected_at_ms,
        "void": clock.void,
        "state": clock.state,
        "due_at_ms": due_at_ms(course),
        "awaits": clock.awaits,
        "sequence": conversation.sequence,
    }


def fact_of(row: Row) -> Fact:
    """The fact of a row."""
    return Fact(
        occurred_at_ms=row["occurred_at_ms"],
        sequence=row["sequence"],
        fact_id=row["fact_id"],
        kind=FactKind(row["kind"]),
        tier=Tier(row["tier"]),
        channel=row["channel"],
        agent_id=row["agent_id"],
    )


def clock_of(row: Row) -> Clock:
    """The clock of a row."""
    return Clock(
        course=_course_of(row),
        steps=tuple(Step(at_ms, StepKind(kind)) for kind, at_ms in row["steps"]),
        warned=tuple(row["warned"]),
        detected_at_ms=row["detected_at_ms"],
        void=row["void"],
    )


def _course_of(row: Row) -> Course:
    return Course(
        metric=Metric(row["metric"]),
        cycle=row["cycle"],
        tier=Tier(row["tier"]),
        policy_version=row["policy_version"],
        target_ms=row["target_ms"],
        spent_before_ms=row["spent_before_ms"],
        started_at_ms=row["started_at_ms"],
        warn_at_percent=tuple(row["warn_at_percent"]),
        pauses=tuple(Pause(from_ms, until_ms) for from_ms, until_ms in row["pauses"]),
        ended_at_ms=row["ended_at_ms"],
        ending=Ending(row["ending"]) if row["ending"] else None,
        ended_by=row["ended_by"],
    )


def conversations_of(facts: Iterable[Row], clocks: Iterable[Row]) -> dict[str, Conversation]:
    """The conversations that the rows tell of, by id."""
    kept: dict[str, tuple[str, list[Fact], list[Clock], int]] = {}
    for row in facts:
        held = kept.setdefault(row["conversation_id"], (row["tenant_id"], [], [], 0))
        held[1].append(fact_of(row))
    for row in sorted(clocks, key=lambda row: (row["cycle"], row["metric"])):
        tenant_id, known, told, sequence = kept.get(
            row["conversation_id"], (row["tenant_id"], [], [], 0)
        )
        told.append(clock_of(row))
        latest = max(sequence, row["sequence"])
        kept[row["conversation_id"]] = (tenant_id, known, told, latest)
    return {
        name: Conversation(name, tenant_id, tuple(sorted(known)), tuple(told), sequence)
        for name, (tenant_id, known, told, sequence) in kept.items()
    }
