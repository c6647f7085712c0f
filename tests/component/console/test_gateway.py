"""The gateway: one stream a browser, one upstream watch a tenant, losses shown and mended."""

from __future__ import annotations

import grpc
import pytest
from switchboard.console.v1 import console_service_pb2 as pb
from switchboard.insights.v1 import insights_service_pb2 as insights
from switchboard.intake.v1 import conversation_service_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.routing_service_pb2 import WatchQueuesResponse
from switchboard.sla.v1 import model_pb2 as sla
from switchboard.sla.v1.sla_service_pb2 import WatchSlaResponse

from tests.component.console.conftest import Browser, Console
from tests.support.doors import ended
from tests.support.waiting import until

WATCHES = ("WatchQueues", "WatchSla", "WatchKpis", "WatchConversations")


def furnish(console: Console) -> None:
    """Something of everything."""
    up = console.upstreams
    up.queues.queues.add(pool="billing")
    up.queues.work.add(
        work_id="w1", pool="billing", state=routing.WORK_STATE_QUEUED, arrived_at_ms=1_000
    )
    up.agents.append(
        routing.Agent(
            agent_id="ann",
            display_name="Ann",
            presence=routing.PRESENCE_AVAILABLE,
            capacity=100,
            pools=["billing"],
        )
    )
    up.clocks.clocks.add(clock_id="c1", due_at_ms=9_000, state=sla.CLOCK_STATE_RUNNING)
    up.clocks.clocks.add(clock_id="c2", due_at_ms=5_000, state=sla.CLOCK_STATE_MET)
    up.kpis.indicators.add(name="csat", value=0.9, n=10)
    ref = up.conversations.conversations.add().ref
    ref.conversation_id, ref.status = "k1", intake_model.CONVERSATION_STATUS_OPEN


async def live(console: Console, token: str = "") -> Browser:
    """A browser that has seen all five parts."""
    browser = console.look(token)
    await browser.until(Browser.is_live, "all parts live")
    return browser


async def test_a_stream_begins_with_a_snapshot_and_shows_all_parts(console: Console) -> None:
    furnish(console)
    browser = await live(console)
    assert browser.steps[0].WhichOneof("kind") == "snapshot"
    await browser.until(lambda seen: seen.totals.open_conversations == 1, "the conversation")
    assert browser.queues["billing"].queued == 1
    assert browser.queues["billing"].agents_available == 1
    assert browser.agents["ann"].display_name == "Ann"
    assert list(browser.clocks) == ["c1"]
    assert browser.indicators["csat"].value == pytest.approx(0.9)


async def test_what_changes_upstream_is_shown(console: Console) -> None:
    furnish(console)
    browser = await live(console)
    step = WatchQueuesResponse()
    change = step.change
    change.event_id, change.work_id, change.conversation_id = "e1", "w1", "k1"
    change.assigned.assignment.agent_id = "ann"
    console.upstreams.push("WatchQueues", step)
    await browser.until(lambda seen: seen.queues["billing"].assigned == 1, "the assignment")
    await browser.until(lambda seen: seen.agents["ann"].assigned == 1, "the agent's load")
    assert [(line.kind, line.agent_id) for line in browser.events] == [("assigned", "ann")]

    met = WatchSlaResponse()
    met.change.clock.clock_id, met.change.clock.state = "c1", sla.CLOCK_STATE_MET
    met.change.met.elapsed_ms = 1
    console.upstreams.push("WatchSla", met)
    await browser.until(lambda seen: not seen.clocks, "the clock to leave")

    ended_talk = intake.WatchConversationsResponse()
    ref = ended_talk.change.conversation
    ref.conversation_id, ref.status = "k1", intake_model.CONVERSATION_STATUS_RESOLVED
    ended_talk.change.status_changed.to_status = intake_model.CONVERSATION_STATUS_RESOLVED
    console.upstreams.push("WatchConversations", ended_talk)
    await browser.until(lambda seen: seen.totals.open_conversations == 0, "no conversation open")

    kpis = insights.WatchKpisResponse()
    kpis.indicators.add(name="csat", value=0.5, n=12)
    kpis.heartbeat.now_ms = 1
    console.upstreams.push("WatchKpis", kpis)
    await browser.until(lambda seen: seen.indicators["csat"].n == 12, "the indicator")


async def test_browsers_of_a_tenant_share_the_watches_and_tenants_do_not(console: Console) -> None:
    first, second = await live(console), await live(console)
    assert [console.upstreams.opened[rpc] for rpc in WATCHES] == [1, 1, 1, 1]
    other = console.token(tenant="globex")
    third = await live(console, other)
    assert [console.upstreams.opened[rpc] for rpc in WATCHES] == [2, 2, 2, 2]
    watched = [token for rpc, token, _ in console.upstreams.calls if rpc in WATCHES]
    assert set(watched[-4:]) == {other}
    for browser in (first, second, third):
        browser.rpc.cancel()


async def test_the_caller_s_own_token_is_what_upstreams_see(console: Console) -> None:
    token = console.token(sub="sue")
    await live(console, token)
    assert {rpc for rpc, seen, _ in console.upstreams.calls if seen == token} == {
        *WATCHES,
        "ListAgents",
    }


async def test_a_lost_upstream_is_shown_and_mended(console: Console) -> None:
    furnish(console)
    browser = await live(console)
    await console.upstreams.stop()
    await browser.until(
        lambda seen: all(row.state == pb.SOURCE_STATE_STALE for row in seen.sources.values()),
        "every part stale",
    )
    assert browser.sources["queues"].detail
    assert browser.queues["billing"].queued == 1  # what was known stays, marked as stale
    console.upstreams.queues.work.add(
        work_id="w2", pool="billing", state=routing.WORK_STATE_QUEUED, arrived_at_ms=2_000
    )
    await console.upstreams.start()
    await browser.until(Browser.is_live, "all parts live again")
    await browser.until(lambda seen: seen.queues["billing"].queued == 2, "what happened meanwhile")


async def test_a_token_that_ran_out_upstream_gives_way_to_another_browser_s(
    console: Console,
) -> None:
    older, newer = console.token(sub="older"), console.token(sub="newer")
    first = await live(console, older)
    second = await live(console, newer)
    console.upstreams.refused.add(newer)
    await console.upstreams.stop()
    await first.until(lambda seen: not seen.is_live(), "the loss")
    await console.upstreams.start()
    await first.until(Browser.is_live, "all parts live again")
    assert console.upstreams.calls[-1][1] == older
    second.rpc.cancel()


async def test_only_some_pools_are_shown_to_who_asks_for_them(console: Console) -> None:
    furnish(console)
    console.upstreams.queues.queues.add(pool="orders")
    browser = console.look(pools=["orders"])
    await browser.until(lambda seen: "orders" in seen.queues, "the pool")
    await browser.until(Browser.is_live, "all parts live")
    assert list(browser.queues) == ["orders"]
    assert not browser.agents


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"roles": ["customer"]}, grpc.StatusCode.PERMISSION_DENIED),
        ({"exp": 1}, grpc.StatusCode.UNAUTHENTICATED),
    ],
)
async def test_without_a_role_or_a_good_token_nothing_is_shown(
    console: Console, claims: dict[str, object], code: grpc.StatusCode
) -> None:
    browser = console.look(console.token(**claims))
    assert await ended(browser.rpc) is code
    assert not console.upstreams.calls


async def test_a_board_nobody_looks_at_is_given_up(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.shell.hub.LINGER_SECONDS", 0.05)
    browser = await live(console)
    assert sum(console.upstreams.open.values()) == 4
    browser.rpc.cancel()
    await until(lambda: not sum(console.upstreams.open.values()), what="the watches to end")
