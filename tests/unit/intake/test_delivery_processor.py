"""Delivery on the engine in memory, with the threader beside it: calls, results, restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.shell.topics import OUTBOUND
from tests.unit.intake.desk import DELIVERY, Desk
from tests.unit.intake.given import ACCOUNT, HOME, TENANT

SENT = model_pb2.DELIVERY_STATUS_SENT
FAILED = model_pb2.DELIVERY_STATUS_FAILED
UNCERTAIN = model_pb2.DELIVERY_STATUS_UNCERTAIN


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A desk where a customer has written and an agent has answered."""
    desk = Desk()
    await desk.start()
    await desk.write()
    await desk.reply()
    yield desk
    assert desk.letters() == []


async def progress(desk: Desk) -> str:
    """How far the reply has come, as the timeline shows it."""
    (row,) = await desk.rows("message_delivery")
    return str(row["progress"])


async def phase(desk: Desk) -> str:
    """Where the reply stands in delivery."""
    (row,) = await desk.rows("dispatch")
    return str(row["phase"])


async def look_up(desk: Desk, dispatch: Dispatch, sighting: Any, sid: str = "") -> None:
    told = commands_pb2.LookupResult(
        message_id=dispatch.message_id,
        lookup=dispatch.lookups,
        sighting=sighting,
        provider_message_id=sid,
        uncertain_policy=model_pb2.UNCERTAIN_POLICY_HOLD,
    )
    said = commands_pb2.OutboundMessage(tenant_id=TENANT, lookup_result=told)
    await desk.put(said, topic=OUTBOUND, key=dispatch.lane)


async def receive_receipt(desk: Desk, message_id: str, status: Any = SENT) -> None:
    receipt = commands_pb2.DeliveryReceipt(
        account_id=ACCOUNT, message_id=message_id, provider_message_id="SMout", status=status
    )
    said = commands_pb2.IntakeInput(tenant_id=TENANT, home_id=HOME, delivery_receipt=receipt)
    await desk.put(said)


async def test_a_call_is_told_once_its_attempt_is_committed(desk: Desk) -> None:
    (call,) = desk.calls
    assert (call.phase, call.attempts) == (Phase.ATTEMPTING, 1)
    assert await phase(desk) == "ATTEMPTING"


async def test_a_result_comes_back_to_the_message(desk: Desk) -> None:
    await desk.accept(desk.calls[0])
    assert await progress(desk) == "SENT"
    changed = desk.events()[-1].delivery_changed
    assert (changed.message_id, changed.status) == (desk.calls[0].message_id, SENT)
    (row,) = await desk.rows("dispatch")
    assert (row["phase"], row["resident"], row["provider_message_id"]) == ("SENT", False, "SMout")


async def test_a_refusal_says_why(desk: Desk) -> None:
    await desk.report(desk.calls[0], status=FAILED, error="21610")
    assert await progress(desk) == "FAILED"
    assert desk.events()[-1].delivery_changed.error_code == "21610"


async def test_a_retry_waits_for_its_time(desk: Desk) -> None:
    await desk.report(
        desk.calls[0], status=FAILED, error="429", retryable=True, retry_after_ms=60_000
    )
    await desk.later(59_999)
    assert len(desk.calls) == 1
    await desk.later(1)
    assert [call.attempts for call in desk.calls] == [1, 2]


async def test_answers_to_one_customer_go_out_one_after_the_other(desk: Desk) -> None:
    await desk.reply("req-2", text="Still on its way.")
    assert len(desk.calls) == 1
    await desk.accept(desk.calls[0])
    assert [call.text for call in desk.calls] == ["On its way.", "Still on its way."]


async def test_doubt_ends_when_the_provider_shows_the_message(desk: Desk) -> None:
    await desk.report(desk.calls[0], status=UNCERTAIN, error="ServerDisconnectedError")
    await desk.later(2 * DELIVERY.lookup_first_ms)
    call = desk.calls[-1]
    assert call.phase is Phase.LOOKING_UP
    await look_up(desk, call, commands_pb2.SIGHTING_FOUND, "SMfound")
    assert await progress(desk) == "SENT"
    assert (await desk.rows("message_delivery"))[0]["provider_message_id"] == "SMfound"


async def test_what_is_never_seen_ends_uncertain_and_is_not_sent_again(desk: Desk) -> None:
    await desk.report(desk.calls[0], status=UNCERTAIN, error="TimeoutError")
    for _ in range(DELIVERY.absences_max):
        await desk.later(2 * DELIVERY.lookup_most_ms)
        await look_up(desk, desk.calls[-1], commands_pb2.SIGHTING_ABSENT)
    assert (await progress(desk), await phase(desk)) == ("UNCERTAIN", "UNCERTAIN")
    assert [call.phase for call in desk.calls].count(Phase.ATTEMPTING) == 1


async def test_a_late_receipt_settles_what_was_uncertain(desk: Desk) -> None:
    await test_what_is_never_seen_ends_uncertain_and_is_not_sent_again(desk)
    await receive_receipt(desk, desk.calls[0].message_id, model_pb2.DELIVERY_STATUS_DELIVERED)
    assert (await progress(desk), await phase(desk)) == ("DELIVERED", "SENT")
    assert all(node.engine.next_due_ms() is None for node in desk.nodes)


async def test_evidence_is_waited_for_a_day(desk: Desk) -> None:
    await test_what_is_never_seen_ends_uncertain_and_is_not_sent_again(desk)
    await desk.later(DELIVERY.evidence_window_ms)
    (row,) = await desk.rows("dispatch")
    assert (row["phase"], row["resident"]) == ("UNCERTAIN", False)


async def test_a_receipt_that_overtakes_the_result_is_no_loss(desk: Desk) -> None:
    await receive_receipt(desk, desk.calls[0].message_id, model_pb2.DELIVERY_STATUS_DELIVERED)
    assert (await progress(desk), await phase(desk)) == ("DELIVERED", "ATTEMPTING")
    await desk.report(desk.calls[0], status=UNCERTAIN, error="TimeoutError")
    assert (await progress(desk), await phase(desk)) == ("DELIVERED", "SENT")


async def test_a_receipt_without_our_reference_waits_for_the_result(desk: Desk) -> None:
    await receive_receipt(desk, "", model_pb2.DELIVERY_STATUS_DELIVERED)
    assert await progress(desk) == "QUEUED"
    await desk.accept(desk.calls[0])
    assert await progress(desk) == "DELIVERED"
    (parked,) = await desk.rows("parked_receipt")
    assert not parked["waiting"]


async def test_a_new_owner_makes_no_call_of_the_old_one_again(desk: Desk) -> None:
    await desk.reply("req-2")
    await desk.start()
    await desk.settle()
    assert [call.message_id for call in desk.lost.adopted] == [desk.calls[0].message_id]
    assert len(desk.calls) == 1
    await desk.report(desk.lost.adopted[0], status=UNCERTAIN, error="outcome_lost")
    await desk.later(2 * DELIVERY.lookup_first_ms)
    assert [call.phase for call in desk.calls] == [Phase.ATTEMPTING, Phase.LOOKING_UP]


async def test_a_message_that_comes_twice_is_queued_once(desk: Desk) -> None:
    await desk.accept(desk.calls[0])
    record = desk.deliveries.published(OUTBOUND)[0]
    desk.threads.bus.append(OUTBOUND, record.key, record.value)
    await desk.settle()
    assert len(desk.calls) == 1


async def fail_three_times(desk: Desk) -> None:
    """The provider is away, as far as one message can tell."""
    for _ in range(DELIVERY.failures_max):
        await desk.report(
            desk.calls[-1],
            status=FAILED,
            error="ClientConnectorError",
            retryable=True,
            contact=commands_pb2.PROVIDER_CONTACT_UNREACHABLE,
            provider="twilio",
        )
        await desk.later(4_500)


async def test_an_account_whose_provider_is_away_waits_and_then_tries_once(desk: Desk) -> None:
    await fail_three_times(desk)
    (gate,) = await desk.rows("account_gate")
    assert (gate["barrier"], gate["provider"], gate["troubled"]) == ("unreachable", "twilio", True)
    assert gate["tenant_id"] == TENANT
    assert len(desk.calls) == DELIVERY.failures_max
    await desk.later(gate["until_ms"] - desk.now_ms)
    assert len(desk.calls) == DELIVERY.failures_max + 1
    await desk.accept(desk.calls[-1])
    assert await progress(desk) == "SENT"


async def test_an_answer_opens_the_gate_and_says_so_in_its_row(desk: Desk) -> None:
    await fail_three_times(desk)
    (gate,) = await desk.rows("account_gate")
    await desk.later(gate["until_ms"] - desk.now_ms)
    answered = commands_pb2.PROVIDER_CONTACT_ANSWERED
    await desk.report(desk.calls[-1], status=SENT, provider_message_id="SM1", contact=answered)
    (gate,) = await desk.rows("account_gate")
    assert not gate["troubled"]
    await desk.reply("req-2")
    assert len(desk.calls) == DELIVERY.failures_max + 2


async def test_a_new_owner_waits_at_the_gate_too_and_tries_in_time(desk: Desk) -> None:
    await fail_three_times(desk)
    (gate,) = await desk.rows("account_gate")
    await desk.start()
    await desk.reply("req-2")
    assert len(desk.calls) == DELIVERY.failures_max
    await desk.later(gate["until_ms"] - desk.now_ms)
    assert len(desk.calls) == DELIVERY.failures_max + 1
