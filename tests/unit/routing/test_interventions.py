"""What people do to work, on the engine: outcomes, events, decisions, triage, restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as pb
from switchboard.routing.v1 import routing_service_pb2 as answers

from services.routing.core.byhand import HandVerdict, weigh
from services.routing.core.policies import DEFAULT_POLICY
from services.routing.core.triage.decide import SETTLE_MS
from services.routing.shell.wire.by_hand import hand_of, verdict_json
from services.routing.shell.wire.nouns import decision_message
from tests.support.conversations import Thread
from tests.unit.routing.center import EDGE, Center, request_id

AT_MS = 900_000


@pytest.fixture
async def center() -> Center:
    return await Center().start()


async def asked(center: Center, actor: str = "agent/sven", **kind: Message) -> CommandOutcome:
    """A command with a request id of its own; gives its outcome."""
    request = request_id()
    await center.asks(request_id=request, actor=actor, **kind)
    key = f"default/{request}"
    return CommandOutcome.FromString((await center.store.outcomes([key]))[key])


async def waiting(center: Center, thread: Thread | None = None) -> str:
    """A conversation's work; gives its id."""
    thread = thread or Thread()
    await center.hears(thread.opened(AT_MS))
    return center.domain.wanted[thread.conversation_id]


async def held(center: Center) -> str:
    """Ann has the work of a conversation."""
    await center.agent("ann", capacity=25)
    name = await waiting(center)
    await center.accept(center.offers[-1])
    return name


def kinds(center: Center, work_id: str) -> list[str]:
    found = (event.WhichOneof("kind") for event in center.all_events() if event.work_id == work_id)
    return [kind for kind in found if kind]


async def decisions(center: Center) -> list[dict[str, Any]]:
    rows = await center.store.rows.select("decision")
    return [row for row in rows if row["kind"] in {"MANUAL", "ESCALATE"}]


async def test_an_assignment_by_hand_is_told_answered_and_explained(center: Center) -> None:
    await center.agent("ann", pools=["sales"])
    name = await waiting(center)
    refused = await asked(center, assign_work=asks.AssignWork(work_id=name, agent_id="ann"))
    assert (refused.reason, refused.detail) == (
        "NOT_ELIGIBLE",
        "ann cannot take it: NOT_IN_POOL",
    )
    said = asks.AssignWork(work_id=name, agent_id="ann", override=True)
    outcome = await asked(center, assign_work=said)
    given = answers.AssignResponse.FromString(outcome.result).assignment
    assert (given.agent_id, given.offer_id, given.override) == ("ann", "", True)
    [told] = center.events("assigned")
    assert (told.assignment, told.number) == (given, 1)
    [row] = await decisions(center)
    assert (row["decision_id"], row["reason"]) == (told.decision_id, "assign")
    assert row["inputs"]["actor"] == "agent/sven"
    decision = decision_message({**row, "tenant_id": "default", "domain_id": "default"})
    assert decision.kind == pb.DECISION_KIND_MANUAL
    [candidate] = decision.candidates
    assert (candidate.agent_id, candidate.eligible, candidate.rejection) == (
        "ann",
        False,
        pb.REJECTION_REASON_POOL,
    )
    assert decision.result["exception"]


async def test_every_decision_by_hand_weighs_to_itself_again(center: Center) -> None:
    skills = [pb.Skill(name="billing", level=3)]
    for agent in ("ann", "bob"):
        await center.agent(agent, pools=["support", "sales"], skills=skills)
    name = await waiting(center)
    needs = [pb.SkillRequirement(name="billing", min_level=2)]
    for kind in (
        {"reprioritise_work": asks.ReprioritiseWork(work_id=name, priority=4)},
        {"transfer_work": asks.TransferWork(work_id=name, pool="sales", agent_id="bob")},
        {"transfer_work": asks.TransferWork(work_id=name, skills=needs, agent_id="ann")},
        {"escalate_work": asks.EscalateWork(work_id=name, level=pb.SUPPORT_LEVEL_L3)},
        {"assign_work": asks.AssignWork(work_id=name, agent_id="ann", override=True)},
        {"withdraw_work": asks.WithdrawWork(work_id=name, reason="spam")},
    ):
        assert (await asked(center, **kind)).accepted
    found = await decisions(center)
    assert sorted(row["reason"] for row in found) == [
        "assign",
        "escalate",
        "reprioritise",
        "transfer",
        "transfer",
        "withdraw",
    ]
    for row in found:
        inputs = hand_of(row["inputs"])
        verdict = weigh(inputs)
        assert isinstance(verdict, HandVerdict)
        assert verdict_json(inputs, verdict) == row["result"]


async def test_a_transfer_tells_the_queue_left_and_the_queue_reached(center: Center) -> None:
    name = await held(center)
    await center.agent("bob", pools=["sales"], capacity=25)
    said = asks.TransferWork(work_id=name, pool="sales", agent_id="bob", reason="wants to buy")
    outcome = await asked(center, actor="agent/ann", transfer_work=said)
    work = answers.TransferResponse.FromString(outcome.result).work
    assert (work.pool, work.agent_id, work.transfer_count) == ("sales", "bob", 1)
    assert list(work.set_by_hand) == ["pool"]
    assert work.arrived_at_ms == AT_MS
    assert kinds(center, name) == [
        *("queued", "offered", "accepted", "assigned", "transferred", "queued", "assigned"),
    ]
    gone, waits, there = center.all_events()[-3:]
    assert (gone.pool, waits.pool, there.pool) == ("support", "sales", "sales")
    assert (gone.actor, gone.transferred.reason) == ("agent/ann", "wants to buy")
    assert (gone.transferred.from_agent_id, gone.transferred.to_agent_id) == ("ann", "bob")
    assert there.assigned.number == 2


async def test_whatever_an_agent_says_on_leaving_the_work_is_told_to_wait(center: Center) -> None:
    await center.agent("ann")
    name = await waiting(center)
    said = asks.SetPresence(
        agent_id="ann",
        session_id="session-ann",
        edge_id=EDGE,
        sequence=1,
        presence=pb.PRESENCE_AWAY,
        reason="transferred",
    )
    await center.asks(set_presence=said)
    assert kinds(center, name) == ["queued", "offered", "offer_rescinded", "queued"]


async def test_a_clock_escalates_by_conversation_and_nobody_waits_for_an_answer(
    center: Center,
) -> None:
    thread = Thread()
    name = await waiting(center, thread)
    said = asks.EscalateWork(conversation_id=thread.conversation_id, reason="sla_breach")
    await center.asks(actor="service/sla.clocks", escalate_work=said)
    [told] = center.events("escalated")
    assert (told.from_level, told.to_level, told.reason) == (
        pb.SUPPORT_LEVEL_L1,
        pb.SUPPORT_LEVEL_L2,
        "sla_breach",
    )
    assert center.domain.work[name].arrived_ms == AT_MS
    [row] = await decisions(center)
    assert (row["kind"], row["inputs"]["actor"]) == ("ESCALATE", "service/sla.clocks")
    await center.asks(escalate_work=asks.EscalateWork(conversation_id="unheard of"))
    assert [event.reason for event in center.events("command_rejected")] == ["WORK_NOT_FOUND"]


async def test_a_repeated_command_is_done_once_and_answered_alike(center: Center) -> None:
    name, request = await waiting(center), request_id()
    for _ in range(2):
        said = asks.EscalateWork(work_id=name)
        await center.asks(request_id=request, escalate_work=said)
    assert len(center.events("escalated")) == 1
    assert center.domain.work[name].requirement.level == 2


async def test_the_limit_of_transfers_is_named_in_the_refusal(center: Center) -> None:
    name = await waiting(center)
    for number in range(center.policy.max_transfers):
        said = asks.TransferWork(work_id=name, pool=f"pool-{number}")
        assert (await asked(center, transfer_work=said)).accepted
    refused = await asked(center, transfer_work=asks.TransferWork(work_id=name, pool="support"))
    assert refused.reason == "TRANSFER_LIMIT"
    assert f"allows {center.policy.max_transfers}" in refused.detail


@pytest.mark.parametrize("has_it", [False, True])
async def test_withdrawn_work_stays_away_until_the_customer_writes(
    center: Center, *, has_it: bool
) -> None:
    thread = Thread()
    if has_it:
        await center.agent("ann")
    name = await waiting(center, thread)
    if has_it:
        await center.accept(center.offers[-1])
    outcome = await asked(center, withdraw_work=asks.WithdrawWork(work_id=name, reason="spam"))
    work = answers.WithdrawResponse.FromString(outcome.result).work
    ended = pb.WORK_STATE_COMPLETED if has_it else pb.WORK_STATE_WITHDRAWN
    assert work.state == ended
    if has_it:
        [told] = center.events("completed")
        assert (told.withdrawn, told.reason) == (True, "spam")
    else:
        [told] = center.events("abandoned")
        assert (told.reason, told.note) == ("withdrawn", "spam")
    await center.wait(SETTLE_MS)
    assert not center.domain.work
    await center.start()  # triage remembers that it was withdrawn
    await center.wait(10 * SETTLE_MS)
    assert not center.domain.work
    await center.hears(thread.writes(AT_MS))
    [again] = center.domain.work.values()
    assert again.work_id != name


async def test_a_withdrawn_conversation_that_reopens_is_asked_for_anew(center: Center) -> None:
    thread = Thread()
    name = await waiting(center, thread)
    await asked(center, withdraw_work=asks.WithdrawWork(work_id=name))
    await center.hears(thread.resolved(AT_MS))
    await center.hears(thread.reopened(AT_MS + 5))
    assert len(center.domain.work) == 1


async def test_what_people_have_set_outlives_the_work_while_the_conversation_is_open(
    center: Center,
) -> None:
    name = await held(center)
    await center.agent("lea", level=pb.SUPPORT_LEVEL_L2)
    await asked(center, escalate_work=asks.EscalateWork(work_id=name))
    [_, offer] = center.offers
    assert offer.agent_id == "lea"
    await center.accept(offer)
    await center.complete(offer)
    await center.wait(SETTLE_MS)
    [again] = center.domain.work.values()
    assert (again.requirement.level, again.set_by_hand) == (2, ("level",))
    assert again.arrived_ms == AT_MS


async def test_skills_and_capacities_are_answered_with_the_agent(center: Center) -> None:
    await center.agent("ann")
    skills = [pb.Skill(name="billing", level=3)]
    outcome = await asked(center, set_skills=asks.SetSkills(agent_id="ann", skills=skills))
    assert list(agents.SetSkillsResponse.FromString(outcome.result).agent.skills) == skills
    outcome = await asked(center, set_capacities=asks.SetCapacities(agent_id="ann", capacity=50))
    agent = agents.SetCapacitiesResponse.FromString(outcome.result).agent
    assert (agent.capacity, list(agent.skills), agent.version) == (50, skills, 3)
    assert agent.channels  # those of the policy


async def test_a_removed_agent_is_gone_after_a_restart_and_may_begin_anew(center: Center) -> None:
    await center.agent("ann")
    assert (await asked(center, remove_agent=asks.RemoveAgent(agent_id="ann"))).accepted
    assert center.events("agent_changed")[-1].removed
    assert center.events("agent_presence_changed")[-1].reason == "removed"
    before = center.domain
    await center.start()
    assert center.domain == before
    assert not center.domain.agents
    refused = await asked(center, remove_agent=asks.RemoveAgent(agent_id="ann"))
    assert refused.reason == "AGENT_NOT_FOUND"
    await center.agent("ann")
    await center.start()
    assert list(center.domain.agents) == ["ann"]


async def test_what_is_loaded_after_a_restart_has_every_hand_and_hold() -> None:
    wrap_up_ms = 10_000
    center = await Center(replace(DEFAULT_POLICY, wrap_up_ms=wrap_up_ms)).start()
    name = await held(center)
    await center.agent("bob", capacity=25)
    other = await waiting(center, Thread(name="two"))
    for kind in (
        {"assign_work": asks.AssignWork(work_id=other, agent_id="ann", override=True)},
        {"transfer_work": asks.TransferWork(work_id=name, agent_id="bob")},
        {"escalate_work": asks.EscalateWork(work_id=name)},
    ):
        assert (await asked(center, **kind)).accepted
    before, cases = center.domain, center.cases
    assert (before.agents["ann"].used, before.agents["ann"].overridden) == (50, 25)
    await center.start()
    assert center.domain == before
    assert center.cases == cases
    await center.wait(wrap_up_ms)
    assert sorted(event.agent_id for event in center.events("wrap_up_ended")) == ["ann", "bob"]
    assert (center.domain.agents["ann"].used, center.domain.agents["bob"].used) == (25, 0)
