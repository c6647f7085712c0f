"""Triage and the matcher on the engine: from a conversation's event to the agent, and back."""

from __future__ import annotations

import pytest
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as pb
from switchboard.routing.v1.agent_service_pb2 import UpsertAgentResponse

from services.routing.core.explain import evaluate
from services.routing.core.policies import SESSION_LEASE_MS
from services.routing.core.triage.decide import SETTLE_MS
from services.routing.shell.wire.explanations import inputs_of
from tests.support.conversations import Thread
from tests.unit.routing.center import EDGE, Center, request_id

AT_MS = 900_000


@pytest.fixture
async def center() -> Center:
    return await Center().start()


async def outcome(center: Center, request: str) -> CommandOutcome:
    key = f"default/{request}"
    return CommandOutcome.FromString((await center.store.outcomes([key]))[key])


async def test_a_conversation_is_offered_accepted_and_completed_when_it_is_resolved(
    center: Center,
) -> None:
    thread = Thread(tier=intake.SERVICE_TIER_EXCELLENT)
    await center.agent("ann", languages=["de", "en"])
    await center.hears(thread.opened(AT_MS))
    [offer] = center.offers
    assert (offer.agent_id, offer.conversation_id) == ("ann", thread.conversation_id)
    assert (offer.priority, offer.cost, offer.pool) == (15, 25, "support")
    await center.accept(offer)
    await center.hears(thread.resolved(AT_MS))
    assert [e.WhichOneof("kind") for e in center.all_events()] == [
        "agent_changed",
        "agent_presence_changed",
        "queued",
        "offered",
        "accepted",
        "assigned",
        "completed",
    ]
    assert [e.sequence for e in center.all_events()] == list(range(1, 8))
    assert center.cases == {}
    assert not center.domain.work


async def test_work_completed_while_the_customer_waits_is_offered_anew(center: Center) -> None:
    thread = Thread()
    await center.agent("ann")
    await center.hears(thread.opened(AT_MS))
    [offer] = center.offers
    await center.accept(offer)
    await center.complete(offer)
    await center.wait(SETTLE_MS)
    first, again = center.offers
    assert again.work_id != first.work_id
    assert center.domain.work[again.work_id].arrived_ms == AT_MS


async def test_a_reopened_conversation_asks_again_and_a_settled_one_is_withdrawn(
    center: Center,
) -> None:
    thread = Thread()
    await center.hears(thread.opened(AT_MS))
    await center.hears(thread.resolved(AT_MS))
    [abandoned] = center.events("abandoned")
    assert abandoned.reason == "resolved"
    await center.hears(thread.reopened(AT_MS + 5))
    assert len(center.domain.work) == 1


async def test_a_better_tier_is_told_as_a_change_of_priority(center: Center) -> None:
    thread = Thread()
    await center.hears(thread.opened(AT_MS))
    thread.tier = intake.SERVICE_TIER_INSPIRING
    await center.hears(thread.writes(AT_MS))
    [updated] = center.events("work_updated")
    assert (list(updated.changed), updated.work.priority) == (["priority", "tier"], 30)
    assert updated.work.tier == intake.SERVICE_TIER_INSPIRING


async def test_an_event_of_a_conversation_never_heard_of_is_no_dead_letter(center: Center) -> None:
    thread = Thread()
    thread.opened(AT_MS)
    await center.hears(thread.writes(AT_MS))
    assert len(center.domain.work) == 1
    assert center.nodes["triage"].seen.letters == []


async def test_what_is_loaded_after_a_restart_is_what_was_in_memory(center: Center) -> None:
    await center.agent("ann", skills=[pb.Skill(name="billing", level=3)])
    await center.agent("bob", capacity=25, languages=["de"])
    for number in range(6):
        await center.hears(Thread(name=f"t{number}").opened(AT_MS + number))
    taken, declined, *_ = center.offers
    await center.accept(taken)
    said = asks.DeclineOffer(offer_id=declined.offer_id, agent_id=declined.agent_id)
    await center.asks(decline_offer=said)
    before, cases = center.domain, center.cases
    await center.start()
    assert center.domain == before
    assert center.cases == cases


async def test_b23_offers_time_out_and_agents_come_and_go_after_a_restart(center: Center) -> None:
    await center.agent("ann")
    await center.hears(Thread().opened(AT_MS))
    await center.start()
    await center.wait(SESSION_LEASE_MS)
    assert [event.reason for event in center.events("offer_rescinded")] == ["session_lost"]
    await center.agent("ann")
    assert len(center.offers) == 2


async def test_a_renewed_lease_keeps_the_agent_and_the_offer_times_out(center: Center) -> None:
    await center.agent("ann")
    await center.agent("bob")
    await center.hears(Thread().opened(AT_MS))
    await center.wait(SESSION_LEASE_MS - 1)
    await center.asks(session_heartbeat=asks.SessionHeartbeat(edge_id=EDGE))
    await center.wait(center.policy.offer_timeout_ms - SESSION_LEASE_MS + 1)
    [missed] = center.events("offer_timed_out")
    assert (missed.agent_id, missed.missed_in_a_row) == ("ann", 1)
    assert [offer.agent_id for offer in center.offers] == ["ann", "bob"]


async def test_a_command_ends_in_one_outcome_and_a_repeat_does_nothing(center: Center) -> None:
    await center.agent("ann")
    await center.hears(Thread().opened(AT_MS))
    [offer] = center.offers
    first, late = request_id(), request_id()
    await center.accept(offer, request_id=first, actor="agent/ann")
    await center.accept(offer, request_id=first, actor="agent/ann")
    await center.accept(offer, request_id=late, actor="agent/ann")
    assert (await outcome(center, first)).accepted
    refused = await outcome(center, late)
    assert (refused.accepted, refused.reason) == (False, "OFFER_ENDED")
    [rejected] = center.events("command_rejected")
    assert (rejected.command, rejected.reason, rejected.agent_id) == (
        "accept_offer",
        "OFFER_ENDED",
        "ann",
    )
    assert len(center.events("accepted")) == 1


async def test_an_upsert_answers_with_the_agent(center: Center) -> None:
    request = request_id()
    agent = pb.Agent(agent_id="ann", capacity=50, pools=["b", "a"], languages=["de-AT"])
    await center.asks(request_id=request, upsert_agent=asks.UpsertAgent(agent=agent))
    found = UpsertAgentResponse.FromString((await outcome(center, request)).result).agent
    assert (list(found.pools), list(found.languages), found.version) == (["a", "b"], ["de"], 1)
    assert found.channels  # those of the policy
    assert found.level == pb.SUPPORT_LEVEL_L1


async def test_what_a_newer_contract_has_added_is_refused_and_no_dead_letter(
    center: Center,
) -> None:
    request = request_id()
    await center.asks(request_id=request)
    assert (await outcome(center, request)).reason == "NOT_SUPPORTED"
    assert center.nodes["matcher"].seen.letters == []


async def test_each_decision_is_stored_and_evaluates_to_itself_again(center: Center) -> None:
    await center.agent("ann", languages=["fr"])
    await center.agent("bob", languages=["de"], capacity=50)
    for number in range(3):
        await center.hears(Thread(name=f"t{number}").opened(AT_MS + number))
    [first, _] = center.offers
    await center.accept(first)
    await center.complete(first)
    rows = await center.store.rows.select("decision")
    offered = [row for row in rows if row["kind"] == "OFFER"]
    assert sorted(row["reason"] for row in offered) == [
        "longest_idle",
        "longest_idle",
        "next_in_line",
    ]
    for row in offered:
        verdict = evaluate(inputs_of(row["inputs"]))
        assert (verdict.agent_id, verdict.work_id) == (row["agent_id"], row["work_id"])
    placed = [row for row in rows if row["kind"] == "TRIAGE"]
    assert len(placed) == 3
    assert {row["reason"] for row in placed} == {"rule:everyone"}
    assert placed[0]["result"]["pool"] == "support"
    assert {row["decision_id"] for row in placed} >= {
        work.decision_id for work in center.domain.work.values()
    }


async def test_several_domains_live_in_a_shard_apart_from_each_other(center: Center) -> None:
    for tenant in ("default", "other"):
        agent = pb.Agent(agent_id="ann", capacity=25, pools=["support"])
        message = asks.RoutingInput(tenant_id=tenant, domain="default")
        message.upsert_agent.agent.CopyFrom(agent)
        center.bus.append("routing.inputs.v1", b"same", message.SerializeToString(), partition=0)
    await center.settle()
    state = center.nodes["matcher"].engine.shards[0].state
    assert set(state.domains) == {"default/default", "other/default"}
    assert [event.sequence for event in center.all_events()] == [1, 1]
