"""Events as lines of the ticker: what happened, where, in words without bodies or addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.events_pb2 import RoutingEvent
from switchboard.sla.v1 import model_pb2 as sla
from switchboard.sla.v1.events_pb2 import SlaEvent

from services.console.core.model import Line

Words = Callable[[Any], str]


def _word(kind: Any, prefix: str, number: int) -> str:
    """An enum's value as people write it; empty where it is not given."""
    if not number or number not in kind.values():
        return ""
    return str(kind.Name(number)).removeprefix(prefix).replace("_", " ").lower()


def _join(*words: str) -> str:
    return " · ".join(word for word in words if word)


def _channel(number: int) -> str:
    return _word(intake.Channel, "CHANNEL_", number)


def _tier(number: int) -> str:
    return _word(intake.ServiceTier, "SERVICE_TIER_", number)


def _metric(event: SlaEvent) -> str:
    return _word(sla.ClockMetric, "CLOCK_METRIC_", event.clock.metric)


def _status(event: ConversationEvent) -> str:
    after = event.status_changed.to_status
    return _word(intake.ConversationStatus, "CONVERSATION_STATUS_", after)


def _presence(event: RoutingEvent) -> str:
    return _word(routing.Presence, "PRESENCE_", event.agent_presence_changed.to_presence)


_CONVERSATION: Final[dict[str, Words]] = {
    "opened": lambda e: _join(_channel(e.conversation.channel), _tier(e.conversation.tier)),
    "message_added": lambda e: _channel(e.conversation.channel),
    "replied": lambda e: _channel(e.conversation.channel),
    "status_changed": _status,
    "merged": lambda _: "",
}
_ROUTING: Final[dict[str, Words]] = {
    "queued": lambda e: _join(e.pool, e.queued.reason.replace("_", " ")),
    "assigned": lambda e: e.pool,
    "declined": lambda e: e.pool,
    "offer_timed_out": lambda e: e.pool,
    "escalated": lambda e: _join(e.pool, e.escalated.reason),
    "transferred": lambda e: f"{e.transferred.from_pool} → {e.transferred.to_pool}",
    "completed": lambda e: e.pool,
    "abandoned": lambda e: _join(e.pool, e.abandoned.reason),
    "agent_presence_changed": _presence,
}
_SLA: Final[dict[str, Words]] = {
    "warned": lambda e: _join(_metric(e), f"{e.warned.threshold_percent} %"),
    "breached": _metric,
    "met": lambda e: _join(_metric(e), "late" if e.met.after_breach else ""),
}
_AGENTS: Final[dict[str, Words]] = {
    "assigned": lambda e: e.assigned.assignment.agent_id,
    "declined": lambda e: e.declined.agent_id,
    "offer_timed_out": lambda e: e.offer_timed_out.agent_id,
    "completed": lambda e: e.completed.agent_id,
    "agent_presence_changed": lambda e: e.agent_presence_changed.agent_id,
    "replied": lambda e: e.replied.agent_id,
}


def conversation_line(event: ConversationEvent) -> Line | None:
    """The line of a conversation's event, None for what is not told."""
    return _line(
        event, _CONVERSATION, "intake.conversations.v1", event.conversation.conversation_id
    )


def routing_line(event: RoutingEvent) -> Line | None:
    """The line of a routing event, None for what is not told."""
    return _line(event, _ROUTING, "routing.events.v1", event.conversation_id)


def sla_line(event: SlaEvent) -> Line | None:
    """The line of a clock's event, None for what is not told."""
    return _line(event, _SLA, "sla.events.v1", event.conversation_id)


def _line(event: Any, words: dict[str, Words], topic: str, conversation_id: str) -> Line | None:
    kind = event.WhichOneof("kind") or ""
    if kind not in words:
        return None
    agent = _AGENTS.get(kind)
    return Line(
        event_id=event.event_id,
        occurred_at_ms=event.occurred_at_ms,
        kind=kind,
        topic=topic,
        conversation_id=conversation_id,
        agent_id=agent(event) if agent else "",
        detail=words[kind](event),
    )
