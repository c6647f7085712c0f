"""Calls through a running process: what Twilio is told to do, and what a conversation says."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import uuid4

import orjson
import pytest
from switchboard.intake.v1 import customer_service_pb2

from services.intake.shell.channels.twilio_signature import sign
from tests.component.intake.house import Visit, fresh_number
from tests.component.intake.test_deliveries import reply, settled
from tests.support.waiting import until
from tests.unit.intake import voice
from tests.unit.intake.doors import TOKEN


class Caller:
    """Somebody who calls, as Twilio tells of it."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.number = fresh_number()
        self.sid = f"CA{uuid4().hex}"

    async def tell(self, form: Mapping[str, str], there: str = "", *, key: str = TOKEN) -> str:
        """Post to a hook; gives what Twilio is told to do."""
        given = {**form, "From": self.number, "CallSid": self.sid}
        url = f"{self.visit.house.http_url}{voice.PATH}{there}"
        fields = {name: [value] for name, value in given.items()}
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": sign(url=url, form=fields, token=key),
        }
        async with self.visit.session.post(url, data=urlencode(given), headers=headers) as answer:
            assert answer.status == (200 if key == TOKEN else 401)
            return await answer.text()

    async def says(self, text: str) -> str:
        """The conversation, once the call says this and nothing else was said."""
        conversation = await self.visit.conversation(self.number)
        conversation_id: str = conversation["conversation_id"]

        async def has() -> bool:
            return await self.visit.texts(conversation_id) == [text]

        await until(has, what=text)
        return conversation_id


@pytest.fixture
async def caller(visit: Visit) -> Caller:
    await visit.open_account(voice.line())
    return Caller(visit)


async def test_a_call_is_connected_and_a_conversation_says_for_how_long(caller: Caller) -> None:
    answer = await caller.tell(voice.RINGING)
    action = f"{caller.visit.house.http_url}{voice.PATH}/forwarded"
    assert f'<Dial action="{action}" timeout="20">+4930555111</Dial>' in answer
    await caller.says("[call]")
    assert "<Record" not in await caller.tell(voice.ANSWERED, "/forwarded")
    await caller.says("[call, 1:15]")
    await caller.tell(voice.ENDED, "/status")
    row = await caller.visit.conversation(caller.number)
    assert (row["channel"], row["status"], row["messages"]) == ("VOICE", "OPEN", 1)


async def test_whoever_is_not_answered_leaves_a_message(caller: Caller) -> None:
    await caller.tell(voice.RINGING)
    answer = await caller.tell(voice.NOT_ANSWERED, "/forwarded")
    assert "/voice/recorded" in answer
    await caller.says("[missed call]")
    for form, there in ((voice.READ, "/recorded"), (voice.LEFT, "/recorded")):
        await caller.tell(form, there)
    conversation_id = await caller.says("[voice message, 0:12]\nPlease call me back.")
    query = "SELECT attachments FROM message WHERE conversation_id = $1"
    attachments = orjson.loads(await caller.visit.rows.fetchval(query, conversation_id))
    assert [each["reference"] for each in attachments] == [f"{voice.RECORDING}.mp3"]


async def test_a_call_that_rang_while_we_were_away_is_there_when_it_has_ended(
    caller: Caller,
) -> None:
    await caller.tell(voice.ENDED | {"CallStatus": "no-answer"}, "/status")
    await caller.says("[missed call]")
    assert (await caller.visit.conversation(caller.number))["status"] == "OPEN"


async def test_somebody_else_s_word_counts_for_nothing(caller: Caller) -> None:
    assert await caller.tell(voice.RINGING, key="another") == "wrong signature"


async def test_an_answer_to_a_call_says_that_it_cannot_be_sent(caller: Caller) -> None:
    await caller.tell(voice.RINGING)
    await caller.says("[call]")
    conversation = await caller.visit.conversation(caller.number)
    message_id = await reply(caller.visit, conversation, "We will call you back")
    assert await settled(caller.visit, message_id) == "FAILED"


async def test_nothing_is_left_of_what_an_erased_caller_said(caller: Caller) -> None:
    await caller.tell(voice.RINGING)
    await caller.tell(voice.READ, "/recorded")
    await caller.says("[voice message, 0:00]\nPlease call me back.")
    conversation = await caller.visit.conversation(caller.number)
    ask = customer_service_pb2.EraseCustomerRequest(
        request_id=str(uuid4()),
        customer_id=conversation["customer_id"],
        reason="customer_request",
    )
    await caller.visit.get("CustomerService.EraseCustomer", ask)
    call = await caller.visit.rows.fetchrow(
        "SELECT recording_url, transcript FROM call WHERE provider_call_id = $1", caller.sid
    )
    assert call is not None
    assert tuple(call) == ("", "")
