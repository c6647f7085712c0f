"""Detours on the engine in memory: both processors, the homes of both numbers, and restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.delivery.windows import OUTSIDE_WINDOW
from services.intake.core.model import Channel
from services.intake.shell.wire import names
from tests.unit.intake.crowd import ACCOUNTS, MAIL, PHONE, WHATSAPP, At, Crowd
from tests.unit.intake.given import HOUR_MS, TENANT

SENT = model_pb2.DELIVERY_STATUS_SENT
FAILED = model_pb2.DELIVERY_STATUS_FAILED
UNCERTAIN = model_pb2.DELIVERY_STATUS_UNCERTAIN
DELIVERED = model_pb2.DELIVERY_STATUS_DELIVERED
WHATSAPP_ACCOUNT, SMS_ACCOUNT = ACCOUNTS[Channel.WHATSAPP][0], ACCOUNTS[Channel.SMS][0]


def over(channel: Channel) -> commands_pb2.Detour:
    """The account of a medium, as a call tells of it."""
    account_id, address = ACCOUNTS[channel]
    wire = names.CHANNELS.to_wire(channel)
    return commands_pb2.Detour(account_id=account_id, channel=wire, address=address)


class Late(Crowd):
    """A customer wrote over WhatsApp, and an agent answers too late."""

    async def answered(self, request_id: str = "r-1") -> Dispatch:
        """The attempt of the answer to the first thing they said, if it is its turn."""
        place = (await self.rows("conversation"))[0]
        said = {"conversation_id": place["conversation_id"], "text": "Hello"}
        await self.command_at(place["home_id"], request_id, "reply", **said)
        return self.calls[-1]

    async def refuse(self, call: Dispatch, way: Channel | None = Channel.SMS) -> None:
        """The window has closed."""
        detour = {} if way is None else {"detour": over(way)}
        await self.report(call, status=FAILED, error=OUTSIDE_WINDOW, **detour)

    async def receipt(self, at: At, message_id: str, status: Any, error_code: str = "") -> None:
        """The provider of an address's account says how far a message has come."""
        told = commands_pb2.DeliveryReceipt(
            account_id=ACCOUNTS[at.channel][0],
            message_id=message_id,
            provider_message_id=f"out-{at.channel}-{message_id}",
            status=status,
            error_code=error_code,
        )
        said = commands_pb2.IntakeInput(
            tenant_id=TENANT, home_id=at.home, delivery_receipt=told, occurred_at_ms=self.now_ms
        )
        await self.put(said, key=at.home)

    async def delivery(self, message_id: str) -> dict[str, Any]:
        """How far a message of ours has come."""
        found = await self.rows("message_delivery")
        return next(row for row in found if row["message_id"] == message_id)


@pytest.fixture
async def late() -> AsyncIterator[Late]:
    late = Late()
    await late.start()
    await late.hear(WHATSAPP, 1)
    yield late
    assert late.letters() == []


async def test_the_answer_goes_out_once_over_the_other_account(late: Late) -> None:
    first = await late.answered()
    await late.refuse(first)
    one, two = late.calls
    assert (one.message_id, two.message_id) == (first.message_id, first.message_id)
    assert (two.account_id, two.channel, two.recipient) == (
        SMS_ACCOUNT,
        Channel.SMS,
        PHONE.address,
    )
    assert (two.attempts, two.last_inbound_at_ms, two.in_reply_to) == (1, 0, "")
    await late.accept(two, "SM-1")
    row = await late.delivery(first.message_id)
    assert (row["progress"], row["account_id"]) == ("SENT", SMS_ACCOUNT)
    assert (row["instead_of"], row["reason"]) == (WHATSAPP_ACCOUNT, "")
    phases = {row["account_id"]: row["phase"] for row in await late.rows("dispatch")}
    assert phases == {WHATSAPP_ACCOUNT: "FAILED", SMS_ACCOUNT: "SENT"}


async def test_readers_are_told_where_it_goes_and_why_and_of_no_failure(late: Late) -> None:
    first = await late.answered()
    await late.refuse(first)
    await late.accept(late.calls[-1])
    kinds = [kind for kind in late.kinds() if kind in {"message_diverted", "delivery_changed"}]
    assert kinds == ["message_diverted", "delivery_changed"]
    (said,) = (event for event in late.events() if event.HasField("message_diverted"))
    told = said.message_diverted
    assert (told.reason, told.previous_account_id) == (OUTSIDE_WINDOW, WHATSAPP_ACCOUNT)
    assert told.previous_channel == model_pb2.CHANNEL_WHATSAPP
    message = told.message
    assert (message.account_id, message.to_address) == (SMS_ACCOUNT, PHONE.address)
    assert message.instead_of_account_id == WHATSAPP_ACCOUNT
    assert message.delivery_status == model_pb2.DELIVERY_STATUS_QUEUED
    (change,) = (
        row for row in await late.rows("conversation_change") if row["kind"] == "message_diverted"
    )
    assert change["detail"]["reason"] == OUTSIDE_WINDOW
    assert PHONE.address not in str(change["detail"])


async def test_the_two_numbers_become_one_customer_and_the_answer_joins(late: Late) -> None:
    await late.refuse(await late.answered())
    assert await late.who(PHONE) == await late.who(WHATSAPP)
    late.now_ms += 50 * HOUR_MS
    place = (await late.conversation())["conversation_id"]
    assert await late.place_of(await late.hear(PHONE, 2)) == place
    assert len(await late.rows("conversation")) == 1


async def test_receipts_reach_it_by_the_other_number_before_it_is_linked_and_after(
    late: Late,
) -> None:
    """What waits for the other home to yield is held up; the provider is not."""
    first = await late.answered()
    await late.refuse(first)
    await late.accept(late.calls[-1])
    await late.receipt(PHONE, first.message_id, DELIVERED)
    assert (await late.delivery(first.message_id))["progress"] == "DELIVERED"


async def test_receipts_find_it_where_nobody_was_linked(late: Late) -> None:
    """Two people of the tenant's own systems are never one, so the home of the number says no."""
    first = await late.answered()
    await late.refuse(first)
    await late.accept(late.calls[-1])
    await late.unlink(PHONE if await late.home_of(WHATSAPP) == WHATSAPP.home else WHATSAPP)
    assert (await late.who(PHONE)).customer_id != (await late.who(WHATSAPP)).customer_id
    await late.receipt(PHONE, first.message_id, DELIVERED)
    assert (await late.delivery(first.message_id))["progress"] == "DELIVERED"


async def test_what_the_first_provider_says_afterwards_changes_nothing(late: Late) -> None:
    first = await late.answered()
    await late.refuse(first)
    await late.receipt(WHATSAPP, first.message_id, FAILED, OUTSIDE_WINDOW)
    await late.receipt(WHATSAPP, first.message_id, DELIVERED)
    await late.report(first, status=UNCERTAIN, error="outcome_lost", account_id=WHATSAPP_ACCOUNT)
    row = await late.delivery(first.message_id)
    assert (row["progress"], row["account_id"]) == ("QUEUED", SMS_ACCOUNT)
    assert [call.account_id for call in late.calls] == [WHATSAPP_ACCOUNT, SMS_ACCOUNT]
    await late.accept(late.calls[-1])
    assert (await late.delivery(first.message_id))["progress"] == "SENT"


async def test_a_provider_that_takes_it_and_then_says_no_is_heeded_too(late: Late) -> None:
    first = await late.answered()
    await late.report(first, status=SENT, provider_message_id="wamid.1", detour=over(Channel.SMS))
    await late.receipt(WHATSAPP, first.message_id, FAILED, OUTSIDE_WINDOW)
    assert [call.account_id for call in late.calls] == [WHATSAPP_ACCOUNT, SMS_ACCOUNT]


async def test_a_no_that_overtakes_the_answer_waits_for_it(late: Late) -> None:
    first = await late.answered()
    await late.receipt(WHATSAPP, first.message_id, FAILED, OUTSIDE_WINDOW)
    assert len(late.calls) == 1
    await late.report(first, status=SENT, provider_message_id="wamid.1", detour=over(Channel.SMS))
    assert [call.account_id for call in late.calls] == [WHATSAPP_ACCOUNT, SMS_ACCOUNT]


@pytest.mark.parametrize("evidence", ["nothing", "a receipt", "a late refusal", "a late answer"])
async def test_what_was_ever_in_doubt_goes_no_other_way(late: Late, evidence: str) -> None:
    first = await late.answered()
    await late.report(first, status=UNCERTAIN, error="TimeoutError", detour=over(Channel.SMS))
    if evidence == "a receipt":
        await late.receipt(WHATSAPP, first.message_id, FAILED, OUTSIDE_WINDOW)
    elif evidence == "a late refusal":
        await late.refuse(first)
    elif evidence == "a late answer":
        sms = over(Channel.SMS)
        await late.report(first, status=SENT, provider_message_id="wamid.1", detour=sms)
        await late.receipt(WHATSAPP, first.message_id, FAILED, OUTSIDE_WINDOW)
    await late.later(24 * HOUR_MS)
    accounts = {call.account_id for call in late.calls if call.phase is Phase.ATTEMPTING}
    assert accounts == {WHATSAPP_ACCOUNT}
    (row,) = await late.rows("message_delivery")
    assert row["instead_of"] == ""


async def test_without_an_address_there_it_ends_as_it_would_without_an_account(
    late: Late,
) -> None:
    first = await late.answered()
    await late.refuse(first, Channel.EMAIL)
    row = await late.delivery(first.message_id)
    assert (row["progress"], row["reason"]) == ("FAILED", OUTSIDE_WINDOW)
    assert len(late.calls) == 1


async def test_a_linked_mailbox_is_written_to_and_what_answers_the_mail_joins(
    late: Late,
) -> None:
    await late.link(WHATSAPP, MAIL)
    first = await late.answered()
    await late.refuse(first, Channel.EMAIL)
    assert late.calls[-1].recipient == MAIL.address
    assert (await late.delivery(first.message_id))["instead_of"] == WHATSAPP_ACCOUNT
    late.now_ms += 90 * HOUR_MS
    answer = await late.hear(MAIL, 2, in_reply_to=(f"{first.message_id}@example.com",))
    assert await late.place_of(answer) == await late.place_of(first.message_id)


async def test_a_number_that_is_another_customers_is_never_written_to(late: Late) -> None:
    await late.hear(PHONE, 2)
    await late.unlink(PHONE if await late.home_of(WHATSAPP) == WHATSAPP.home else WHATSAPP)
    await late.hear(WHATSAPP, 3)
    first = await late.answered()
    assert first.account_id == WHATSAPP_ACCOUNT
    await late.refuse(first)
    assert {call.account_id for call in late.calls} == {WHATSAPP_ACCOUNT}
    assert (await late.delivery(first.message_id))["progress"] == "FAILED"


async def test_after_stop_nothing_goes_there(late: Late) -> None:
    await late.hear(PHONE, 2)
    await late.hear(WHATSAPP, 3)
    await late.hear(PHONE, 4, text="STOP")
    await late.hear(WHATSAPP, 5)
    first = await late.answered()
    await late.refuse(first)
    assert {call.account_id for call in late.calls} == {WHATSAPP_ACCOUNT}


async def test_answers_go_over_the_other_account_in_their_order(late: Late) -> None:
    await late.answered("r-1")
    await late.answered("r-2")
    first = late.calls[0]
    await late.refuse(first)
    second = next(call for call in late.calls if call.message_id != first.message_id)
    await late.refuse(second)
    (over_sms,) = (call for call in late.calls if call.account_id == SMS_ACCOUNT)
    await late.accept(over_sms)
    assert [call.message_id for call in late.calls if call.account_id == SMS_ACCOUNT] == [
        first.message_id,
        second.message_id,
    ]


async def test_a_new_owner_between_the_two_sends_it_once(late: Late) -> None:
    first = await late.answered()
    await late.start()
    await late.refuse(first)
    await late.start()
    await late.settle()
    over_sms = [call for call in late.calls if call.account_id == SMS_ACCOUNT]
    assert len(over_sms) == 1
    assert [call.message_id for call in late.lost.adopted] == [first.message_id, first.message_id]


HAPPENS = {
    "taken": 1,
    "taken, not told": 1,
    "lost": 0,
    "refused": 0,
    "refused late": 0,
    "refused before told": 0,
    "failed": 0,
    "again": 0,
}
"""What may become of a call, and how many messages its provider brings to somebody then."""
steps = st.tuples(
    st.sampled_from(["answer", *HAPPENS, "refused", "taken", "repeat", "restart", "hear", "wait"]),
    st.integers(0, 3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=12, max_size=40), st.sampled_from([Channel.SMS, Channel.EMAIL]))
def test_every_message_has_one_effect_whatever_happens(
    history: Sequence[tuple[str, int]], way: Channel
) -> None:
    asyncio.run(_play(history, way))


async def _play(history: Sequence[tuple[str, int]], way: Channel) -> None:
    late = Late()
    await late.start()
    await late.hear(WHATSAPP, "first")
    await late.link(WHATSAPP, MAIL)
    ended: list[tuple[Dispatch, str]] = []
    for number, (what, which) in enumerate(history):
        late.now_ms += 60_000
        open_calls = [call for call in late.calls if call.phase is Phase.ATTEMPTING]
        if what == "answer":
            await late.answered(f"r-{number}")
        elif what == "hear":
            await late.hear(PHONE if which % 2 else WHATSAPP, f"m-{number}")
        elif what == "restart":
            await late.start()
        elif what == "wait":
            await late.later(which * HOUR_MS)
        elif what == "repeat" and ended:
            await _tell(late, *ended[which % len(ended)])
        elif what in HAPPENS and len(open_calls) > len(ended):
            call = open_calls[len(ended)]
            ended.append((call, what))
            await _end(late, call, what, way)
    assert late.letters() == []
    effects: Counter[str] = Counter()
    for call, what in ended:
        effects[call.message_id] += HAPPENS[what]
    assert all(count <= 1 for count in effects.values()), effects
    await _judge(late)


async def _judge(late: Late) -> None:
    """One account at the most is at it, nothing was ever in doubt on the other, nothing is left."""
    phases: dict[str, dict[str, str]] = {}
    for row in await late.rows("dispatch"):
        phases.setdefault(row["message_id"], {})[row["account_id"]] = row["phase"]
    for row in await late.rows("message_delivery"):
        of_message = phases[row["message_id"]]
        if row["progress"] == "QUEUED":
            assert of_message[row["account_id"]] not in {"SENT", "FAILED", "UNCERTAIN"}
        if row["instead_of"]:
            assert of_message.keys() == {row["account_id"], row["instead_of"]}
            assert of_message[row["instead_of"]] in {"FAILED", "SENT"}
        else:
            assert of_message.keys() == {row["account_id"]}


def _at(call: Dispatch) -> At:
    return {each.channel: each for each in (WHATSAPP, PHONE, MAIL)}[call.channel]


async def _end(late: Late, call: Dispatch, what: str, way: Channel) -> None:
    """The call ends, and what its provider says of it comes."""
    detour = over(way if call.account_id == WHATSAPP_ACCOUNT else Channel.WHATSAPP)
    taken = {"status": SENT, "provider_message_id": f"out-{call.channel}-{call.message_id}"}
    untold = {"status": UNCERTAIN, "error": "TimeoutError"}
    ends: dict[str, dict[str, Any]] = {
        "taken": taken,
        "refused late": taken,
        "refused before told": taken,
        "taken, not told": untold,
        "lost": untold,
        "refused": {"status": FAILED, "error": OUTSIDE_WINDOW},
        "failed": {"status": FAILED, "error": "131026"},
        "again": {"status": FAILED, "error": "429", "retryable": True},
    }
    if what == "refused before told":
        await _tell(late, call, what)
    await late.report(call, detour=detour, account_id=call.account_id, **ends[what])
    if what == "refused late":
        await _tell(late, call, what)


async def _tell(late: Late, call: Dispatch, what: str) -> None:
    """The provider says, perhaps once more, what has become of a message."""
    status, reason = (DELIVERED, "") if HAPPENS[what] else (FAILED, OUTSIDE_WINDOW)
    if what != "again":
        await late.receipt(_at(call), call.message_id, status, reason)
