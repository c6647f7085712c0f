"""Windows from the topics, through the doors of a real process, over kills and rebuilds."""

from __future__ import annotations

import asyncio
import signal

from aiokafka import AIOKafkaConsumer
from switchboard.engine.v1.records_pb2 import DeadLetter
from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.feedback.v1.model_pb2 import SURVEY_KIND_CSAT
from switchboard.insights.v1 import insights_service_pb2 as pb
from switchboard.insights.v1.events_pb2 import InsightsEvent
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1.events_pb2 import RoutingEvent
from switchboard.sla.v1.events_pb2 import SlaEvent

from tests.component.insights.conftest import World, running
from tests.support.waiting import until

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


async def test_four_topics_make_the_windows_of_their_minutes(insights: World) -> None:
    world, tenant = insights, "four"
    now = await now_ms(world)
    earlier = now - 5 * MINUTE_MS
    await world.publish("intake.conversations.v1", opened(tenant, earlier), key="c1")
    await world.publish("intake.conversations.v1", opened(tenant, now), key="c2")
    await world.publish("routing.events.v1", assigned(tenant, now, 20_000), key="c1")
    await world.publish("routing.events.v1", assigned(tenant, now, 50_000), key="c2")
    await world.publish("sla.events.v1", met(tenant, now), key="c1")
    await world.publish("feedback.events.v1", answered(tenant, now, 4), key="c1")
    await world.counted(tenant, "surveys_answered", 1)
    await world.counted(tenant, "assigned", 2)
    await world.counted(tenant, "opened", 2)
    await world.counted(tenant, "clocks_met", 1)

    assert await world.windows(tenant) == {
        (minute(earlier), "", SMS): {"opened": 1},
        (minute(now), "", SMS): {
            "opened": 1,
            "clocks_met": 1,
            "surveys_answered": 1,
            "csat_answers": 1,
            "csat_satisfied": 1,
        },
        (minute(now), "billing", SMS): {
            "assigned": 2,
            "within_goal": 1,
            "wait_ms_sum": 70_000,
            "wait_ms_max": 50_000,
        },
    }
    reply = await world.call("GetKpis", pb.GetKpisRequest(pool="billing"), tenant=tenant)
    found = {item.name: item for item in reply.messages[0].indicators}
    assert found["service_level"].value == 0.5
    assert found["average_wait"].value == 35_000
    assert not found["csat"].HasField("value")


async def test_windows_are_published_as_they_change(insights: World) -> None:
    world, tenant = insights, "published"
    await world.publish("sla.events.v1", met(tenant, await now_ms(world)), key="c1")
    await world.counted(tenant, "clocks_met", 1)
    topic = "insights.windows.v1"
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=world.kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        while True:
            record = await asyncio.wait_for(consumer.getone(), 30)
            event = InsightsEvent.FromString(record.value)
            if event.tenant_id == tenant:
                break
    assert record.key == f"{tenant}//SMS".encode()
    assert (event.window.clocks_met, event.window.channel) == (1, SMS)
    assert dict(record.headers)["ce_type"] == b"switchboard.insights.v1.InsightsEvent"


async def test_a_record_that_cannot_be_read_is_set_aside_and_the_next_one_counts(
    insights: World,
) -> None:
    world, tenant = insights, "poison"
    await world.producer.send_and_wait("routing.events.v1", b"\xff\xff", b"poisoned")
    await world.publish(
        "routing.events.v1", assigned(tenant, await now_ms(world), 1), key="poisoned"
    )
    await world.counted(tenant, "assigned", 1)
    async with AIOKafkaConsumer(
        "insights.dlq.v1", bootstrap_servers=world.kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 30)
    letter = DeadLetter.FromString(record.value)
    assert (record.key, letter.value, letter.topic) == (
        b"poisoned",
        b"\xff\xff",
        "routing.events.v1",
    )
    assert letter.error.startswith("DecodeError")


async def test_kills_lose_nothing_and_double_nothing(world: World) -> None:
    tenant = "killed"
    async with running(world, 1) as fleet:
        (member,) = fleet.members
        await send_offers(world, tenant, 100)
        member.send(signal.SIGKILL)
        await send_offers(world, tenant, 100, first=101)
        await world.counted(tenant, "offered", 200)
        await send_offers(world, tenant, 100, first=201)
        member.send(signal.SIGTERM)
        await until(lambda: len(member.exits) == 2, what="the process to end")
        await world.counted(tenant, "offered", 300)
        assert await world.counts(tenant, "offered") == 300
        assert member.exits == [-signal.SIGKILL, 0]


async def test_two_processes_share_the_work_and_one_takes_over(world: World) -> None:
    tenants = [f"shared-{number}" for number in range(8)]
    async with running(world, 2) as fleet:
        for tenant in tenants:
            await send_offers(world, tenant, 20)
        fleet.members[1].send(signal.SIGKILL)
        for tenant in tenants:
            await send_offers(world, tenant, 20, first=21)
        for tenant in tenants:
            await world.counted(tenant, "offered", 40)
        assert [await world.counts(tenant, "offered") for tenant in tenants] == [40] * 8


async def test_windows_dropped_and_rebuilt_are_the_same(world: World) -> None:
    tenant = "rebuilt"
    async with running(world, 1) as fleet:
        now = await now_ms(world)
        await send_offers(world, tenant, 50)
        await world.publish("feedback.events.v1", answered(tenant, now - MINUTE_MS, 2), key="c1")
        await world.counted(tenant, "offered", 50)
        await world.counted(tenant, "surveys_answered", 1)
        before = await world.windows(tenant)

        assert "generation 2 is being built" in world.rebuild()
        await send_offers(world, tenant, 1, first=51)  # the old generation meets its fence
        member = fleet.members[0]
        await until(lambda: member.exits, what="the old generation to end", deadline_s=60)
        await world.counted(tenant, "offered", 51)
        await world.counted(tenant, "surveys_answered", 1)

        after = await world.windows(tenant)
        assert sum(counts.pop("offered", 0) for counts in after.values()) == 51
        assert sum(counts.pop("offered", 0) for counts in before.values()) == 50
        assert {key: counts for key, counts in after.items() if counts} == {
            key: counts for key, counts in before.items() if counts
        }
        assert member.exits == [70]
