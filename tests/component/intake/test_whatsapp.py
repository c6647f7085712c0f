"""WhatsApp through a running process: what is posted is threaded, what is answered is sent once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from tests.component.intake.house import Visit, fresh_number
from tests.component.intake.provider import Provider, answering, hang_up, listening
from tests.component.intake.test_deliveries import progress, reply, settled
from tests.support.waiting import until
from tests.unit.intake.whatsapp import PATH, business, change, message, posted, status, webhook


@pytest.fixture
async def meta(visit: Visit) -> AsyncIterator[Provider]:
    """WhatsApp's API; its messages have ids of their own."""
    provider = Provider(answering(200, {"messages": [{"id": f"wamid.{uuid4().hex}"}]}))
    await visit.open_account(business())
    async with listening(provider, visit.house.provider_port):
        yield provider


async def post(visit: Visit, *changes: Mapping[str, Any]) -> None:
    """Post a webhook as Meta does."""
    incoming = posted(webhook(*changes))
    url = visit.house.http_url + PATH
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()


async def written(visit: Visit, *texts: str) -> asyncpg.Record:
    """A new customer writes; gives the conversation, with all of it."""
    address = fresh_number()
    said = [
        message(
            "text",
            {"body": text},
            timestamp=str(int(time.time())),  # an answer goes out within a day of it
            **{"from": address.removeprefix("+"), "id": uuid4().hex},
        )
        for text in texts
    ]
    await post(visit, change(messages=said))
    await post(visit, change(messages=said))
    conversation = await visit.conversation(address)

    async def threaded() -> bool:
        return len(await visit.texts(conversation["conversation_id"])) >= len(texts)

    await until(threaded, what="the messages")
    return conversation


async def tell(visit: Visit, conversation: asyncpg.Record, message_id: str, step: str) -> None:
    """Meta tells how far a message of ours has come."""
    recipient = conversation["address"].removeprefix("+")
    told = status(step, recipient_id=recipient, biz_opaque_callback_data=message_id)
    await post(visit, change(statuses=[told]))


async def test_a_batch_that_comes_twice_is_threaded_once_and_in_order(
    visit: Visit, meta: Provider
) -> None:
    conversation = await written(visit, "Hello", "Where is it?", "Anyone?")
    assert conversation["channel"] == "WHATSAPP"
    texts = await visit.texts(conversation["conversation_id"])
    assert texts == ["Hello", "Where is it?", "Anyone?"]
    assert meta.requests == []


async def test_an_answer_goes_out_and_its_statuses_come_back(visit: Visit, meta: Provider) -> None:
    conversation = await written(visit, "Hello?")
    message_id = await reply(visit, conversation, "On its way")
    assert await settled(visit, message_id) == "SENT"
    (body,) = [orjson.loads(raw) for raw in meta.bodies]
    assert (body["text"]["body"], body["biz_opaque_callback_data"]) == ("On its way", message_id)
    for step in ("read", "delivered"):  # they overtake each other
        await tell(visit, conversation, message_id, step)

    async def is_read() -> bool:
        return bool((await progress(visit, message_id))["progress"] == "READ")

    await until(is_read, what="the answer read")


async def test_a_call_that_broke_is_settled_by_a_status_and_never_repeated(
    visit: Visit, meta: Provider
) -> None:
    meta.handler = hang_up
    conversation = await written(visit, "Hello?")
    message_id = await reply(visit, conversation, "On its way")

    async def called() -> bool:
        return bool(meta.requests)

    await until(called, what="the call")
    await tell(visit, conversation, message_id, "sent")
    assert await settled(visit, message_id) == "SENT"
    assert len(meta.requests) == 1


async def test_a_call_that_broke_and_of_which_nothing_is_heard_ends_uncertain(
    visit: Visit, meta: Provider
) -> None:
    meta.handler = hang_up
    conversation = await written(visit, "Hello?")
    message_id = await reply(visit, conversation, "On its way")
    assert await settled(visit, message_id) == "UNCERTAIN"
    assert len(meta.requests) == 1


async def test_somebody_with_a_new_number_and_a_new_id_is_the_same_customer(
    visit: Visit, meta: Provider
) -> None:
    conversation = await written(visit, "Hello?")
    old, new, user_id = conversation["address"], fresh_number(), f"DE.{uuid4().int % 10**20}"
    moved = {"type": "user_changed_number", "wa_id": new.removeprefix("+"), "user_id": user_id}
    sender = {"from": old.removeprefix("+"), "id": uuid4().hex}
    await post(visit, change(messages=[message("system", moved, **sender)]))
    query = "SELECT identities FROM customer WHERE search_text LIKE '%' || $1 || '%'"

    async def known() -> list[set[str]]:
        found = await visit.rows.fetch(query, old)
        identities = [orjson.loads(row["identities"]) for row in found]
        addresses = [{each["address"] for each in of} for of in identities]
        return addresses if addresses == [{old, new, user_id}] else []

    await until(known, what="one customer with all three addresses")
    said = {"from": "", "from_user_id": user_id, "id": uuid4().hex}
    await post(visit, change(messages=[message("text", {"body": "It is me"}, **said)]))

    async def joined() -> bool:
        return await visit.texts(conversation["conversation_id"]) == ["Hello?", "It is me"]

    await until(joined, what="the message in the same conversation")
    assert meta.requests == []
