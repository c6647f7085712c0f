"""Turns records into facts; the only place of the reconciler that knows the contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from switchboard.feedback.v1 import events_pb2 as feedback
from switchboard.feedback.v1 import model_pb2 as feedback_model
from switchboard.intake.v1 import events_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model
from switchboard.routing.v1 import events_pb2 as routing
from switchboard.sla.v1 import events_pb2 as sla
from switchboard.sla.v1 import model_pb2 as sla_model

from local.verify.world import (
    ConversationFact,
    LifeFact,
    MessageFact,
    ReplyFact,
    RoutingFact,
    World,
)

WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record as it was read."""

    topic: str
    partition: int
    offset: int
    append_ms: int
    value: bytes
    headers: Mapping[str, bytes]

    @property
    def place(self) -> str:
        """Give where it is, for people."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def conversation_event(record: LogRecord, world: World) -> None:
    """Fold one record of intake.conversations.v1."""
    event = intake.ConversationEvent.FromString(record.value)
    conversation_id = event.conversation.conversation_id
    if not conversation_id:
        return
    status = _short(
        intake_model.ConversationStatus.Name(event.conversation.status), "CONVERSATION_STATUS"
    )
    world.add_conversation(
        ConversationFact(conversation_id, status, event.sequence, record.append_ms)
    )
    kind = event.WhichOneof("kind")
    if kind == "message_added":
        world.add_message(_message(event.message_added.message, conversation_id, record))
    elif kind == "replied":
        reply = _reply(event.replied.message, conversation_id, record)
        world.replies[reply.message_id].append(reply)
    elif kind == "message_diverted":
        # It was decided once, and goes where this says.
        reply = _reply(event.message_diverted.message, conversation_id, record)
        world.replies[reply.message_id][:] = [
            replace(fact, channel=reply.channel, recipient=reply.recipient)
            for fact in world.replies[reply.message_id]
        ]
        world.deliveries[reply.message_id] = "QUEUED"
    elif kind == "delivery_changed":
        changed = event.delivery_changed
        status = _short(intake_model.DeliveryStatus.Name(changed.status), "DELIVERY_STATUS")
        world.deliveries[changed.message_id] = status


def routing_event(record: LogRecord, world: World) -> None:
    """Fold one record of routing.events.v1."""
    event = routing.RoutingEvent.FromString(record.value)
    kind = event.WhichOneof("kind") or ""
    if kind == "command_rejected":
        return
    domain = f"{event.tenant_id}/{event.domain}"
    offer_id, agent_id, cost = _grant(event, kind)
    world.routing[domain].append(
        RoutingFact(
            domain=domain,
            sequence=event.sequence,
            kind=kind,
            work_id=event.work_id,
            conversation_id=event.conversation_id,
            offer_id=offer_id,
            agent_id=agent_id,
            cost=cost,
            capacity=event.agent_changed.agent.capacity,
            wrap_up=getattr(getattr(event, kind, None), "wrap_up_ends_at_ms", 0) > 0,
            override=event.assigned.assignment.override,
            withdrawn=event.completed.withdrawn or event.abandoned.reason == WITHDRAWN,
            append_ms=record.append_ms,
            expires_ms=event.offered.offer.expires_at_ms,
        )
    )


def sla_event(record: LogRecord, world: World) -> None:
    """Fold one record of sla.events.v1."""
    event = sla.SlaEvent.FromString(record.value)
    clock = event.clock
    if not clock.clock_id:
        return
    world.clocks[clock.clock_id].append(
        LifeFact(
            id=clock.clock_id,
            conversation_id=event.conversation_id,
            step=event.WhichOneof("kind") or "",
            state=_short(sla_model.ClockState.Name(clock.state), "CLOCK_STATE"),
            place=record.place,
            at_ms=clock.due_at_ms,
            append_ms=record.append_ms,
        )
    )


def feedback_event(record: LogRecord, world: World) -> None:
    """Fold one record of feedback.events.v1."""
    event = feedback.FeedbackEvent.FromString(record.value)
    survey = event.survey
    if not survey.survey_id or event.WhichOneof("kind") == "recovery_opened":
        return
    world.surveys[survey.survey_id].append(
        LifeFact(
            id=survey.survey_id,
            conversation_id=event.conversation_id,
            step=event.WhichOneof("kind") or "",
            state=_short(feedback_model.SurveyState.Name(survey.state), "SURVEY_STATE"),
            place=record.place,
            at_ms=survey.expires_at_ms or survey.send_at_ms,
            append_ms=record.append_ms,
        )
    )


DECODERS: Mapping[str, Callable[[LogRecord, World], None]] = {
    "intake.conversations.v1": conversation_event,
    "routing.events.v1": routing_event,
    "sla.events.v1": sla_event,
    "feedback.events.v1": feedback_event,
}


def _message(message: intake_model.Message, conversation_id: str, record: LogRecord) -> MessageFact:
    return MessageFact(
        account_id=message.account_id,
        provider_message_id=message.provider_message_id,
        message_id=message.message_id,
        conversation_id=conversation_id,
        place=record.place,
        append_ms=record.append_ms,
    )


def _reply(message: intake_model.Message, conversation_id: str, record: LogRecord) -> ReplyFact:
    return ReplyFact(
        message_id=message.message_id,
        conversation_id=conversation_id,
        recipient=message.to_address,
        text=message.text,
        purpose=_short(intake_model.Purpose.Name(message.purpose), "PURPOSE"),
        source_id=message.source_id,
        channel=_short(intake_model.Channel.Name(message.channel), "CHANNEL"),
        place=record.place,
        append_ms=record.append_ms,
    )


def _grant(event: routing.RoutingEvent, kind: str) -> tuple[str, str, int]:
    """Give offer, agent and cost of an event, where it has them."""
    if kind == "offered":
        offer = event.offered.offer
        return offer.offer_id, offer.agent_id, offer.cost
    if kind == "assigned":
        assignment = event.assigned.assignment
        return assignment.offer_id, assignment.agent_id, assignment.cost
    if kind == "agent_changed":
        return "", event.agent_changed.agent.agent_id, 0
    if kind == "transferred":
        return "", event.transferred.from_agent_id, 0
    if kind in {"accepted", "declined", "offer_timed_out", "offer_rescinded"}:
        answer = getattr(event, kind)
        return answer.offer_id, answer.agent_id, 0
    return "", getattr(getattr(event, kind, None), "agent_id", ""), 0


def _short(name: str, enum: str) -> str:
    """Give an enum value's name without the enum's: `CLOCK_STATE_MET` is `MET`."""
    return name.removeprefix(f"{enum}_")
