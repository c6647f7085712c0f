"""Work of a running stack, looked at and acted on over gRPC, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from google.protobuf.json_format import MessageToDict
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import routing_service_pb2 as pb
from switchboard.routing.v1.routing_service_pb2_grpc import RoutingServiceStub

from local.conversations import utc
from local.errors import StackError
from local.intake import Desk

PAGE: Final = 500


class Work:
    """The work of one tenant."""

    def __init__(self, desk: Desk) -> None:
        """Call over `desk`."""
        self._desk = desk
        self._stub = desk.service(RoutingServiceStub)

    async def listed(self, condition: str, domain: str, most: int) -> Sequence[model.WorkItem]:
        """Open work that meets the condition, next first, `most` of it."""
        ask = pb.ListWorkRequest(filter=condition, domain=domain, page_size=min(most, PAGE))
        page = await self._desk.call(self._stub.ListWork, ask)
        return list(page.work)[:most]

    async def found(self, work_id: str) -> pb.GetWorkResponse:
        """One, with its offers."""
        answer: pb.GetWorkResponse = await self._desk.call(
            self._stub.GetWork, pb.GetWorkRequest(work_id=work_id)
        )
        return answer

    async def explained(self, work_id: str, decision_id: str = "") -> pb.ExplainDecisionResponse:
        """A decision, the latest about the work where none is named."""
        ask = pb.ExplainDecisionRequest(work_id=work_id)
        if decision_id:
            ask = pb.ExplainDecisionRequest(decision_id=decision_id)
        answer: pb.ExplainDecisionResponse = await self._desk.call(self._stub.ExplainDecision, ask)
        return answer

    async def do(self, rpc: str, **fields: Any) -> Any:
        """Run a command such as `Assign`; `fields` are those of its request."""
        request = getattr(pb, f"{rpc}Request")(request_id=str(uuid4()), **fields)
        return await self._desk.call(getattr(self._stub, rpc), request)


def level_of(name: str) -> model.SupportLevel.ValueType:
    """The level of a name such as `l2`; the next one for an empty name. Raises `StackError`."""
    if not name:
        return model.SUPPORT_LEVEL_UNSPECIFIED
    prefix, numbers = "SUPPORT_LEVEL_", model.SupportLevel.items()
    known = {each.removeprefix(prefix).lower(): number for each, number in numbers if number}
    if name.lower() not in known:
        raise StackError(f"No such level: {name}; there are {', '.join(known)}.")
    return known[name.lower()]


def skills_of(named: Sequence[str]) -> list[model.SkillRequirement]:
    """Skills such as `billing=3`, at least 1 where no level is named. Raises `StackError`."""
    found = []
    for each in named:
        name, _, level = each.partition("=")
        if not name or not (level or "1").isdecimal():
            raise StackError(f"No skill: {each}; write it as billing=3.")
        found.append(model.SkillRequirement(name=name, min_level=int(level or "1")))
    return found


def line_of(work: model.WorkItem) -> str:
    """A piece of work in one line."""
    state = _word(model.WorkState, "WORK_STATE_", work.state)
    channel = _word(intake.Channel, "CHANNEL_", work.channel)
    level = _word(model.SupportLevel, "SUPPORT_LEVEL_", work.level)
    said = (
        f"{work.work_id}  {utc(work.arrived_at_ms)}  {state:9}  {channel:9}  {work.pool}  {level}"
        f"  {work.priority:+d}"
    )
    skills = ",".join(f"{skill.name}>={skill.min_level}" for skill in work.skills)
    return "  ".join(part for part in (said, skills, work.agent_id) if part)


def lines_of_offers(offers: Sequence[model.Offer]) -> Iterator[str]:
    """How it was offered, latest first."""
    for offer in offers:
        state = _word(model.OfferState, "OFFER_STATE_", offer.state)
        yield f"{utc(offer.offered_at_ms)}  {offer.agent_id}  {state}  {offer.decision_id}"


def lines_of_decision(decision: model.Decision) -> Iterator[str]:
    """Who decided what, and why it was nobody else."""
    kind = _word(model.DecisionKind, "DECISION_KIND_", decision.kind)
    inputs = MessageToDict(decision.inputs)
    parts = (utc(decision.decided_at_ms), kind, decision.reason, decision.agent_id or "nobody")
    if "asked" not in inputs:
        yield "  ".join(parts)
    else:
        said = sorted((name, value) for name, value in inputs["asked"].items() if value)
        asked = ", ".join(f"{name} {_plain(value)}" for name, value in said)
        yield "  ".join((*parts, f"by {inputs['actor']}", asked)).rstrip()
    for each in decision.candidates:
        why = _word(model.RejectionReason, "REJECTION_REASON_", each.rejection) or "chosen"
        if each.agent_id == decision.agent_id and not each.eligible:
            why = f"{why} (overridden)"
        yield f"    {each.agent_id}  {why}  {each.free_capacity} free"


def _plain(value: Any) -> str:
    """A JSON value as people write it: the numbers of decisions are whole."""
    if isinstance(value, list):
        return " ".join(f"{name}>={int(least)}" for name, least in value)
    return str(int(value)) if isinstance(value, float) else str(value)


def _word(kind: Any, prefix: str, number: int) -> str:
    """An enum's value as people write it; empty where it is not given."""
    return str(kind.Name(number)).removeprefix(prefix).lower() if number else ""
