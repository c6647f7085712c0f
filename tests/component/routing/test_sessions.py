"""Agents at work through real doors: offers, answers, and connections that break."""

from __future__ import annotations

import pytest
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import model_pb2 as model

from tests.component.routing.floor import Floor, Tenant, request_id
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def agent(tenant: Tenant, agent_id: str) -> model.Agent:
    found: pb.GetAgentResponse = await tenant.get("GetAgent", pb.GetAgentRequest(agent_id=agent_id))
    return found.agent


@pytest.mark.parametrize("at", [0, 1])
async def test_an_offer_reaches_its_agent_whichever_process_holds_the_stream(
    floor: Floor, at: int
) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann", at=at) as (ann, welcome):
            assert welcome.agent.presence == model.PRESENCE_AVAILABLE
            thread = await tenant.writes("parcel")
            offer = await ann.is_offered()
            assert offer.conversation_id == thread.conversation_id
            assert (await ann.accepts(offer)).accepted
            started = await ann.hears("assignment_started")
            assert started.work.conversation_id == thread.conversation_id
            await tenant.hears(thread, thread.resolved(thread.sequence))
            over = await ann.hears("assignment_ended")
            assert (over.work_id, over.reason) == (offer.work_id, "completed")
            assert not [m for m in ann.told if m.HasField("offer_made")]  # told once


async def test_what_one_declines_the_other_is_offered_and_a_late_yes_is_refused(
    floor: Floor,
) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob")
        async with tenant.signed_in("ann") as (ann, _), tenant.signed_in("bob", at=1) as (bob, _):
            await tenant.writes("parcel")
            offer = await ann.is_offered()
            said = pb.SessionDecline(offer_id=offer.offer_id, reason="lunch")
            assert (await ann.ask(decline=said)).accepted
            over = await ann.hears("offer_ended")
            assert (over.state, over.reason) == (model.OFFER_STATE_DECLINED, "lunch")
            again = await bob.is_offered()
            assert again.work_id == offer.work_id
            late = await ann.accepts(offer)
            assert (late.accepted, late.reason) == (False, "OFFER_ENDED")
            assert (await bob.accepts(again)).accepted
            assert (await bob.completes(again)).accepted


async def test_a_repeated_statement_is_answered_with_the_first_result(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann") as (ann, _):
            await tenant.writes("parcel")
            offer = await ann.is_offered()
            said = pb.SessionAccept(request_id=request_id(), offer_id=offer.offer_id)
            assert (await ann.ask(accept=said)).accepted
            assert (await ann.ask(accept=said)).accepted  # without it, the offer would have ended
        rows = await tenant.rows("SELECT 1 FROM assignment WHERE tenant_id = $1")
        assert len(rows) == 1


async def test_who_comes_back_in_time_finds_offers_and_work_as_they_were(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann", capacity=50)
        async with tenant.signed_in("ann") as (ann, welcome):
            await tenant.writes("one")
            held = await ann.is_offered()
            await ann.accepts(held)
            await tenant.writes("two")
            open_offer = await ann.is_offered()
        async with tenant.signed_in("ann", at=1, session_id=welcome.session_id) as (back, again):
            assert again.session_id == welcome.session_id
            assert [offer.offer_id for offer in again.offers] == [open_offer.offer_id]
            assert [a.work_id for a in again.assignments] == [held.work_id]
            assert (await back.accepts(open_offer)).accepted
            assert (await back.completes(held)).accepted
            assert (await agent(tenant, "ann")).presence == model.PRESENCE_AVAILABLE


async def test_who_hangs_up_goes_offline_and_the_offer_goes_to_the_next(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        await tenant.define("bob")
        async with tenant.signed_in("ann") as (ann, _), tenant.signed_in("bob", at=1) as (bob, _):
            await tenant.writes("parcel")
            await ann.is_offered()
            await ann.hangs_up()
            assert (await bob.is_offered()).agent_id == "bob"
            found = await agent(tenant, "ann")
            assert (found.presence, found.used_capacity) == (model.PRESENCE_OFFLINE, 0)


async def test_signing_off_takes_effect_at_once(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann") as (ann, _):
            said = pb.SessionPresence(presence=model.PRESENCE_OFFLINE, reason="home")
            assert (await ann.ask(set_presence=said)).accepted
            changed = await ann.hears("presence_changed")
            assert (changed.presence, changed.reason) == (model.PRESENCE_OFFLINE, "home")
            await ann.call.done_writing()
            assert await ann.ends() == "OK"


async def test_a_session_that_goes_on_elsewhere_ends_here(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with (
            tenant.signed_in("ann") as (first, welcome),
            tenant.signed_in("ann", session_id=welcome.session_id) as (_, again),
        ):
            assert again.session_id == welcome.session_id
            assert await first.ends() == "UNAVAILABLE"
            assert (await agent(tenant, "ann")).presence == model.PRESENCE_AVAILABLE


async def test_a_heartbeat_is_answered(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann") as (ann, welcome):
            assert welcome.heartbeat_ms > 0
            await ann.say(heartbeat=pb.SessionPing(sent_at_ms=42))
            assert (await ann.hears("pong")).sent_at_ms == 42


async def test_hello_comes_first_and_only_for_oneself_and_only_if_one_exists(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        hello = pb.SessionHello(
            request_id=request_id(), agent_id="ann", presence=model.PRESENCE_AVAILABLE
        )
        silent = tenant.connect("ann")
        await silent.say(heartbeat=pb.SessionPing())
        assert await silent.ends() == "INVALID_ARGUMENT"
        impostor = tenant.connect("ann", subject="bob")
        await impostor.say(hello=hello)
        assert await impostor.ends() == "PERMISSION_DENIED"
        stranger = tenant.connect("zoe")
        hello.agent_id = "zoe"
        await stranger.say(hello=hello)
        assert await stranger.ends() == "NOT_FOUND"


async def test_a_statement_that_breaks_the_rules_ends_the_stream_with_the_reason(
    floor: Floor,
) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann")
        async with tenant.signed_in("ann") as (ann, _):
            await ann.say(accept=pb.SessionAccept(request_id="no uuid", offer_id="o"))
            assert await ann.ends() == "INVALID_ARGUMENT"

    async def gone() -> bool:
        return (await agent(tenant, "ann")).presence == model.PRESENCE_OFFLINE

    await until(gone, what="ann offline")


async def test_used_capacity_is_what_is_pending_assigned_and_in_wrap_up(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        await tenant.define("ann", capacity=100)
        async with tenant.signed_in("ann") as (ann, _):
            for number in range(3):
                await tenant.writes(f"parcel {number}")
            offers = [await ann.is_offered() for _ in range(3)]
            await ann.accepts(offers[0])
            await ann.accepts(offers[1])
            await ann.completes(offers[1])
            [row] = await tenant.rows(
                """SELECT used, (SELECT coalesce(sum(cost), 0) FROM offer o
                     WHERE o.tenant_id = $1 AND o.agent_id = a.agent_id AND state = 'PENDING')
                   + (SELECT coalesce(sum(cost), 0) FROM assignment s
                     WHERE s.tenant_id = $1 AND s.agent_id = a.agent_id AND is_open) AS held
                   FROM agent a WHERE tenant_id = $1"""
            )
            assert (row["used"], row["held"]) == (50, 50)
