"""Facts as the other services tell them."""

from __future__ import annotations

from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.feedback.v1.model_pb2 import SURVEY_KIND_CSAT
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1.events_pb2 import RoutingEvent
from switchboard.sla.v1.events_pb2 import SlaEvent

from tests.component.insights.conftest import World

SMS = intake.CHANNEL_SMS
MINUTE_MS = 60_000


def opened(tenant: str, at_ms: int) -> ConversationEvent:
    event = ConversationEvent(occurred_at_ms=at_ms)
    event.conversation.tenant_id = tenant
    event.conversation.channel = SMS
    event.opened.reason = "first_contact"
    return event


def assigned(tenant: str, at_ms: int, waited_ms: int) -> RoutingEvent:
    event = RoutingEvent(tenant_id=tenant, pool="billing", channel=SMS, occurred_at_ms=at_ms)
    event.assigned.waited_ms = waited_ms
    return event


def met(tenant: str, at_ms: int) -> SlaEvent:
    event = SlaEvent(tenant_id=tenant, channel=SMS, occurred_at_ms=at_ms)
    event.met.elapsed_ms = 1
    return event


def answered(tenant: str, at_ms: int, score: int) -> FeedbackEvent:
    event = FeedbackEvent(tenant_id=tenant, occurred_at_ms=at_ms)
    event.survey.kind = SURVEY_KIND_CSAT
    event.survey.channel = SMS
    event.answered.score = score
    return event


def minute(now_ms: int) -> int:
    return now_ms - now_ms % MINUTE_MS


async def now_ms(world: World) -> int:
    """The time of the log, which is what windows go by."""
    sent = await world.producer.send_and_wait("intake.dlq.v1", b"")
    return int(sent.timestamp)


async def send_offers(world: World, tenant: str, number: int, *, first: int = 1) -> None:
    """Offers as the matcher's relay writes them: numbered, and some of them twice."""
    at_ms = await now_ms(world)
    for at in range(first, first + number):
        event = RoutingEvent(tenant_id=tenant, pool="billing", channel=SMS, occurred_at_ms=at_ms)
        event.offered.waited_ms = 1
        stamp = {"sb_writer": tenant.encode(), "sb_shard": b"0", "sb_seq": b"1.%d" % at}
        for _ in range(1 + (at % 10 == 0)):
            await world.publish("routing.events.v1", event, key=tenant, **stamp)
