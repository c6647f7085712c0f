"""Between the wire and the core: conversation events in, clock events and clocks out."""

from __future__ import annotations

from switchboard.intake.v1 import events_pb2 as intake_events
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.sla.v1 import events_pb2 as pb
from switchboard.sla.v1 import model_pb2 as model

from services.sla.core.budget import due_at_ms, spent_ms
from services.sla.core.events import ClockCorrected, ClockEvent, ClockStepped, ClockWarned
from services.sla.core.model import (
    Clock,
    ClockState,
    Conversation,
    Ending,
    Fact,
    FactKind,
    Metric,
    Step,
    StepKind,
    Tier,
)
from services.sla.core.policies import POLICY_ID, Policy

_STATUSES = {
    intake.CONVERSATION_STATUS_OPEN: FactKind.OPENED,
    intake.CONVERSATION_STATUS_PENDING: FactKind.PENDING,
    intake.CONVERSATION_STATUS_RESOLVED: FactKind.RESOLVED,
    intake.CONVERSATION_STATUS_CLOSED: FactKind.CLOSED,
}
_ANSWERS = frozenset({intake.PURPOSE_UNSPECIFIED, intake.PURPOSE_REPLY})
_STATES = {
    ClockState.RUNNING: model.CLOCK_STATE_RUNNING,
    ClockState.PAUSED: model.CLOCK_STATE_PAUSED,
    ClockState.MET: model.CLOCK_STATE_MET,
    ClockState.BREACHED: model.CLOCK_STATE_BREACHED,
    ClockState.CANCELLED: model.CLOCK_STATE_CANCELLED,
    ClockState.VOID: model.CLOCK_STATE_CANCELLED,
}
_METRICS = {
    Metric.FIRST_RESPONSE: model.CLOCK_METRIC_FIRST_RESPONSE,
    Metric.RESOLUTION: model.CLOCK_METRIC_RESOLUTION,
}
_REASONS = {
    Ending.FULFILLED: "fulfilled",
    Ending.RESOLVED_UNANSWERED: "resolved_unanswered",
    Ending.MERGED: "merged",
}


def fact_of(event: intake_events.ConversationEvent, logged_at_ms: int) -> Fact | None:
    """What `event` says to clocks, or None where it says nothing.

    Nothing happens after it was logged: an event time ahead of the log (a provider's clock that
    runs fast) is taken as the log's.
    """
    kind = _kind(event)
    if kind is None:
        return None
    return Fact(
        occurred_at_ms=min(event.occurred_at_ms, logged_at_ms),
        sequence=event.sequence,
        fact_id=event.event_id,
        kind=kind,
        tier=tier_of(event.conversation.tier),
        channel=intake.Channel.Name(event.conversation.channel).removeprefix("CHANNEL_"),
        agent_id=_agent(event),
    )


def _kind(event: intake_events.ConversationEvent) -> FactKind | None:
    match event.WhichOneof("kind"):
        case "message_added":
            nobody_wrote = event.message_added.message.automatic
            return None if nobody_wrote else FactKind.CUSTOMER_MESSAGE
        case "conversation_split":
            begun = event.conversation_split.new_conversation_id
            ours = begun == event.conversation.conversation_id
            return FactKind.CUSTOMER_MESSAGE if ours else None
        case "unmerged":
            ours = event.unmerged.source_conversation_id == event.conversation.conversation_id
            waits = event.conversation.status == intake.CONVERSATION_STATUS_OPEN
            return FactKind.CUSTOMER_MESSAGE if ours and waits else None
        case "replied":
            by_agent = event.replied.agent_id and event.replied.message.purpose in _ANSWERS
            return FactKind.AGENT_REPLY if by_agent else FactKind.AUTO_REPLY
        case "note_added":
            return FactKind.NOTE
        case "status_changed":
            return _STATUSES.get(event.status_changed.to_status)
        case "merged":
            ours = event.merged.source_conversation_id == event.conversation.conversation_id
            return FactKind.MERGED if ours else None
        case _:
            return None


def _agent(event: intake_events.ConversationEvent) -> str:
    kind = event.WhichOneof("kind")
    said = getattr(event, kind) if kind in ("replied", "status_changed", "merged") else None
    return str(said.agent_id) if said is not None else ""


def tier_of(tier: intake.ServiceTier.ValueType) -> Tier:
    """The tier of a wire value; an unknown customer is entitled to the basics."""
    if tier == intake.SERVICE_TIER_UNSPECIFIED:
        return Tier.BASIC
    return Tier(intake.ServiceTier.Name(tier).removeprefix("SERVICE_TIER_"))


def metric_of(metric: int) -> Metric | None:
    """The metric of a wire value; None for one that no clock measures yet."""
    return next((ours for ours, theirs in _METRICS.items() if theirs == metric), None)


def clock_message(clock: Clock, *, tenant_id: str, conversation_id: str, at_ms: int) -> model.Clock:
    """The clock as readers see it, with its time used up to `at_ms`."""
    course = clock.course
    breached = next((step for step in clock.steps if step.kind is StepKind.BREACHED), None)
    return model.Clock(
        clock_id=f"{conversation_id}/{course.metric.lower()}/{course.cycle}",
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        metric=_METRICS[course.metric],
        cycle=course.cycle,
        tier=intake.ServiceTier.Value(f"SERVICE_TIER_{course.tier}"),
        policy_id=POLICY_ID,
        policy_version=course.policy_version,
        started_at_ms=course.started_at_ms,
        due_at_ms=due_at_ms(course) or 0,
        target_ms=course.target_ms,
        elapsed_ms=course.spent_before_ms + spent_ms(course, at_ms),
        measured_at_ms=at_ms,
        state=_STATES[clock.state],
        warned_percents=sorted(clock.warned),
        breached_at_ms=breached.at_ms if breached else 0,
        ended_at_ms=course.ended_at_ms or 0,
    )


def event_message(conversation: Conversation, event: ClockEvent, *, event_id: str) -> pb.SlaEvent:
    """The announcement of `event`; `conversation` is as it stands after it."""
    at_ms = _at_ms(event)
    channel = f"CHANNEL_{conversation.channel or 'UNSPECIFIED'}"
    message = pb.SlaEvent(
        event_id=event_id,
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.conversation_id,
        occurred_at_ms=at_ms,
        sequence=conversation.sequence,
        channel=intake.Channel.Value(channel),
        clock=clock_message(
            event.clock,
            tenant_id=conversation.tenant_id,
            conversation_id=conversation.conversation_id,
            at_ms=at_ms,
        ),
    )
    _say(message, event)
    return message


def _at_ms(event: ClockEvent) -> int:
    return event.clock.steps[-1].at_ms if isinstance(event, ClockCorrected) else event.at_ms


def _say(message: pb.SlaEvent, event: ClockEvent) -> None:
    match event:
        case ClockWarned():
            message.warned.threshold_percent = event.percent
        case ClockCorrected():
            before = clock_message(
                event.before,
                tenant_id=message.tenant_id,
                conversation_id=message.conversation_id,
                at_ms=event.before.steps[-1].at_ms,
            )
            message.corrected.before.CopyFrom(before)
            message.corrected.reason = "void" if event.clock.void else "late_fact"
        case ClockStepped():
            _say_step(message, event.clock, event.kind, event.at_ms)


def _say_step(message: pb.SlaEvent, clock: Clock, kind: StepKind, at_ms: int) -> None:
    course = clock.course
    match kind:
        case StepKind.STARTED:
            message.started.reason = "customer_wrote" if course.cycle == 1 else "reopened"
        case StepKind.PAUSED:
            message.paused.reason = "pending"
        case StepKind.RESUMED:
            message.resumed.reason = "opened"
            message.resumed.paused_ms = at_ms - _paused_since_ms(clock.steps)
        case StepKind.BREACHED:
            message.breached.due_at_ms = at_ms
            message.breached.detected_at_ms = clock.detected_at_ms or at_ms
        case StepKind.CANCELLED:
            message.cancelled.reason = _REASONS[course.ending] if course.ending else ""
        case StepKind.MET | StepKind.STOPPED:
            _say_ended(message, clock, kind)


def _say_ended(message: pb.SlaEvent, clock: Clock, kind: StepKind) -> None:
    """An end after a breach is told as what it would have been; the clock stays breached."""
    ending = clock.course.ending
    if ending is not None and ending is not Ending.FULFILLED:
        message.cancelled.reason = _REASONS[ending]
        return
    message.met.elapsed_ms = message.clock.elapsed_ms
    message.met.after_breach = kind is StepKind.STOPPED
    message.met.agent_id = clock.course.ended_by


def _paused_since_ms(steps: tuple[Step, ...]) -> int:
    return next(step.at_ms for step in reversed(steps) if step.kind is StepKind.PAUSED)


def policy_message(policy: Policy) -> model.SlaPolicy:
    """A version of the promises, target by target."""
    message = model.SlaPolicy(
        policy_id=POLICY_ID,
        version=policy.version,
        display_name="Standard targets, round the clock",
        enabled=True,
        created_at_ms=policy.effective_from_ms,
    )
    for tier, targets in policy.targets.items():
        for metric, target_ms in targets.items():
            message.targets.add(
                metric=_METRICS[metric],
                tier=intake.ServiceTier.Value(f"SERVICE_TIER_{tier}"),
                target_ms=target_ms,
                warn_percents=policy.warn_at_percent,
            )
    return message
