"""What routing tells of itself: agents, queues, work, decisions, watches, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import policy_service_pb2 as policies
from switchboard.routing.v1 import routing_service_pb2 as pb

from services.routing.core.explain import evaluate
from services.routing.shell.wire.explanations import inputs_of
from tests.component.routing.floor import METHODS, Floor, Tenant, request_id
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")

BUILT = {
    *("UpsertAgent", "GetAgent", "ListAgents", "AgentSession"),
    *("SetSkills", "SetCapacities", "RemoveAgent"),
    *("Assign", "Claim", "Transfer", "Escalate", "Reprioritise", "Withdraw"),
    *("GetQueues", "ListWork", "GetWork", "ExplainDecision", "WatchQueues", "GetPolicy"),
}
UUID = "0b7a6a54-59a0-4d0e-8a5d-5d3e3a6f9c12"


async def waiting(tenant: Tenant, count: int, **filters: Any) -> list[model.WorkItem]:
    """The open work, once there is so much of it."""

    async def found() -> list[model.WorkItem]:
        page = await tenant.get("ListWork", pb.ListWorkRequest(**filters))
        return list(page.work) if len(page.work) == count else []

    return await until(found, what=f"{count} pieces of work")


async def test_agents_are_defined_listed_and_found(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        for number, presence in enumerate(("ann", "bob", "carl")):
            skills = [model.Skill(name="billing", level=number + 1)] if number else []
            await tenant.define(presence, skills=skills, languages=["de-AT", "en"])
        page = await tenant.get("ListAgents", agents.ListAgentsRequest(page_size=2))
        assert [agent.agent_id for agent in page.agents] == ["ann", "bob"]
        rest = agents.ListAgentsRequest(page_size=2, page_token=page.next_page_token)
        assert [a.agent_id for a in (await tenant.get("ListAgents", rest)).agents] == ["carl"]
        skilled = agents.ListAgentsRequest(filter="skill = billing AND presence = OFFLINE")
        found = await tenant.get("ListAgents", skilled)
        assert [agent.agent_id for agent in found.agents] == ["bob", "carl"]
        assert list(found.agents[0].languages) == ["de", "en"]


async def test_a_repeated_upsert_is_answered_with_the_first_result(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        agent = model.Agent(agent_id="ann", capacity=50, pools=["support"])
        request = agents.UpsertAgentRequest(request_id=request_id(), agent=agent)
        first = await tenant.get("UpsertAgent", request)
        request.agent.capacity = 75
        assert await tenant.get("UpsertAgent", request) == first


async def test_a_capacity_in_use_is_not_cut(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann", capacity=50)
        async with tenant.signed_in("ann") as (ann, _):
            await tenant.writes("parcel")
            await ann.is_offered()
            agent = model.Agent(agent_id="ann", capacity=10, pools=["support"])
            request = agents.UpsertAgentRequest(request_id=request_id(), agent=agent)
            reply = await tenant.call("UpsertAgent", request)
            assert (reply.code, reply.details["ErrorInfo"].reason) == (
                "FAILED_PRECONDITION",
                "CAPACITY_IN_USE",
            )


async def test_work_is_listed_next_first_page_by_page_and_by_filter(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        for name, tier in (
            ("basic", intake.SERVICE_TIER_BASIC),
            ("best", intake.SERVICE_TIER_INSPIRING),
            ("good", intake.SERVICE_TIER_EXCELLENT),
        ):
            await tenant.writes(name, tier=tier)
        work = await waiting(tenant, 3)
        assert [item.priority for item in work] == [30, 15, 0]
        first = await tenant.get("ListWork", pb.ListWorkRequest(page_size=2))
        rest = pb.ListWorkRequest(page_size=2, page_token=first.next_page_token)
        last = await tenant.get("ListWork", rest)
        assert [item.work_id for item in (*first.work, *last.work)] == [w.work_id for w in work]
        one = pb.ListWorkRequest(
            filter=f'conversation_id = "{work[1].conversation_id}" AND state = QUEUED'
        )
        assert [w.work_id for w in (await tenant.get("ListWork", one)).work] == [work[1].work_id]
        found = await tenant.get("GetWork", pb.GetWorkRequest(work_id=work[0].work_id))
        assert found.work == work[0]


async def test_a_filter_that_cannot_be_read_is_refused_with_the_place(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        for text in ("colour = red", "state = BLUE", "state QUEUED"):
            reply = await tenant.call("ListWork", pb.ListWorkRequest(filter=text))
            assert reply.code == "INVALID_ARGUMENT"
            [violation] = reply.details["BadRequest"].field_violations
            assert violation.field == "filter"


async def test_queues_count_work_and_agents(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob", pools=["support", "sales"])
        async with tenant.signed_in("ann") as (ann, _):
            await tenant.writes("one")
            await ann.accepts(await ann.is_offered())
            await tenant.writes("two")
            [*_, oldest] = await waiting(tenant, 2)
            reply = await tenant.get("GetQueues", pb.GetQueuesRequest())
            sales, support = reply.queues
            assert (sales.pool, sales.agents_available) == ("sales", 0)
            assert (support.queued, support.offered, support.assigned) == (1, 0, 1)
            assert (support.agents_available, support.agents_signed_in) == (1, 1)
            assert support.oldest_arrived_at_ms == oldest.arrived_at_ms
            only = await tenant.get("GetQueues", pb.GetQueuesRequest(pools=["sales"]))
            assert [queue.pool for queue in only.queues] == ["sales"]


async def test_every_decision_is_explained_and_evaluates_to_itself(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob", languages=["fr"])
        async with tenant.signed_in("ann") as (ann, _), tenant.signed_in("bob"):
            await tenant.writes("parcel", tier=intake.SERVICE_TIER_EXPECTED)
            offer = await ann.is_offered()
        request = pb.ExplainDecisionRequest(decision_id=offer.decision_id)
        reply = await tenant.get("ExplainDecision", request)
        decision: model.Decision = reply.decision
        assert (decision.kind, decision.agent_id) == (model.DECISION_KIND_OFFER, "ann")
        assert {c.agent_id: c.rejection for c in decision.candidates} == {
            "ann": model.REJECTION_REASON_UNSPECIFIED,
            "bob": model.REJECTION_REASON_LANGUAGE,
        }
        verdict = evaluate(inputs_of(MessageToDict(decision.inputs)))
        assert (verdict.agent_id, verdict.work_id) == ("ann", offer.work_id)
        [placed] = reply.earlier_decision_ids
        triage = await tenant.get("ExplainDecision", pb.ExplainDecisionRequest(decision_id=placed))
        assert triage.decision.kind == model.DECISION_KIND_TRIAGE
        assert triage.decision.reason == "rule:expected"
        assert MessageToDict(triage.decision.result)["priority"] == 5
        latest = await tenant.get(
            "ExplainDecision", pb.ExplainDecisionRequest(work_id=offer.work_id)
        )
        assert latest.decision == decision


async def test_a_watch_shows_what_is_there_then_what_changes_and_goes_on_after_a_break(
    floor: Floor,
) -> None:
    async with floor.tenant() as tenant:
        first = await tenant.writes("one")
        await waiting(tenant, 1)
        method, token = METHODS["WatchQueues"], tenant.token("supervisor")
        call = tenant.doors[0].begin(method, pb.WatchQueuesRequest(), token=token)
        seen = await call.read()
        assert seen.replace
        assert seen.snapshot.complete
        assert [w.conversation_id for w in seen.snapshot.work] == [first.conversation_id]
        second = await tenant.writes("two")
        change = await call.read()
        assert change.change.queued.work.conversation_id == second.conversation_id
        call.cancel()
        third = await tenant.writes("three")
        request = pb.WatchQueuesRequest(resume_token=change.resume_token)
        again = tenant.doors[1].begin(method, request, token=token)
        missed = await again.read()
        assert missed.change.queued.work.conversation_id == third.conversation_id
        again.cancel()
        wrong = pb.WatchQueuesRequest(resume_token=change.resume_token, pools=["sales"])
        assert (await tenant.call("WatchQueues", wrong)).code == "INVALID_ARGUMENT"


async def test_the_policy_in_force_is_shown(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        reply = await tenant.get("GetPolicy", policies.GetPolicyRequest())
        assert [rule.priority for rule in reply.policy.rules] == [30, 15, 5, 0]
        assert (reply.policy.version, reply.policy.max_transfers) == (1, 5)
        missing = await tenant.call("GetPolicy", policies.GetPolicyRequest(version=7))
        assert missing.code == "NOT_FOUND"


async def test_another_tenants_things_do_not_exist(floor: Floor) -> None:
    async with floor.tenant() as ours, floor.tenant() as theirs:
        await ours.define("ann")
        async with ours.signed_in("ann") as (ann, _):
            await ours.writes("parcel")
            offer = await ann.is_offered()
        for name, request in (
            ("GetAgent", agents.GetAgentRequest(agent_id="ann")),
            ("GetWork", pb.GetWorkRequest(work_id=offer.work_id)),
            ("ExplainDecision", pb.ExplainDecisionRequest(decision_id=offer.decision_id)),
            ("ExplainDecision", pb.ExplainDecisionRequest(work_id=offer.work_id)),
        ):
            assert (await theirs.call(name, request)).code == "NOT_FOUND", name
        assert not (await theirs.get("ListWork", pb.ListWorkRequest())).work
        assert not (await theirs.get("GetQueues", pb.GetQueuesRequest())).queues


PLANNED: dict[str, Any] = {
    "Simulate": pb.SimulateRequest(policy=model.RoutingPolicy(), to_ms=1),
    "ListPolicyVersions": policies.ListPolicyVersionsRequest(),
    "PutPolicy": policies.PutPolicyRequest(request_id=UUID),
    "ActivatePolicyVersion": policies.ActivatePolicyVersionRequest(request_id=UUID, version=1),
    "DryRunPolicy": policies.DryRunPolicyRequest(conversation=intake.ConversationRef()),
    "ListPools": policies.ListPoolsRequest(),
    "UpsertPool": policies.UpsertPoolRequest(request_id=UUID, pool=model.Pool(name="p")),
}


async def test_every_rpc_is_built_or_planned() -> None:
    assert METHODS.keys() == BUILT | PLANNED.keys()


@pytest.mark.parametrize("name", PLANNED)
async def test_what_is_planned_says_so(floor: Floor, name: str) -> None:
    request = PLANNED[name]
    if name in ("Simulate", "PutPolicy"):
        request.policy.default_pool = "support"
        request.policy.offer_timeout_ms = 20_000
    async with floor.tenant() as tenant:
        reply = await tenant.call(name, request, role="admin")
        assert reply.code == "UNIMPLEMENTED", reply.text
