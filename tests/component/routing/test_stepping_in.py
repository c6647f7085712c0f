"""Agents and supervisors act on work through the doors, and agents' sessions hear of it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import routing_service_pb2 as pb

from services.routing.core.byhand import HandVerdict, weigh
from services.routing.shell.topics import INPUTS
from services.routing.shell.wire.by_hand import hand_of
from tests.component.routing.floor import METHODS, Floor, Tenant, request_id
from tests.support.doors import Reply
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")

LEAD = "supervisor"


async def does(
    tenant: Tenant, name: str, request: Any, *, role: str = LEAD, subject: str = "sven"
) -> Reply:
    """Call an RPC as somebody, under a request id of its own."""
    request.request_id = request.request_id or request_id()
    token = tenant.token(role, subject=subject)
    return await tenant.doors[0].call(METHODS[name], request, token=token)


async def done(tenant: Tenant, name: str, request: Any, **who: str) -> Any:
    reply = await does(tenant, name, request, **who)
    assert reply.code == "OK", (reply.code, reply.text)
    return reply.messages[0]


async def refused(tenant: Tenant, name: str, request: Any, **who: str) -> tuple[str, str]:
    """The status and the reason."""
    reply = await does(tenant, name, request, **who)
    assert reply.code != "OK"
    return reply.code, reply.details["ErrorInfo"].reason


async def work_of(tenant: Tenant, name: str, **about: Any) -> model.WorkItem:
    """A customer writes; gives the work once it is there."""
    thread = await tenant.writes(name, **about)

    async def found() -> list[model.WorkItem]:
        condition = f'conversation_id = "{thread.conversation_id}"'
        page = await tenant.get("ListWork", pb.ListWorkRequest(filter=condition))
        return list(page.work)

    [work] = await until(found, what=f"work of {name}")
    return work


async def test_a_supervisor_assigns_and_both_agents_hear_of_it(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob", skills=[], languages=["fr"])
        busy = model.PRESENCE_BUSY
        async with (
            tenant.signed_in("ann") as (ann, _),
            tenant.signed_in("bob", at=1, presence=busy) as (bob, _),
        ):
            await tenant.writes("parcel")
            offer = await ann.is_offered()
            request = pb.AssignRequest(work_id=offer.work_id, agent_id="bob")
            assert await refused(tenant, "Assign", request) == (
                "FAILED_PRECONDITION",
                "NOT_ELIGIBLE",
            )
            request = pb.AssignRequest(work_id=offer.work_id, agent_id="bob", override=True)
            given = (await done(tenant, "Assign", request)).assignment
            assert (given.agent_id, given.override, given.offer_id) == ("bob", True, "")
            again = await done(tenant, "Assign", request)  # the same request, the same answer
            assert again.assignment == given
            ended = await ann.hears("offer_ended")
            assert (ended.state, ended.reason) == (model.OFFER_STATE_RESCINDED, "assigned")
            started = await bob.hears("assignment_started")
            assert (started.assignment, started.work.agent_id) == (given, "bob")
        why = await tenant.get("ExplainDecision", pb.ExplainDecisionRequest(work_id=offer.work_id))
        decision: model.Decision = why.decision
        assert (decision.kind, decision.reason) == (model.DECISION_KIND_MANUAL, "assign")
        assert [c.rejection for c in decision.candidates] == [model.REJECTION_REASON_LANGUAGE]
        inputs = MessageToDict(decision.inputs)
        assert inputs["actor"] == "agent/sven"
        verdict = weigh(hand_of(inputs))
        assert isinstance(verdict, HandVerdict)
        assert verdict.agent_id == decision.agent_id == "bob"
        assert len(why.earlier_decision_ids) == 2  # the offer, and triage


async def test_an_agent_claims_for_themselves_and_a_supervisor_for_anybody(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann", capacity=50)
        busy = model.PRESENCE_BUSY
        async with tenant.signed_in("ann", presence=busy) as (ann, _):
            first, second = await work_of(tenant, "one"), await work_of(tenant, "two")
            other = pb.ClaimRequest(work_id=first.work_id, agent_id="bob")
            who = {"role": "agent", "subject": "ann"}
            assert await refused(tenant, "Claim", other, **who) == (
                "PERMISSION_DENIED",
                "NOT_YOURSELF",
            )
            mine = pb.ClaimRequest(work_id=second.work_id)
            assert (await done(tenant, "Claim", mine, **who)).assignment.agent_id == "ann"
            await ann.hears("assignment_started")
            theirs = pb.ClaimRequest(work_id=first.work_id, agent_id="ann")
            assert (await done(tenant, "Claim", theirs)).assignment.work_id == first.work_id
            third = await work_of(tenant, "three")
            full = pb.ClaimRequest(work_id=third.work_id)
            assert await refused(tenant, "Claim", full, **who) == (
                "FAILED_PRECONDITION",
                "NO_CAPACITY",
            )


async def test_work_passed_on_and_up_leaves_and_reaches_the_sessions(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob", pools=["sales"])
        await tenant.define("lea", pools=["sales"], level=model.SUPPORT_LEVEL_L2)
        async with (
            tenant.signed_in("ann") as (ann, _),
            tenant.signed_in("bob", at=1) as (bob, _),
            tenant.signed_in("lea") as (lea, _),
        ):
            thread = await tenant.writes("parcel")
            offer = await ann.is_offered()
            assert (await ann.accepts(offer)).accepted
            transfer = pb.TransferRequest(work_id=offer.work_id, pool="sales", agent_id="bob")
            stranger = {"role": "agent", "subject": "bob"}
            assert (await refused(tenant, "Transfer", transfer, **stranger))[1] == "NOT_ASSIGNED"
            transfer.request_id = ""
            holder = {"role": "agent", "subject": "ann"}
            moved = (await done(tenant, "Transfer", transfer, **holder)).work
            assert (moved.pool, moved.agent_id, moved.transfer_count) == ("sales", "bob", 1)
            ended = await ann.hears("assignment_ended")
            assert (ended.work_id, ended.reason) == (offer.work_id, "transferred")
            started = await bob.hears("assignment_started")
            assert started.work.work_id == offer.work_id
            said = asks.EscalateWork(conversation_id=thread.conversation_id, reason="sla_breach")
            envelope = asks.RoutingInput(
                tenant_id=tenant.name,
                domain="default",
                actor="service/sla.clocks",
                escalate_work=said,
            )
            await tenant.served.publish(INPUTS, f"{tenant.name}/default", envelope)
            ended = await bob.hears("assignment_ended")
            assert ended.reason == "escalated"
            offered = await lea.is_offered()
            assert offered.work_id == offer.work_id
        found = (await tenant.get("GetWork", pb.GetWorkRequest(work_id=offer.work_id))).work
        assert found.level == model.SUPPORT_LEVEL_L2
        assert list(found.set_by_hand) == ["level", "pool"]
        assert found.arrived_at_ms == started.work.arrived_at_ms
        down = pb.EscalateRequest(work_id=offer.work_id, level=model.SUPPORT_LEVEL_L1)
        assert (await refused(tenant, "Escalate", down))[1] == "LEVEL_BELOW"


async def test_an_agent_of_another_domain_is_named_as_such(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("far", domain="elsewhere")
        work = await work_of(tenant, "parcel")
        transfer = pb.TransferRequest(work_id=work.work_id, agent_id="far")
        assert await refused(tenant, "Transfer", transfer) == (
            "FAILED_PRECONDITION",
            "OTHER_DOMAIN",
        )
        assign = pb.AssignRequest(work_id=work.work_id, agent_id="nobody")
        assert await refused(tenant, "Assign", assign) == ("NOT_FOUND", "AGENT_NOT_FOUND")
        unknown = pb.WithdrawRequest(work_id="unheard of")
        assert await refused(tenant, "Withdraw", unknown) == ("NOT_FOUND", "WORK_NOT_FOUND")
        withdraw = pb.WithdrawRequest(work_id=work.work_id)
        await done(tenant, "Withdraw", withdraw)
        withdraw.request_id = ""
        assert (await refused(tenant, "Withdraw", withdraw))[1] == "WORK_ENDED"


async def test_a_request_id_is_one_commands_only(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        work = await work_of(tenant, "parcel")
        rank = pb.ReprioritiseRequest(work_id=work.work_id, priority=7)
        assert (await done(tenant, "Reprioritise", rank)).work.priority == 7
        reused = pb.EscalateRequest(work_id=work.work_id, request_id=rank.request_id)
        assert await refused(tenant, "Escalate", reused) == (
            "ALREADY_EXISTS",
            "REQUEST_ID_REUSED",
        )


async def test_withdrawn_work_leaves_its_agent_and_comes_back_when_the_customer_writes(
    floor: Floor,
) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann") as (ann, _):
            thread = await tenant.writes("parcel")
            offer = await ann.is_offered()
            await ann.accepts(offer)
            request = pb.WithdrawRequest(work_id=offer.work_id, reason="spam")
            work = (await done(tenant, "Withdraw", request)).work
            assert work.state == model.WORK_STATE_COMPLETED
            ended = await ann.hears("assignment_ended")
            assert (ended.work_id, ended.reason) == (offer.work_id, "withdrawn")

            async def is_put_to_rest() -> bool:
                rows = await tenant.rows("SELECT has_work FROM triage WHERE tenant_id = $1")
                return [row["has_work"] for row in rows] == [False]

            await until(is_put_to_rest, what="triage to know")
            await tenant.hears(thread, thread.writes(work.changed_at_ms))
            again = await ann.is_offered()
            assert again.work_id != offer.work_id


async def test_skills_capacities_and_the_end_of_an_agent(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        skills = [model.Skill(name="billing", level=4)]
        request = agents.SetSkillsRequest(agent_id="ann", skills=skills)
        assert list((await done(tenant, "SetSkills", request)).agent.skills) == skills
        channels = [model.ChannelCapacity(channel=intake.CHANNEL_SMS, cost=10, max_items=2)]
        resize = agents.SetCapacitiesRequest(agent_id="ann", channels=channels, capacity=100)
        agent = (await done(tenant, "SetCapacities", resize)).agent
        assert (list(agent.channels), agent.capacity, list(agent.skills)) == (channels, 100, skills)
        remove = agents.RemoveAgentRequest(agent_id="ann")
        async with tenant.signed_in("ann") as (ann, _):
            await tenant.writes("parcel")
            offer = await ann.is_offered()
            await ann.accepts(offer)
            assert await refused(tenant, "RemoveAgent", remove) == (
                "FAILED_PRECONDITION",
                "AGENT_HOLDS_WORK",
            )
            await ann.completes(offer)
            remove.request_id = ""
            await done(tenant, "RemoveAgent", remove)
            gone = await ann.hears("presence_changed", lambda change: change.reason == "removed")
            assert gone.presence == model.PRESENCE_OFFLINE
        missing = await tenant.call("GetAgent", agents.GetAgentRequest(agent_id="ann"))
        assert missing.code == "NOT_FOUND"
        assert not (await tenant.get("ListAgents", agents.ListAgentsRequest())).agents
        await done(tenant, "RemoveAgent", remove)  # the same request, the same answer
        fresh = await tenant.define("ann", domain="elsewhere")
        assert (fresh.version, fresh.domain) == (1, "elsewhere")
        found = await tenant.get("GetAgent", agents.GetAgentRequest(agent_id="ann"))
        assert found.agent.domain == "elsewhere"


async def test_who_may_do_what(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        for name, request in (
            ("Assign", pb.AssignRequest(work_id="w", agent_id="a")),
            ("Reprioritise", pb.ReprioritiseRequest(work_id="w")),
            ("Withdraw", pb.WithdrawRequest(work_id="w")),
            ("SetSkills", agents.SetSkillsRequest(agent_id="a")),
            ("SetCapacities", agents.SetCapacitiesRequest(agent_id="a")),
            ("RemoveAgent", agents.RemoveAgentRequest(agent_id="a")),
        ):
            reply = await does(tenant, name, request, role="agent")
            assert reply.code == "PERMISSION_DENIED", name
