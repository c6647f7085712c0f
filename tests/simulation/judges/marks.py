"""What has happened in a run, by kind: so that a green run can show that it went everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message
from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.intake.v1.commands_pb2 import OutboundMessage
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1.commands_pb2 import RoutingInput, TriageInput
from switchboard.routing.v1.events_pb2 import RoutingEvent
from switchboard.sla.v1.events_pb2 import SlaEvent

from tests.simulation.judges.reading import events, rows
from tests.simulation.world import World

_TOPICS: Mapping[str, type[Message]] = {
    "intake.outbound.v1": OutboundMessage,
    "intake.conversations.v1": ConversationEvent,
    "routing.inputs.v1": RoutingInput,
    "routing.triage.inputs.v1": TriageInput,
    "routing.events.v1": RoutingEvent,
    "sla.events.v1": SlaEvent,
    "feedback.events.v1": FeedbackEvent,
}
_STATES = (
    *(("survey", "state"), ("clock", "state"), ("offer", "state"), ("dispatch", "phase")),
    ("decision", "kind"),
)


async def of(world: World) -> frozenset[str]:
    """`<topic> <kind>`, `<table> <state>`, `process <fate>`."""
    found = {f"process {fate}" for group in world.groups.values() for fate in group.fates}
    for topic, envelope in _TOPICS.items():
        for event in events(world, topic, envelope):
            found.add(f"{topic} {_kind(event)}")
    for table, column in _STATES:
        found |= {f"{table} {row[column]}" for row in await rows(world, table)}
    return frozenset(found)


def _kind(event: Message) -> str:
    """The kind of an event; of a refusal also what was refused and why."""
    kind = event.WhichOneof("kind") or ""
    said = getattr(event, kind)
    return f"{said.command} {said.reason}" if kind == "command_rejected" else kind
