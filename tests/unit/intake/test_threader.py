"""The threader on the engine in memory: rows, events, outcomes, timers, repeats, poison."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from switchboard.intake.v1 import (
    commands_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    model_pb2,
)

from services.intake.shell.consumers import dossiers
from services.intake.shell.topics import INPUTS, OUTBOUND
from services.intake.shell.wire import inputs
from tests.unit.intake.desk import Desk
from tests.unit.intake.given import ACCOUNT, ADDRESS, HOME, POLICY, TENANT, inbound

OPEN = model_pb2.CONVERSATION_STATUS_OPEN
RESOLVED = model_pb2.CONVERSATION_STATUS_RESOLVED
CLOSED = model_pb2.CONVERSATION_STATUS_CLOSED


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.start()
    yield desk
    assert desk.letters() == []


async def test_a_message_becomes_rows_and_events(desk: Desk) -> None:
    await desk.write()
    assert desk.kinds() == ["opened", "message_added"]
    opened, added = desk.events()
    assert [opened.sequence, added.sequence] == [1, 2]
    assert opened.conversation == added.conversation
    assert added.message_added.message.text == "Where is my parcel?"
    assert added.conversation.status == OPEN
    assert added.conversation.home_id == HOME
    (customer,) = await desk.rows("customer")
    (message,) = await desk.rows("message")
    conversation = await desk.conversation()
    assert customer["customer_id"] == conversation["customer_id"] == HOME
    assert customer["identities"][0]["address"] == ADDRESS
    assert message["conversation_id"] == conversation["conversation_id"]
    assert (message["sequence"], conversation["sequence"], conversation["messages"]) == (2, 2, 1)


async def test_a_providers_repeat_is_one_message(desk: Desk) -> None:
    for _ in range(3):
        await desk.write()
    assert desk.kinds() == ["opened", "message_added"]
    assert len(await desk.rows("message")) == 1


async def test_memory_is_a_cache_and_nothing_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dossiers, "KEPT_MAX", 0)
    await desk.write()
    await desk.start()
    await desk.write("m-2")
    await desk.reply()
    assert desk.kinds() == ["opened", "message_added", "message_added", "replied"]
    assert [event.sequence for event in desk.events()] == [1, 2, 3, 4]
    assert len(await desk.rows("conversation")) == 1


async def test_a_reply_is_said_queued_and_answered(desk: Desk) -> None:
    await desk.write()
    await desk.reply("req-1")
    outcome = await desk.outcome(f"{TENANT}/req-1")
    assert outcome.accepted
    assert outcome.result_type == "switchboard.intake.v1.ReplyResponse"
    response = conversation_service_pb2.ReplyResponse.FromString(outcome.result)
    (record,) = desk.threads.published(OUTBOUND)
    request = commands_pb2.OutboundMessage.FromString(record.value).request
    assert request.message_id == response.message_id
    assert record.key.decode() == f"{ACCOUNT}/{HOME}"
    assert (request.recipient, request.text) == (ADDRESS, "On its way.")
    replied = desk.events()[-1]
    assert (replied.replied.agent_id, replied.request_id) == ("ada", "req-1")
    assert replied.replied.message.delivery_status == model_pb2.DELIVERY_STATUS_QUEUED


async def test_a_repeated_request_is_answered_and_not_done_again(desk: Desk) -> None:
    await desk.write()
    await desk.reply("req-1")
    first = await desk.outcome(f"{TENANT}/req-1")
    await desk.reply("req-1", text="Something else.")
    assert await desk.outcome(f"{TENANT}/req-1") == first
    assert desk.kinds().count("replied") == 1


async def test_a_refusal_is_an_outcome_and_an_event(desk: Desk) -> None:
    await desk.write()
    await desk.set_status("req-1", CLOSED)
    await desk.reply("req-2")
    outcome = await desk.outcome(f"{TENANT}/req-2")
    assert (outcome.accepted, outcome.reason) == (False, "CONVERSATION_CLOSED")
    rejected = desk.events()[-1]
    assert (rejected.command_rejected.command, rejected.request_id) == ("reply", "req-2")
    assert rejected.conversation.status == CLOSED


async def test_a_conversation_nobody_knows_is_refused_under_its_id(desk: Desk) -> None:
    move = commands_pb2.SetStatus(conversation_id="no-such", status=CLOSED)
    await desk.command("req-1", set_status=move)
    assert (await desk.outcome(f"{TENANT}/req-1")).reason == "CONVERSATION_NOT_FOUND"
    (event,) = desk.events()
    assert event.command_rejected.reason == "CONVERSATION_NOT_FOUND"
    assert event.conversation.tenant_id == TENANT
    assert not event.conversation.conversation_id


async def test_an_answer_to_a_message_of_ours_goes_on_where_that_was(desk: Desk) -> None:
    await desk.write()
    await desk.reply()
    await desk.accept(desk.calls[-1], sid="SMout")
    first = await desk.conversation()
    await desk.set_status("req-2", CLOSED)
    said = replace(inbound("m-2", at_ms=desk.now_ms), in_reply_to=("SMout",))
    await desk.put(inputs.received(replace(said, new_conversation_id="")))
    opened, added = desk.events()[-2:]
    assert opened.opened.follows_id == first["conversation_id"]
    assert added.message_added.threaded_by == "reference"


async def test_another_services_survey_is_sent_once(desk: Desk) -> None:
    await desk.write()
    await desk.set_status("req-1", RESOLVED)
    conversation_id = (await desk.conversation())["conversation_id"]
    survey = commands_pb2.SendMessage(
        conversation_id=conversation_id,
        text="How was it?",
        purpose=model_pb2.PURPOSE_SURVEY,
        source_id="survey-1",
    )
    for _ in range(2):
        await desk.command("", actor="service/feedback", send_message=survey)
    assert desk.kinds().count("replied") == 1
    said = desk.events()[-1].replied
    assert (said.agent_id, said.message.source_id) == ("", "survey-1")
    assert said.message.purpose == model_pb2.PURPOSE_SURVEY


async def test_a_resolved_conversation_closes_by_itself(desk: Desk) -> None:
    await desk.write()
    await desk.set_status("req-1", RESOLVED)
    await desk.later(POLICY.reopen_window_ms - 1)
    assert (await desk.conversation())["status"] == "RESOLVED"
    await desk.start()  # the timer outlives its process, the cache does not
    await desk.later(1)
    conversation = await desk.conversation()
    assert (conversation["status"], conversation["live"]) == ("CLOSED", False)
    assert desk.events()[-1].status_changed.reason == "auto_close"


async def test_reopening_calls_the_closing_off(desk: Desk) -> None:
    await desk.write()
    await desk.set_status("req-1", RESOLVED)
    await desk.write("m-2")
    await desk.later(POLICY.reopen_window_ms)
    assert (await desk.conversation())["status"] == "OPEN"
    assert all(node.engine.next_due_ms() is None for node in desk.nodes)


async def test_after_the_window_a_follow_up_names_what_it_follows(desk: Desk) -> None:
    await desk.write()
    await desk.set_status("req-1", RESOLVED)
    await desk.later(POLICY.reopen_window_ms)
    await desk.write("m-2")
    first, second = await desk.rows("conversation")
    assert second["conversation_id"] != first["conversation_id"]
    assert [first["live"], second["live"]] == [False, True]


async def test_a_customer_is_stated_before_they_write(desk: Desk) -> None:
    identity = model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address=ADDRESS)
    stated = model_pb2.Customer(
        tier=model_pb2.SERVICE_TIER_INSPIRING, display_name="Grete", identities=[identity]
    )
    upsert = commands_pb2.UpsertCustomer(customer=stated)
    await desk.command("req-1", upsert_customer=upsert)
    outcome = await desk.outcome(f"{TENANT}/req-1")
    response = customer_service_pb2.UpsertCustomerResponse.FromString(outcome.result)
    assert response.customer.customer_id == HOME
    await desk.write()
    assert desk.events()[-1].conversation.tier == model_pb2.SERVICE_TIER_INSPIRING


async def test_a_new_tier_is_told_on_the_live_conversation(desk: Desk) -> None:
    await desk.write()
    identity = model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address=ADDRESS)
    stated = model_pb2.Customer(tier=model_pb2.SERVICE_TIER_EXCELLENT, identities=[identity])
    upsert = commands_pb2.UpsertCustomer(customer=stated, fields=["tier"])
    await desk.command("req-1", upsert_customer=upsert)
    updated = desk.events()[-1]
    assert list(updated.customer_updated.changed) == ["tier"]
    assert updated.customer_updated.previous_tier == model_pb2.SERVICE_TIER_BASIC
    assert updated.conversation.tier == model_pb2.SERVICE_TIER_EXCELLENT


async def test_a_program_may_state_tier_and_attributes_with_a_message(desk: Desk) -> None:
    said = inputs.received(inbound(at_ms=desk.now_ms))
    said.inbound_message.attributes["tier"] = "EXPECTED"
    said.inbound_message.attributes["plan"] = "family"
    await desk.put(said)
    ref = desk.events()[-1].conversation
    assert ref.tier == model_pb2.SERVICE_TIER_EXPECTED
    assert dict(ref.attributes) == {"plan": "family"}


async def test_what_can_never_work_parks_its_customer_alone() -> None:
    desk = Desk()
    await desk.start()
    await desk.command("req-1", call_event=commands_pb2.CallEvent(provider_call_id="CA1"))
    await desk.write()
    failed, waits = desk.letters()
    assert failed.startswith("ValueError")
    assert waits == "waits behind an earlier record of its entity"
    other = inbound("m-9", at_ms=desk.now_ms)
    said = inputs.received(other)
    said.home_id = "another"
    await desk.put(said, topic=INPUTS, key="another")
    assert desk.kinds() == ["opened", "message_added"]


async def test_a_record_under_another_key_is_set_aside() -> None:
    desk = Desk()
    await desk.start()
    await desk.put(inputs.received(inbound(at_ms=desk.now_ms)), key="another")
    assert desk.letters()[0].startswith("ValueError")
    assert desk.events() == []
