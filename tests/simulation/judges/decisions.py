"""Invariant 9: every decision has an explanation that re-evaluates to itself."""

from __future__ import annotations

from typing import Any

from immutables import Map
from switchboard.routing.v1.events_pb2 import RoutingEvent

from services.routing.core.byhand import HandVerdict, weigh
from services.routing.core.explain import Explanation, Refusal, evaluate
from services.routing.core.kinds import Channel, Tier
from services.routing.core.triage.rules import Conversation, place
from services.routing.shell.topics import EVENTS
from services.routing.shell.wire.by_hand import hand_of, verdict_json
from services.routing.shell.wire.explanations import inputs_of, result_json
from tests.simulation.judges.reading import check, events, rows
from tests.simulation.world import World


async def judge(world: World) -> None:
    """Each stored decision, and each offer and work that names one."""
    decisions = {row["decision_id"]: row for row in await rows(world, "decision")}
    for name, row in decisions.items():
        again = _triage(world, row) if row["kind"] == "TRIAGE" else _AGAIN[row["kind"]](row)
        check(again == row["result"], f"decision {name} is now {again}, was {row['result']}")
    for table in ("offer", "work"):
        for row in await rows(world, table):
            named = row["decision_id"]
            check(named in decisions, f"{table} {row['work_id']} names no stored decision")
    for event in events(world, EVENTS, RoutingEvent):
        kind = event.WhichOneof("kind")
        if kind in ("assigned", "transferred", "escalated"):
            named = getattr(event, kind).decision_id
            check(named in decisions, f"{kind} {event.work_id} names no stored decision")


def _offer(row: dict[str, Any]) -> dict[str, Any]:
    inputs = inputs_of(row["inputs"])
    refusals = tuple((Refusal(name), n) for name, n in row["result"]["refusals"].items())
    return result_json(Explanation(inputs, evaluate(inputs), refusals))


def _by_hand(row: dict[str, Any]) -> dict[str, Any]:
    inputs = hand_of(row["inputs"])
    verdict = weigh(inputs)
    check(isinstance(verdict, HandVerdict), f"{row['decision_id']} would be refused: {verdict}")
    assert isinstance(verdict, HandVerdict)
    return verdict_json(inputs, verdict)


_AGAIN = {"OFFER": _offer, "MANUAL": _by_hand, "ESCALATE": _by_hand}


def _triage(world: World, row: dict[str, Any]) -> dict[str, Any]:
    facts = {name: (*values, "")[0] for name, values in row["inputs"].items()}
    asked = Conversation(
        tenant_id=row["tenant_id"],
        conversation_id=row["conversation_id"],
        customer_id="",
        home_id="",
        channel=Channel(facts["channel"]),
        tier=Tier(facts["tier"]),
        language=facts["language"],
        pool_hint=facts["pool_hint"],
        attributes=Map(),
    )
    placed = place(world.policies.routing, asked)
    return {
        "pool": placed.requirement.pool,
        "skills": [[name, least] for name, least in placed.requirement.skills],
        "language": placed.requirement.language,
        "priority": placed.priority,
        "level": placed.requirement.level.name,
    }
