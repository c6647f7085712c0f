"""What triage asks of the matcher, with the decision that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as pb

from services.routing.core.triage.model import Case, Changed, Event, Requested, Withdrawn
from services.routing.core.triage.rules import Placement
from services.routing.core.work import WorkItem
from services.routing.shell.topics import DEFAULT_DOMAIN
from services.routing.shell.wire.nouns import Place, json_of, struct, work_message

ACTOR = "service/routing.triage"


def message(case: Case, event: Event, now_ms: int) -> asks.RoutingInput | None:
    """What the matcher is to know of `event`; None where it knows already."""
    envelope = asks.RoutingInput(
        tenant_id=case.tenant_id, domain=DEFAULT_DOMAIN, occurred_at_ms=now_ms, actor=ACTOR
    )
    place = Place(case.tenant_id, DEFAULT_DOMAIN)
    match event:
        case Requested():
            envelope.work_requested.work.CopyFrom(work_message(event.work, place))
            if event.placement is not None:
                decision = _decision(event.work, event.placement, place, now_ms)
                envelope.work_requested.decision.CopyFrom(decision)
        case Changed():
            envelope.work_changed.work.CopyFrom(work_message(event.work, place))
        case Withdrawn():
            envelope.work_withdrawn.CopyFrom(
                asks.WorkWithdrawn(
                    work_id=event.work_id,
                    conversation_id=case.conversation_id,
                    reason=event.reason,
                )
            )
        case _:
            return None
    return envelope


def decision_row(decision: pb.Decision) -> Mapping[str, Any]:
    """Every column of `decision` but its place: why triage asked for this."""
    return {
        "decision_id": decision.decision_id,
        "kind": "TRIAGE",
        "work_id": decision.work_id,
        "conversation_id": decision.conversation_id,
        "agent_id": "",
        "policy_version": decision.policy_version,
        "reason": decision.reason,
        "decided_ms": decision.decided_at_ms,
        "inputs": json_of(decision.inputs),
        "result": json_of(decision.result),
    }


def _decision(work: WorkItem, placement: Placement, place: Place, now_ms: int) -> pb.Decision:
    needs = placement.requirement
    result = {
        "pool": needs.pool,
        "skills": [[name, least] for name, least in needs.skills],
        "language": needs.language,
        "priority": placement.priority,
        "level": needs.level.name,
    }
    return pb.Decision(
        decision_id=work.decision_id,
        kind=pb.DECISION_KIND_TRIAGE,
        work_id=work.work_id,
        conversation_id=work.conversation_id,
        policy_version=placement.policy_version,
        reason=f"rule:{placement.rule}",
        inputs=struct({name: list(values) for name, values in placement.facts}),
        decided_at_ms=now_ms,
        domain=place.domain_id,
        tenant_id=place.tenant_id,
        result=struct(result),
    )
