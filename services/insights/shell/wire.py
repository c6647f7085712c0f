"""Between the wire and the core: what a record counts, a window and an indicator as messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from google.protobuf.message import Message
from switchboard.feedback.v1 import events_pb2 as feedback
from switchboard.feedback.v1 import model_pb2 as feedback_model
from switchboard.insights.v1 import events_pb2, model_pb2
from switchboard.intake.v1 import events_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model
from switchboard.routing.v1 import events_pb2 as routing
from switchboard.sla.v1 import events_pb2 as sla
from switchboard.sla.v1 import model_pb2 as sla_model

from services.insights.core import facts
from services.insights.core.fold import WINDOW_MS
from services.insights.core.formulas import Indicator, Unit
from services.insights.core.model import COUNTS, Counts, Fact, Window

CONVERSATIONS: Final = "intake.conversations.v1"
ROUTING: Final = "routing.events.v1"
CLOCKS: Final = "sla.events.v1"
SURVEYS: Final = "feedback.events.v1"
TOPICS: Final = (CONVERSATIONS, ROUTING, CLOCKS, SURVEYS)
WINDOWS: Final = "insights.windows.v1"
DEAD_LETTERS: Final = "insights.dlq.v1"

_CHANNELS: Final[Mapping[int, str]] = {
    number: name.removeprefix("CHANNEL_") if number else ""
    for name, number in intake_model.Channel.items()
}
_CHANNEL_NUMBERS: Final = {name: number for number, name in _CHANNELS.items()}
_STATUSES: Final = {
    number: name.removeprefix("CONVERSATION_STATUS_")
    for name, number in intake_model.ConversationStatus.items()
}
_CLOCK_STATES: Final = {
    number: name.removeprefix("CLOCK_STATE_") for name, number in sla_model.ClockState.items()
}
_SURVEY_KINDS: Final = {
    number: name.removeprefix("SURVEY_KIND_") for name, number in feedback_model.SurveyKind.items()
}
_UNITS: Final = {
    Unit.RATIO: model_pb2.INDICATOR_UNIT_RATIO,
    Unit.MILLISECONDS: model_pb2.INDICATOR_UNIT_MILLISECONDS,
}


def facts_of(topic: str, value: bytes, *, goal_ms: int) -> Fact | None:
    """What the record counts, None if nothing. Raises `DecodeError` for bytes that are no message.

    `goal_ms`: waiting time of the service level.
    """
    return _READERS[topic](value, goal_ms)


def _conversation_fact(value: bytes, _: int) -> Fact | None:
    event = intake.ConversationEvent.FromString(value)
    ref = event.conversation
    counts = _counts(_CONVERSATION, event)
    return _fact(ref.tenant_id, "", ref.channel, event.occurred_at_ms, counts)


def _routing_fact(value: bytes, goal_ms: int) -> Fact | None:
    event = routing.RoutingEvent.FromString(value)
    if event.WhichOneof("kind") == "assigned":
        counts = facts.assigned(
            number=event.assigned.number, waited_ms=event.assigned.waited_ms, goal_ms=goal_ms
        )
    else:
        counts = _counts(_ROUTING, event)
    return _fact(event.tenant_id, event.pool, event.channel, event.occurred_at_ms, counts)


def _clock_fact(value: bytes, _: int) -> Fact | None:
    event = sla.SlaEvent.FromString(value)
    counts = _counts(_CLOCK, event)
    return _fact(event.tenant_id, event.clock.pool, event.channel, event.occurred_at_ms, counts)


def _survey_fact(value: bytes, _: int) -> Fact | None:
    event = feedback.FeedbackEvent.FromString(value)
    counts = _counts(_SURVEY, event)
    return _fact(event.tenant_id, "", event.survey.channel, event.occurred_at_ms, counts)


_READERS: Final[Mapping[str, Callable[[bytes, int], Fact | None]]] = {
    CONVERSATIONS: _conversation_fact,
    ROUTING: _routing_fact,
    CLOCKS: _clock_fact,
    SURVEYS: _survey_fact,
}

Reading = Mapping[str, Callable[[Any], Counts]]
"""By kind of event; what is not listed counts nothing."""

_CONVERSATION: Final[Reading] = {
    "opened": lambda _: facts.opened(),
    "message_added": lambda event: {} if event.message_added.message.automatic else facts.inbound(),
    "replied": lambda event: facts.replied(by_agent=bool(event.replied.agent_id)),
    "status_changed": lambda event: facts.status_changed(
        before=_STATUSES.get(event.status_changed.from_status, ""),
        after=_STATUSES.get(event.status_changed.to_status, ""),
    ),
}
_ROUTING: Final[Reading] = {
    "queued": lambda event: facts.queued(reason=event.queued.reason),
    "offered": lambda _: {"offered": 1},
    "accepted": lambda _: {"accepted": 1},
    "declined": lambda _: {"declined": 1},
    "offer_timed_out": lambda _: {"timed_out": 1},
    "escalated": lambda _: {"escalated": 1},
    "transferred": lambda _: {"transferred": 1},
    "completed": lambda event: facts.completed(handled_ms=event.completed.handled_ms),
    "abandoned": lambda event: facts.abandoned(reason=event.abandoned.reason),
}
_CLOCK: Final[Reading] = {
    "warned": lambda _: {"clocks_warned": 1},
    "breached": lambda _: {"clocks_breached": 1},
    "met": lambda event: facts.clock_met(after_breach=event.met.after_breach),
    "corrected": lambda event: facts.clock_corrected(
        before=_CLOCK_STATES.get(event.corrected.before.state, ""),
        after=_CLOCK_STATES.get(event.clock.state, ""),
    ),
}
_SURVEY: Final[Reading] = {
    "suppressed": lambda _: {"surveys_suppressed": 1},
    "sent": lambda _: {"surveys_sent": 1},
    "answered": lambda event: facts.survey_answered(
        kind=_SURVEY_KINDS.get(event.survey.kind, ""), score=event.answered.score
    ),
    "recovery_opened": lambda _: {"recoveries": 1},
}


def _counts(reading: Reading, event: Message) -> Counts:
    read = reading.get(event.WhichOneof("kind") or "")
    return facts.NOTHING if read is None else read(event)


def _fact(
    tenant_id: str, pool: str, channel: int, occurred_at_ms: int, counts: Counts
) -> Fact | None:
    if not counts:
        return None
    return Fact(tenant_id, pool, _CHANNELS.get(channel, ""), occurred_at_ms, counts)


def window_message(window: Window) -> model_pb2.KpiWindow:
    """A window as its message."""
    key = window.key
    message = model_pb2.KpiWindow(
        tenant_id=key.tenant_id,
        pool=key.pool,
        channel=channel_number(key.channel),
        window_start_ms=key.start_ms,
        window_end_ms=key.start_ms + WINDOW_MS,
        revision=window.revision,
        updated_at_ms=window.updated_at_ms,
    )
    for name in COUNTS & window.counts.keys():
        setattr(message, name, window.counts[name])
    return message


def window_event(window: Window) -> events_pb2.InsightsEvent:
    """A window as the envelope of its topic; the same revision gives the same event."""
    key = window.key
    return events_pb2.InsightsEvent(
        event_id=f"{key.tenant_id}/{key.pool}/{key.channel}/{key.start_ms}/{window.revision}",
        tenant_id=key.tenant_id,
        occurred_at_ms=window.updated_at_ms,
        window=window_message(window),
    )


def indicator_messages(found: Iterable[Indicator]) -> list[model_pb2.Indicator]:
    """Indicators as messages."""
    return [
        model_pb2.Indicator(
            name=item.formula.name,
            formula=item.formula.text,
            unit=_UNITS[item.formula.unit],
            value=item.value,
            n=item.n,
            low=item.low,
            high=item.high,
        )
        for item in found
    ]


def channel_name(number: int) -> str:
    """The name of a channel in windows; empty for unspecified."""
    return _CHANNELS.get(number, "")


def channel_number(name: str) -> Any:
    """The number of a channel on the wire."""
    return _CHANNEL_NUMBERS.get(name, 0)
