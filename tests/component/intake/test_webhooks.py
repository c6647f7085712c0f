"""A running process behind its webhooks: what is acknowledged is threaded, once."""

from __future__ import annotations

import asyncio
import signal
import time
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from services.intake.shell.channels.twilio_signature import sign
from tests.component.intake.house import (
    AUTH_TOKEN,
    FORM_ACCOUNT,
    OUR_NUMBER,
    SMS_ACCOUNT,
    Visit,
    fresh_number,
)
from tests.support import stack
from tests.support.waiting import until

SMS_PATH = f"/webhooks/twilio/{SMS_ACCOUNT}"


async def sms(visit: Visit, address: str, text: str, sid: str) -> int:
    """Post an SMS as Twilio does; gives the status."""
    form = {"From": address, "To": OUR_NUMBER, "Body": text, "MessageSid": sid, "NumMedia": "0"}
    url = visit.house.http_url + SMS_PATH
    fields = {name: [value] for name, value in form.items()}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": sign(url=url, form=fields, token=AUTH_TOKEN),
    }
    async with visit.session.post(url, data=urlencode(form), headers=headers) as answer:
        return answer.status


def new_sid() -> str:
    return f"SM{uuid4().hex}"


async def test_messages_of_one_customer_stay_in_order(visit: Visit) -> None:
    address = fresh_number()
    texts = [f"line {number}" for number in range(20)]
    for text in texts:
        assert await sms(visit, address, text, new_sid()) == 200
    conversation_id = (await visit.conversation(address))["conversation_id"]

    async def threaded() -> bool:
        return len(await visit.texts(conversation_id)) == len(texts)

    await until(threaded, what="all lines")
    assert await visit.texts(conversation_id) == texts


async def test_a_hundred_copies_at_once_are_one_message(visit: Visit) -> None:
    address, sid = fresh_number(), new_sid()
    statuses = await asyncio.gather(*(sms(visit, address, "Hello?", sid) for _ in range(100)))
    assert set(statuses) == {200}
    assert await sms(visit, address, "Anyone?", new_sid()) == 200
    conversation_id = (await visit.conversation(address))["conversation_id"]

    async def threaded() -> bool:
        return "Anyone?" in await visit.texts(conversation_id)

    await until(threaded, what="the message after the copies")
    assert await visit.texts(conversation_id) == ["Hello?", "Anyone?"]


async def test_a_form_opens_a_conversation_of_its_own_channel(visit: Visit) -> None:
    address = f"{uuid4().hex}@example.org"
    post = {"message_id": str(uuid4()), "email": address, "text": "Hi", "subject": "Parcel"}
    url = f"{visit.house.http_url}/forms/{FORM_ACCOUNT}"
    for _ in range(2):
        async with visit.session.post(
            url, data=orjson.dumps(post), headers={"content-type": "application/json"}
        ) as answer:
            assert answer.status == 202
    conversation = await visit.conversation(address)
    assert (conversation["channel"], conversation["subject"]) == ("FORM", "Parcel")
    assert await visit.texts(conversation["conversation_id"]) == ["Hi"]


async def test_kafka_frozen_is_503_within_three_seconds_and_at_most_one_message(
    visit: Visit, kafka: stack.Kafka
) -> None:
    address, sid = fresh_number(), new_sid()
    broker = kafka.server.process
    broker.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        status = await sms(visit, address, "Hello?", sid)
        assert (status, time.monotonic() - began < 3) == (503, True)
    finally:
        broker.send_signal(signal.SIGCONT)

    async def accepted() -> bool:
        return await sms(visit, address, "Hello?", sid) == 200

    await until(accepted, what="Kafka to be back")
    assert await sms(visit, address, "Anyone?", new_sid()) == 200
    conversation_id = (await visit.conversation(address))["conversation_id"]

    async def threaded() -> bool:
        return "Anyone?" in await visit.texts(conversation_id)

    await until(threaded, what="the message after the frost")
    assert await visit.texts(conversation_id) == ["Hello?", "Anyone?"]


async def test_what_was_acknowledged_survives_a_kill(visit: Visit) -> None:
    addresses = [fresh_number() for _ in range(10)]
    sids = {address: new_sid() for address in addresses}
    statuses = await asyncio.gather(
        *(sms(visit, address, "Hello?", sids[address]) for address in addresses)
    )
    assert set(statuses) == {200}
    visit.house.intake.kill()
    await asyncio.to_thread(visit.house.intake.start)
    for address in addresses:
        assert await sms(visit, address, "Hello?", sids[address]) == 200  # a repeat
        conversation = await visit.conversation(address)
        assert await visit.texts(conversation["conversation_id"]) == ["Hello?"]
