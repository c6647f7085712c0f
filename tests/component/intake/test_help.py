"""HELP over SMS through a running process and the played Twilio: one answer, and no work."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import pytest
from switchboard.intake.v1 import account_service_pb2, intake_service_pb2
from switchboard.intake.v1 import conversation_service_pb2 as talk

from services.intake.core.identity import help_message_id, inbound_message_id
from services.intake.core.model import Channel
from services.intake.shell.channels.twilio_signature import sign
from services.intake.shell.wire import nouns
from tests.component.intake.house import ACCOUNT_SID, AUTH_TOKEN, Visit, fresh_number
from tests.component.intake.test_deliveries import effects, progress
from tests.component.intake.test_webhooks import new_sid
from tests.support.waiting import until
from tests.unit.intake.doors import account

ID = "help-sms"
PATH = f"/webhooks/twilio/{ID}"
NUMBER = "+4930555777"


@pytest.fixture
async def answer(visit: Visit) -> str:
    """What the account answers in this test, and in no other."""
    text = f"Shop, +49 30 901820. STOP ends all messages. {uuid4()}"
    await visit.open_account(
        account(
            account_id=ID,
            address=NUMBER,
            settings={"account_sid": ACCOUNT_SID, "help_text": text},
            secrets={"auth_token": (AUTH_TOKEN,)},
        )
    )
    return text


async def sms(visit: Visit, address: str, text: str, sid: str) -> None:
    """Post an SMS as Twilio does."""
    form = {"From": address, "To": NUMBER, "Body": text, "MessageSid": sid, "NumMedia": "0"}
    url = visit.house.http_url + PATH
    fields = {name: [value] for name, value in form.items()}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": sign(url=url, form=fields, token=AUTH_TOKEN),
    }
    async with visit.session.post(url, data=urlencode(form), headers=headers) as told:
        assert told.status == 200, await told.text()


async def timeline(visit: Visit, address: str, count: int) -> list[asyncpg.Record]:
    """The messages from and to an address, once there are so many."""
    query = (
        "SELECT kind, automatic, text, message_id, conversation_id FROM message"
        " WHERE $1 IN (from_address, to_address) ORDER BY received_at_ms, sequence"
    )

    async def found() -> list[asyncpg.Record] | None:
        rows = await visit.rows.fetch(query, address)
        return rows if len(rows) >= count else None

    return await until(found, what=f"{count} messages") or []


async def test_help_is_answered_once_however_often_it_is_delivered(
    visit: Visit, answer: str
) -> None:
    address, sid = fresh_number(), new_sid()
    await asyncio.gather(*(sms(visit, address, "Help!", sid) for _ in range(10)))
    answered = help_message_id(inbound_message_id(ID, sid))
    assert (await progress(visit, answered))["progress"] == "DELIVERED"
    await sms(visit, address, "Help!", sid)
    await sms(visit, address, "Where is my parcel?", new_sid())
    rows = await timeline(visit, address, 3)
    assert [(row["kind"], row["automatic"], row["text"]) for row in rows] == [
        ("INBOUND", "KEYWORD", "Help!"),
        ("AUTO_REPLY", "", answer),
        ("INBOUND", "", "Where is my parcel?"),
    ]
    assert effects(visit)[answer] == 1
    query = "SELECT status FROM conversation WHERE conversation_id = $1"
    places = dict.fromkeys(row["conversation_id"] for row in rows)
    assert [await visit.rows.fetchval(query, each) for each in places] == ["CLOSED", "OPEN"]


async def test_who_said_stop_is_answered_and_written_to_by_nobody_else(
    visit: Visit, answer: str
) -> None:
    address, sid = fresh_number(), new_sid()
    await sms(visit, address, "Hello?", new_sid())
    await sms(visit, address, "STOP", new_sid())
    await sms(visit, address, "AYUDA", sid)
    answered = help_message_id(inbound_message_id(ID, sid))
    assert (await progress(visit, answered))["progress"] == "DELIVERED"
    assert effects(visit)[answer] == 1
    rows = await timeline(visit, address, 4)
    ask = talk.ReplyRequest(
        request_id=str(uuid4()), conversation_id=rows[0]["conversation_id"], text="Here I am"
    )
    refused = await visit.call("ConversationService.Reply", ask)
    assert (refused.code, "does not want it" in refused.text) == ("FAILED_PRECONDITION", True)


async def test_a_program_hands_on_help_as_well(visit: Visit, answer: str) -> None:
    address, request_id = fresh_number(), str(uuid4())
    asked = intake_service_pb2.SubmittedMessage(account_id=ID, from_address=address, text="info")
    ask = intake_service_pb2.SubmitMessageRequest(request_id=request_id, message=asked)
    for _ in range(2):
        told = await visit.get("IntakeService.SubmitMessage", ask)
    await progress(visit, help_message_id(told.message_id))
    assert effects(visit)[answer] == 1


@pytest.mark.parametrize(
    ("channel", "provider", "text", "why"),
    [
        (Channel.SMS, "twilio", "x" * 601, "at most 600"),
        (Channel.SMS, "twilio", " ", "is empty"),
        (Channel.FORM, "web", "Shop", "is for SMS"),
    ],
)
async def test_an_answer_that_can_be_none_is_refused(
    visit: Visit, channel: Channel, provider: str, text: str, why: str
) -> None:
    stated = account(
        account_id="no-help", channel=channel, provider=provider, settings={"help_text": text}
    )
    ask = account_service_pb2.UpsertAccountRequest(
        request_id=str(uuid4()), account=nouns.account(stated)
    )
    refused = await visit.call("AccountService.UpsertAccount", ask)
    assert refused.code == "INVALID_ARGUMENT"
    assert "help_text" in refused.text
    assert why in refused.text
