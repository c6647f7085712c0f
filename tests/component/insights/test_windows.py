"""Windows from the topics, through the doors of a real process."""

from __future__ import annotations

import asyncio
import re

import grpc
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from switchboard.engine.v1.records_pb2 import DeadLetter
from switchboard.insights.v1 import insights_service_pb2 as pb
from switchboard.insights.v1.events_pb2 import InsightsEvent

from services.chassis.bus import topics
from tests.component.insights.conftest import METHODS, World
from tests.component.insights.facts import (
    MINUTE_MS,
    SMS,
    answered,
    assigned,
    met,
    minute,
    now_ms,
    opened,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_faust_declares_its_changelog_and_nothing_else(insights: World) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=insights.kafka.bootstrap)
    await admin.start()
    found = {name for name in await admin.list_topics() if not name.startswith("__")}
    await admin.close()
    declared = found - topics.load().keys()
    assert declared
    assert all(re.fullmatch(r"insights\.windows\.g\d+-windows-changelog", x) for x in declared)


async def test_only_the_caller_s_tenant_is_shown_and_only_with_a_token(insights: World) -> None:
    world = insights
    await world.publish("sla.events.v1", met("mine", await now_ms(world)), key="c1")
    await world.counted("mine", "clocks_met", 1)
    assert await world.windows("theirs") == {}
    assert (await world.call("GetKpis", pb.GetKpisRequest())).code == "UNAUTHENTICATED"


async def test_goals_say_that_they_are_not_built(insights: World) -> None:
    reply = await insights.call("ListGoals", pb.ListGoalsRequest(), tenant="mine")
    assert reply.code == "UNIMPLEMENTED"


async def test_pages_follow_each_other(insights: World) -> None:
    world, tenant = insights, "paged"
    now = await now_ms(world)
    for back in range(5):
        await world.publish("sla.events.v1", met(tenant, now - back * MINUTE_MS), key="c1")
    await world.counted(tenant, "clocks_met", 5)
    starts: list[int] = []
    token = ""
    while token or not starts:
        request = pb.GetKpisRequest(page_size=2, page_token=token)
        page = (await world.call("GetKpis", request, tenant=tenant)).messages[0]
        starts += [window.window_start_ms for window in page.windows]
        token = page.next_page_token
    assert starts == sorted(minute(now - back * MINUTE_MS) for back in range(5))


class Watching:
    """An open WatchKpis."""

    def __init__(self, world: World, tenant: str, resume_token: str = "") -> None:
        token = world.issuer.token(tenant=tenant)
        request = pb.WatchKpisRequest(resume_token=resume_token)
        self.rpc = world.doors[0].begin(METHODS["WatchKpis"], request, token=token)

    async def next(self) -> pb.WatchKpisResponse:
        """The next step that is no heartbeat."""
        while True:
            response: pb.WatchKpisResponse = await asyncio.wait_for(self.rpc.read(), 30)
            if response.WhichOneof("kind") != "heartbeat":
                return response


async def test_a_watch_begins_with_a_snapshot_and_goes_on_with_changes(insights: World) -> None:
    world, tenant = insights, "watched"
    now = await now_ms(world)
    await world.publish("sla.events.v1", met(tenant, now), key="c1")
    await world.counted(tenant, "clocks_met", 1)
    watch = Watching(world, tenant)
    first = await watch.next()
    assert [window.clocks_met for window in first.snapshot.windows] == [1]
    assert first.snapshot.complete
    assert {item.name: item.value for item in first.indicators}["clocks_kept"] == 1.0
    await world.publish("routing.events.v1", assigned(tenant, now, 5), key="c1")
    change = await watch.next()
    assert (change.change.assigned, change.change.pool) == (1, "billing")
    assert {item.name: item.n for item in change.indicators}["service_level"] == 1
    watch.rpc.cancel()


async def test_a_watch_loses_nothing_across_a_reconnect(insights: World) -> None:
    world, tenant = insights, "resumed"
    now = await now_ms(world)
    watch = Watching(world, tenant)
    token = (await watch.next()).resume_token
    watch.rpc.cancel()
    await world.publish("sla.events.v1", met(tenant, now), key="c1")
    await world.counted(tenant, "clocks_met", 1)
    again = Watching(world, tenant, token)
    change = await again.next()
    assert (change.WhichOneof("kind"), change.change.clocks_met) == ("change", 1)
    again.rpc.cancel()


async def test_a_token_from_before_a_rebuild_gets_everything_anew(insights: World) -> None:
    watch = Watching(insights, "resumed", "1.7")
    response = await watch.next()
    assert response.WhichOneof("kind") == "snapshot"
    assert response.replace
    watch.rpc.cancel()


async def test_a_token_that_is_not_ours_is_refused(insights: World) -> None:
    watch = Watching(insights, "resumed", "nonsense")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch.next()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
