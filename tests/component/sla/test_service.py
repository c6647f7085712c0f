"""The clocks service through its doors: events in, announcements, calls and watches out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.sla.v1 import model_pb2 as model
from switchboard.sla.v1 import sla_service_pb2 as pb
from switchboard.sla.v1.events_pb2 import SlaEvent

from services.chassis.rpc.methods import Method, describe
from tests.support.conversations import TOPIC, Thread
from tests.support.served import Served
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = {
    method.name: describe(method) for method in pb.DESCRIPTOR.services_by_name["SlaService"].methods
}
PLANNED = {
    "UpsertPolicy": pb.UpsertPolicyRequest(
        request_id="0b7a6a54-59a0-4d0e-8a5d-5d3e3a6f9c12",
        policy=model.SlaPolicy(
            policy_id="p",
            targets=[
                model.SlaTarget(metric=model.CLOCK_METRIC_RESOLUTION, target_ms=60_000),
            ],
        ),
    ),
    "ListCalendars": pb.ListCalendarsRequest(),
    "GetCalendar": pb.GetCalendarRequest(calendar_id="c"),
    "BreachForecast": pb.BreachForecastRequest(horizon_ms=60_000),
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def tell(sla: Served, thread: Thread, *events: Any) -> None:
    for event in events:
        await sla.publish(TOPIC, thread.conversation_id, event)


async def announced(sla: Served, thread: Thread, number: int) -> list[SlaEvent]:
    """The announcements of a conversation, once there are so many: they follow the commit."""

    async def found() -> list[SlaEvent]:
        values = await sla.read("sla.events.v1", thread.conversation_id)
        return [SlaEvent.FromString(value) for value in values] if len(values) >= number else []

    return await until(found, what=f"{number} announcements of {thread.name}")


async def clocks(sla: Served, thread: Thread, *, tenant: str = "default") -> list[model.Clock]:
    request = pb.GetClocksRequest(conversation_id=thread.conversation_id)
    reply = await sla.call(METHODS["GetClocks"], request, tenant=tenant)
    assert reply.code == "OK", reply.text
    return list(reply.messages[0].clocks)


async def has_clocks(sla: Served, thread: Thread, *states: int) -> list[model.Clock]:
    async def found() -> list[model.Clock]:
        known = await clocks(sla, thread)
        return known if [clock.state for clock in known] == list(states) else []

    return await until(found, what=f"clocks of {thread.name} in {states}")


RUNNING, MET = model.CLOCK_STATE_RUNNING, model.CLOCK_STATE_MET
BREACHED = model.CLOCK_STATE_BREACHED


async def test_a_conversation_from_first_message_to_resolution(sla: Served) -> None:
    thread, start = Thread("whole"), now_ms()
    await tell(sla, thread, thread.opened(start), thread.writes(start))
    response, resolution = await has_clocks(sla, thread, RUNNING, RUNNING)
    assert response.due_at_ms == start + response.target_ms
    assert resolution.elapsed_ms <= now_ms() - start
    await tell(sla, thread, thread.replied(start + 1), thread.resolved(start + 2))
    response, _ = await has_clocks(sla, thread, MET, MET)
    assert response.elapsed_ms == 1
    said = [event.WhichOneof("kind") for event in await announced(sla, thread, 4)]
    assert said == ["started", "started", "met", "met"]


async def test_a_breach_that_lies_in_the_past_is_told_with_both_times(sla: Served) -> None:
    thread = Thread("late", tier=intake.SERVICE_TIER_INSPIRING)
    start = now_ms() - 130_000  # the answer was due two minutes after it
    await tell(sla, thread, thread.writes(start))
    response, _ = await has_clocks(sla, thread, BREACHED, RUNNING)
    assert response.breached_at_ms == start + 120_000
    events = await announced(sla, thread, 5)
    [breach] = [event.breached for event in events if event.HasField("breached")]
    assert breach.due_at_ms == response.breached_at_ms < breach.detected_at_ms


async def test_silence_is_noticed_by_a_tick(sla: Served) -> None:
    thread = Thread("silent", tier=intake.SERVICE_TIER_INSPIRING)
    await tell(sla, thread, thread.writes(now_ms() - 119_000))
    await has_clocks(sla, thread, RUNNING, RUNNING)
    response, _ = await has_clocks(sla, thread, BREACHED, RUNNING)
    assert list(response.warned_percents) == [50, 75]


async def test_a_tenant_sees_its_own_clocks_alone(sla: Served) -> None:
    thread = Thread("private")
    await tell(sla, thread, thread.writes(now_ms()))
    await has_clocks(sla, thread, RUNNING, RUNNING)
    assert await clocks(sla, thread, tenant="other") == []


async def test_clocks_at_risk_come_page_by_page_the_next_due_first(sla: Served) -> None:
    start = now_ms() - 60_000
    threads = [Thread(f"risk-{number}", tenant_id="risky") for number in range(5)]
    for number, thread in enumerate(threads):
        await tell(sla, thread, thread.writes(start + number))
    found: list[model.Clock] = []
    request = pb.ListAtRiskRequest(page_size=2, metric=model.CLOCK_METRIC_FIRST_RESPONSE)

    async def all_there() -> bool:
        reply = await sla.call(METHODS["ListAtRisk"], pb.ListAtRiskRequest(), tenant="risky")
        return len(reply.messages[0].clocks) == 10

    await until(all_there, what="ten clocks at risk")
    while True:
        reply = await sla.call(METHODS["ListAtRisk"], request, tenant="risky")
        found += reply.messages[0].clocks
        request.page_token = reply.messages[0].next_page_token
        if not request.page_token:
            break
    due = [clock.due_at_ms for clock in found]
    assert due == sorted(due)
    assert [clock.conversation_id for clock in found] == [t.conversation_id for t in threads]


async def test_a_page_token_of_another_list_is_refused(sla: Served) -> None:
    request = pb.ListAtRiskRequest(page_token="bm9wZQ==")
    reply = await sla.call(METHODS["ListAtRisk"], request)
    assert reply.code == "INVALID_ARGUMENT"
    assert reply.details["BadRequest"].field_violations[0].field == "page_token"


async def test_a_watch_begins_with_what_is_open_and_resumes_without_loss(sla: Served) -> None:
    watcher = Watcher(sla, "watched")
    before, after = (Thread(name, tenant_id="watched") for name in ("before", "after"))
    await tell(sla, before, before.writes(now_ms()))
    await watcher.until_open(before)
    first = await watcher.begin()
    assert first[0].replace
    assert {clock.conversation_id for clock in first[-1].snapshot.clocks} == {
        before.conversation_id
    }
    token = first[-1].resume_token
    await tell(sla, before, before.replied(now_ms()))
    await tell(sla, after, after.writes(now_ms()))
    changes = await watcher.changes(3)
    assert {change.change.WhichOneof("kind") for change in changes} == {"met", "started"}
    again = await watcher.resume(token, 3)
    assert told(again) == told(changes), "the same changes, each conversation's in order"


def told(changes: list[pb.WatchSlaResponse]) -> dict[str, list[str]]:
    """Event ids by conversation: partitions are read in no order among each other."""
    by_conversation: dict[str, list[str]] = {}
    for item in changes:
        ids = by_conversation.setdefault(item.change.conversation_id, [])
        ids.append(item.change.event_id)
    return by_conversation


class Watcher:
    """One stream of a tenant's clocks."""

    def __init__(self, sla: Served, tenant: str) -> None:
        self._sla = sla
        self._tenant = tenant
        self._stream: Any = None

    async def until_open(self, thread: Thread) -> None:
        request = pb.GetClocksRequest(conversation_id=thread.conversation_id)

        async def found() -> bool:
            reply = await self._sla.call(METHODS["GetClocks"], request, tenant=self._tenant)
            return len(reply.messages[0].clocks) == 2

        await until(found, what="open clocks")

    async def begin(self, token: str = "") -> list[pb.WatchSlaResponse]:
        method: Method = METHODS["WatchSla"]
        bearer = self._sla.issuer.token(roles=["agent"], tenant=self._tenant)
        request = pb.WatchSlaRequest(resume_token=token)
        self._stream = aiter(self._sla.grpc.begin(method, request, token=bearer, seconds=30))
        if token:
            return []
        parts = [await anext(self._stream)]
        while not parts[-1].snapshot.complete:
            parts.append(await anext(self._stream))
        return parts

    async def changes(self, number: int) -> list[pb.WatchSlaResponse]:
        return [await anext(self._stream) for _ in range(number)]

    async def resume(self, token: str, number: int) -> list[pb.WatchSlaResponse]:
        await self.begin(token)
        return await self.changes(number)


async def test_a_resume_token_that_is_not_ours_is_refused(sla: Served) -> None:
    request = pb.WatchSlaRequest(resume_token="not a token")
    reply = await sla.call(METHODS["WatchSla"], request)
    assert reply.code == "INVALID_ARGUMENT"


async def test_the_policy_in_force_can_be_read(sla: Served) -> None:
    listed = await sla.call(METHODS["ListPolicies"], pb.ListPoliciesRequest())
    [policy] = listed.messages[0].policies
    request = pb.GetPolicyRequest(policy_id=policy.policy_id)
    one = await sla.call(METHODS["GetPolicy"], request)
    assert one.messages[0].policy == policy
    assert len(policy.targets) == 8
    missing = await sla.call(METHODS["GetPolicy"], pb.GetPolicyRequest(policy_id="none"))
    assert missing.code == "NOT_FOUND"


@pytest.mark.parametrize("name", PLANNED)
async def test_what_is_planned_says_so(sla: Served, name: str) -> None:
    reply = await sla.call(METHODS[name], PLANNED[name], role="admin")
    assert reply.code == "UNIMPLEMENTED", reply.text
