"""Events of the domain as an agent's session is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import events_pb2 as events
from switchboard.routing.v1 import model_pb2 as model

Work = model.WorkItem | None


def agent_of(event: events.RoutingEvent) -> str:
    """The agent whom an event concerns; empty where it concerns no agent's session."""
    kind = event.WhichOneof("kind") or ""
    if kind not in _PUSH:
        return ""
    said = getattr(event, kind)
    if kind == "offered":
        return str(said.offer.agent_id)
    if kind == "transferred":
        return str(said.from_agent_id)
    return str(said.assignment.agent_id if kind == "assigned" else said.agent_id)


def needs_work(event: events.RoutingEvent) -> bool:
    """Whether the push describes the work, which the event itself does not."""
    return event.WhichOneof("kind") in ("offered", "assigned")


def push(event: events.RoutingEvent, work: Work) -> pb.AgentSessionResponse:
    """What the session of `agent_of(event)` is told."""
    kind = event.WhichOneof("kind") or ""
    return _PUSH[kind](event, getattr(event, kind), work)


def _offer_made(_: events.RoutingEvent, said: events.Offered, work: Work) -> Any:
    return pb.AgentSessionResponse(offer_made=pb.OfferMade(offer=said.offer, work=work))


def _offer_ended(state: model.OfferState.ValueType) -> Callable[..., pb.AgentSessionResponse]:
    def ended(_: events.RoutingEvent, said: Any, __: Work) -> pb.AgentSessionResponse:
        reason = getattr(said, "reason", "")
        over = pb.OfferEnded(offer_id=said.offer_id, state=state, reason=reason)
        return pb.AgentSessionResponse(offer_ended=over)

    return ended


def _assignment_started(_: events.RoutingEvent, said: events.Assigned, work: Work) -> Any:
    started = pb.AssignmentStarted(assignment=said.assignment, work=work)
    return pb.AgentSessionResponse(assignment_started=started)


def _assignment_ended(event: events.RoutingEvent, said: Any, _: Work) -> Any:
    """Done, withdrawn, or gone elsewhere: by the kind of the event."""
    kind = event.WhichOneof("kind") or ""
    ended = pb.AssignmentEnded(
        work_id=event.work_id,
        reason="withdrawn" if event.completed.withdrawn else kind,
        wrap_up=said.wrap_up_ends_at_ms > 0,
        wrap_up_ends_at_ms=said.wrap_up_ends_at_ms,
    )
    return pb.AgentSessionResponse(assignment_ended=ended)


def _wrap_up_ended(event: events.RoutingEvent, _: events.WrapUpEnded, __: Work) -> Any:
    ended = pb.AssignmentEnded(work_id=event.work_id, reason="wrap_up_ended")
    return pb.AgentSessionResponse(assignment_ended=ended)


def _presence_changed(_: events.RoutingEvent, said: events.AgentPresenceChanged, __: Work) -> Any:
    changed = pb.PresenceChanged(presence=said.to_presence, reason=said.reason)
    return pb.AgentSessionResponse(presence_changed=changed)


_PUSH: Mapping[str, Callable[..., pb.AgentSessionResponse]] = {
    "offered": _offer_made,
    "accepted": _offer_ended(model.OFFER_STATE_ACCEPTED),
    "declined": _offer_ended(model.OFFER_STATE_DECLINED),
    "offer_timed_out": _offer_ended(model.OFFER_STATE_TIMED_OUT),
    "offer_rescinded": _offer_ended(model.OFFER_STATE_RESCINDED),
    "assigned": _assignment_started,
    "completed": _assignment_ended,
    "transferred": _assignment_ended,
    "escalated": _assignment_ended,
    "wrap_up_ended": _wrap_up_ended,
    "agent_presence_changed": _presence_changed,
}
