"""What WhatsApp does not take any more goes out as an SMS, once, through a running process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from orjson import loads
from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import intake_service_pb2, model_pb2

from tests.component.intake.house import OUR_NUMBER, SMS_ACCOUNT, Visit, fresh_number
from tests.component.intake.provider import Provider, answering, hang_up, listening
from tests.component.intake.test_deliveries import effects, progress, reply, settled
from tests.support.waiting import until
from tests.unit.intake.whatsapp import business, change, message, posted, status, webhook

ACCOUNT = "wa-late"
PATH = f"/webhooks/whatsapp/{ACCOUNT}"
DAY_S = 86_400
TAKEN = answering(200, {"messages": [{"id": "wamid.late"}]})
CLOSED = answering(400, {"error": {"code": 131047}})


@pytest.fixture
async def meta(visit: Visit) -> AsyncIterator[Provider]:
    """WhatsApp's API, over an account that names the one for SMS."""
    await visit.faults()
    provider = Provider(TAKEN)
    settings = business().settings
    named = {**settings, "outside_window_account": SMS_ACCOUNT}
    await visit.open_account(replace(business(), account_id=ACCOUNT, settings=named))
    async with listening(provider, visit.house.provider_port):
        yield provider


async def post(visit: Visit, *changes: Mapping[str, Any]) -> None:
    """Post a webhook as Meta does."""
    incoming = posted(webhook(*changes))
    url = visit.house.http_url + PATH
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()


async def written(visit: Visit, *, ago_s: int) -> asyncpg.Record:
    """A new customer has written over WhatsApp; gives the conversation."""
    address = fresh_number()
    said = message(
        "text",
        {"body": "Hello?"},
        timestamp=str(int(time.time()) - ago_s),
        **{"from": address.removeprefix("+"), "id": uuid4().hex},
    )
    await post(visit, change(messages=[said]))
    return await visit.conversation(address)


async def refuse(visit: Visit, conversation: asyncpg.Record, message_id: str) -> None:
    """Meta says of what it has taken that it did not send it, twice as it may."""
    recipient = conversation["address"].removeprefix("+")
    errors = [{"code": 131047, "title": "Re-engagement message"}]
    told = status(
        "failed",
        recipient_id=recipient,
        biz_opaque_callback_data=message_id,
        errors=errors,
        id="wamid.late",
    )
    await post(visit, change(statuses=[told]))
    await post(visit, change(statuses=[told]))


async def delivered(visit: Visit, message_id: str) -> asyncpg.Record:
    """The message's delivery once the handset has it."""

    async def row() -> asyncpg.Record | None:
        return await visit.rows.fetchrow(
            "SELECT * FROM message_delivery WHERE message_id = $1 AND progress = 'DELIVERED'",
            message_id,
        )

    found = await until(row, what=f"{message_id} delivered", deadline_s=60)
    assert found is not None
    return found


async def timeline(visit: Visit, conversation: asyncpg.Record) -> Any:
    """What the API shows of the conversation."""
    ask = pb.GetTimelineRequest(conversation_id=conversation["conversation_id"])
    return (await visit.get("ConversationService.GetTimeline", ask)).entries


async def test_an_answer_after_the_window_goes_out_as_an_sms_and_the_timeline_says_so(
    visit: Visit, meta: Provider
) -> None:
    conversation = await written(visit, ago_s=30 * 3600)
    text = f"Late {uuid4()}"
    message_id = await reply(visit, conversation, text)
    row = await delivered(visit, message_id)
    assert (row["account_id"], row["instead_of"]) == (SMS_ACCOUNT, ACCOUNT)
    assert effects(visit)[text] == 1
    assert meta.requests == []  # it would have been refused, so it was not asked

    entries = await timeline(visit, conversation)
    (said,) = (entry.message for entry in entries if entry.message.message_id == message_id)
    assert (said.channel, said.account_id) == (model_pb2.CHANNEL_SMS, SMS_ACCOUNT)
    assert (said.from_address, said.to_address) == (OUR_NUMBER, conversation["address"])
    assert said.instead_of_account_id == ACCOUNT
    assert said.delivery_status == model_pb2.DELIVERY_STATUS_DELIVERED
    (told,) = (each.message_diverted for each in entries if each.HasField("message_diverted"))
    assert (told.reason, told.previous_account_id) == ("outside_window", ACCOUNT)
    assert (told.message.message_id, told.message.account_id) == (message_id, SMS_ACCOUNT)


async def test_their_answer_to_the_sms_joins_the_conversation(visit: Visit, meta: Provider) -> None:
    conversation = await written(visit, ago_s=30 * 3600)
    await delivered(visit, await reply(visit, conversation, f"Late {uuid4()}"))
    answer = f"Thanks {uuid4()}"
    await visit.submit(conversation["address"], answer)

    async def joined() -> bool:
        return answer in await visit.texts(conversation["conversation_id"])

    await until(joined, what="the answer in the same conversation")
    query = "SELECT count(*) FROM conversation WHERE address = $1"
    assert await visit.rows.fetchval(query, conversation["address"]) == 1
    text = f"Welcome {uuid4()}"
    row = await delivered(visit, await reply(visit, conversation, text))
    assert (row["account_id"], row["instead_of"]) == (SMS_ACCOUNT, "")  # they are there now
    assert (effects(visit)[text], meta.requests) == (1, [])


@pytest.mark.parametrize("word", ["at once", "later"])
async def test_metas_word_that_it_sent_nothing_is_heeded_however_it_comes(
    visit: Visit, meta: Provider, word: str
) -> None:
    meta.handler = CLOSED if word == "at once" else TAKEN
    conversation = await written(visit, ago_s=60)
    text = f"Refused {uuid4()}"
    message_id = await reply(visit, conversation, text)
    if word == "later":
        assert await settled(visit, message_id) == "SENT"
        await refuse(visit, conversation, message_id)
    assert (await delivered(visit, message_id))["account_id"] == SMS_ACCOUNT
    assert (effects(visit)[text], len(meta.requests)) == (1, 1)


async def test_a_call_whose_end_is_unknown_leads_to_no_sms_whatever_comes(
    visit: Visit, meta: Provider
) -> None:
    meta.handler = hang_up
    conversation = await written(visit, ago_s=60)
    text = f"Doubt {uuid4()}"
    message_id = await reply(visit, conversation, text)
    assert await settled(visit, message_id) == "UNCERTAIN"
    await refuse(visit, conversation, message_id)

    async def failed() -> bool:
        return bool((await progress(visit, message_id))["progress"] == "FAILED")

    await until(failed, what="Meta's word")
    after = f"After it {uuid4()}"  # what is said next goes through all that the word went through
    meta.handler = CLOSED
    await delivered(visit, await reply(visit, conversation, after))
    assert (effects(visit)[text], effects(visit)[after]) == (0, 1)


async def test_who_is_killed_between_the_two_sends_the_sms_once(
    visit: Visit, meta: Provider
) -> None:
    """The provider of SMS is away, so the message waits there when the process dies."""
    house = visit.house
    house.simulator.kill()
    conversation = await written(visit, ago_s=30 * 3600)
    text = f"Killed {uuid4()}"
    message_id = await reply(visit, conversation, text)

    async def waits() -> bool:
        query = """
            SELECT 1 FROM dispatch
            WHERE message_id = $1 AND account_id = $2 AND phase = 'WAITING' AND attempts = 1"""
        return await visit.rows.fetchval(query, message_id, SMS_ACCOUNT) is not None

    await until(waits, what="the SMS that nobody takes")
    house.intake.kill()
    await asyncio.to_thread(house.simulator.start)
    await asyncio.to_thread(house.intake.start)
    assert (await delivered(visit, message_id))["instead_of"] == ACCOUNT
    assert (effects(visit)[text], meta.requests) == (1, [])


async def test_who_is_killed_before_metas_word_sends_the_sms_once(
    visit: Visit, meta: Provider
) -> None:
    conversation = await written(visit, ago_s=60)
    text = f"Restarted {uuid4()}"
    message_id = await reply(visit, conversation, text)
    assert await settled(visit, message_id) == "SENT"
    visit.house.intake.kill()
    await asyncio.to_thread(visit.house.intake.start)
    await refuse(visit, conversation, message_id)
    await delivered(visit, message_id)
    assert (effects(visit)[text], len(meta.requests)) == (1, 1)


async def test_a_number_after_stop_gets_nothing(visit: Visit, meta: Provider) -> None:
    conversation = await written(visit, ago_s=30 * 3600)
    stop = intake_service_pb2.SubmittedMessage(
        account_id=SMS_ACCOUNT, from_address=conversation["address"], text="STOP"
    )
    ask = intake_service_pb2.SubmitMessageRequest(request_id=str(uuid4()), message=stop)
    await visit.get("IntakeService.SubmitMessage", ask)

    async def stopped() -> bool:
        """One customer of both numbers, who has said so of one."""
        query = "SELECT identities FROM customer WHERE search_text LIKE '%' || $1 || '%'"
        found = await visit.rows.fetch(query, conversation["address"])
        stopped = [[bool(i["opted_out_at_ms"]) for i in loads(row[0])] for row in found]
        return [sorted(each) for each in stopped] == [[False, True]]

    await until(stopped, what="STOP heeded")
    text = f"Stopped {uuid4()}"
    row = await progress(visit, await reply(visit, conversation, text))
    assert (row["progress"], row["reason"]) == ("FAILED", "outside_window")
    assert (effects(visit)[text], meta.requests) == (0, [])


@pytest.mark.parametrize(("ago_s", "is_open"), [(60, True), (2 * DAY_S, False)])
async def test_agents_see_until_when_they_may_answer(
    visit: Visit, meta: Provider, ago_s: int, *, is_open: bool
) -> None:
    assert meta.requests == []
    conversation = await written(visit, ago_s=ago_s)
    ask = pb.GetConversationRequest(conversation_id=conversation["conversation_id"])
    shown = (await visit.get("ConversationService.GetConversation", ask)).conversation
    assert shown.reply_window_ends_at_ms == shown.last_inbound_at_ms + DAY_S * 1000
    assert (shown.reply_window_ends_at_ms > time.time() * 1000) is is_open
    sms = await visit.submit(fresh_number())
    ask = pb.GetConversationRequest(conversation_id=sms["conversation_id"])
    shown = (await visit.get("ConversationService.GetConversation", ask)).conversation
    assert shown.reply_window_ends_at_ms == 0
