"""Web chat through a running process: two-way, and nothing lost or doubled however it is cut."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from switchboard.intake.v1 import conversation_service_pb2, model_pb2

from tests.component.intake.house import Visit
from tests.component.intake.test_deliveries import reply, settled
from tests.component.intake.visitors import (
    Visitor,
    chat_account,
    conversation_of,
    note,
    proof,
)
from tests.support.waiting import until

ID = "shop-chat"


@pytest.fixture
async def visitor(visit: Visit) -> Visitor:
    """Somebody new on a page of the shop."""
    await visit.open_account(chat_account(ID))
    return Visitor(visit, ID)


async def asked(visitor: Visitor, text: str = "Where is my parcel?") -> asyncpg.Record:
    """The conversation after the visitor has written once."""
    async with visitor.talking() as socket:
        accepted = await socket.write(text)
        await socket.hear_text(text)
    return await conversation_of(visitor.visit, accepted["message_id"])


async def delivery(visit: Visit, message_id: str, progress: str) -> None:
    """Wait until a message has come so far."""

    async def has_come() -> bool:
        query = "SELECT progress FROM message_delivery WHERE message_id = $1"
        return bool(await visit.rows.fetchval(query, message_id) == progress)

    await until(has_come, what=f"{message_id} is {progress}")


async def test_a_visitor_and_an_agent_talk(visit: Visit, visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        accepted = await socket.write("Where is my parcel?", client_id="0190aaaa-bbbb")
        own = await socket.hear_text("Where is my parcel?")
        assert (own["from"], own["id"], own["cursor"]) == ("visitor", "0190aaaa-bbbb", 1)
        assert own["message_id"] == accepted["message_id"]
        conversation = await conversation_of(visit, accepted["message_id"])
        assert (conversation["channel"], conversation["account_id"]) == ("CHAT", ID)

        message_id = await reply(visit, conversation, "On its way")
        answer = await socket.hear_text("On its way")
        assert (answer["from"], answer["cursor"], answer["message_id"]) == ("agent", 2, message_id)
        assert await settled(visit, message_id) == "SENT"
        await socket.say(type="received", cursor=answer["cursor"])
        await delivery(visit, message_id, "DELIVERED")
        await socket.say(type="seen", cursor=answer["cursor"])
        await delivery(visit, message_id, "READ")


async def test_notes_are_not_for_visitors(visit: Visit, visitor: Visitor) -> None:
    conversation = await asked(visitor)
    async with visitor.talking(after=0) as socket:
        await note(visit, conversation, "Sounds angry")
        await reply(visit, conversation, "On its way")
        await socket.hear_text("On its way")
    assert [line["text"] for line in socket.lines] == ["Where is my parcel?", "On its way"]


async def test_what_is_sent_again_is_there_once(visit: Visit, visitor: Visitor) -> None:
    named = str(uuid4())
    async with visitor.talking() as socket:
        first = await socket.write("Hello?", client_id=named)
        again = await socket.write("Hello?", client_id=named)
        assert first == again
        last = await socket.write("Anybody?")
        await socket.hear_text("Anybody?")
    async with visitor.talking() as other:
        again = await other.write("Hello?", client_id=named)
        assert first == again
    conversation = await conversation_of(visit, last["message_id"])
    assert await visit.texts(conversation["conversation_id"]) == ["Hello?", "Anybody?"]


async def test_another_visitors_id_is_not_mine(visit: Visit, visitor: Visitor) -> None:
    other, named = Visitor(visit, ID), str(uuid4())
    async with visitor.talking() as one, other.talking() as two:
        mine = await one.write("Mine", client_id=named)
        theirs = await two.write("Theirs", client_id=named)
        assert mine["message_id"] != theirs["message_id"]
        await two.hear_text("Theirs")
    assert [line["text"] for line in two.lines] == ["Theirs"]


async def test_all_tabs_hear_all(visitor: Visitor) -> None:
    async with visitor.talking() as one, visitor.talking() as two:
        await one.write("From the first")
        await two.hear_text("From the first")
        await two.write("From the second")
        await one.hear_text("From the second")
    assert [line["cursor"] for line in one.lines] == [1, 2]


async def test_who_was_away_goes_on_where_they_were(visit: Visit, visitor: Visitor) -> None:
    conversation = await asked(visitor)
    for text in ("one", "two"):
        await reply(visit, conversation, text)
    async with visitor.talking(after=1) as socket:
        await socket.hear_text("two")
        assert [line["text"] for line in socket.lines] == ["one", "two"]
    async with visitor.talking() as fresh:
        await fresh.hear_text("two")
        assert [line["cursor"] for line in fresh.lines] == [1, 2, 3]
        await fresh.say(type="earlier", before=3)
        assert (await fresh.hear("earlier"))["more"] is False
    assert [line["text"] for line in fresh.lines[3:]] == ["Where is my parcel?", "one"]


async def test_a_cut_between_any_two_lines_loses_and_doubles_none(
    visit: Visit, visitor: Visitor
) -> None:
    conversation = await asked(visitor)
    texts = [f"{number} {uuid4()}" for number in range(40)]

    async def answer() -> None:
        for text in texts:
            await reply(visit, conversation, text)

    answering = asyncio.create_task(answer())
    shown: list[str] = []
    cursor = 1
    while len(shown) < len(texts):
        async with visitor.talking(after=cursor) as socket:
            line = await socket.hear("message")
        assert line["cursor"] == cursor + 1
        cursor = line["cursor"]
        shown.append(line["text"])
    await answering
    assert shown == texts


async def test_a_conversation_that_continues_another_is_one_chat(
    visit: Visit, visitor: Visitor
) -> None:
    first = await asked(visitor)
    close = conversation_service_pb2.SetStatusRequest(
        request_id=str(uuid4()),
        conversation_id=first["conversation_id"],
        status=model_pb2.CONVERSATION_STATUS_CLOSED,
    )
    await visit.get("ConversationService.SetStatus", close)
    second = await asked(visitor, "One more thing")
    assert second["conversation_id"] != first["conversation_id"]
    async with visitor.talking() as socket:
        await reply(visit, second, "Yes?")
        await socket.hear_text("Yes?")
    assert [line["cursor"] for line in socket.lines] == [1, 2, 3]


async def test_who_is_named_by_the_site_is_linked_and_the_same_everywhere(
    visit: Visit, visitor: Visitor
) -> None:
    email = f"{uuid4()}@example.org"
    claims: dict[str, Any] = {"sub": f"c-{uuid4()}", "email": email, "exp": _in(600)}
    before = await asked(visitor)
    anonymous = Visitor(visit, ID, token=visitor.token)
    assert await visitor.enter(identity=proof(**claims)) == 201
    async with visitor.talking() as socket:
        accepted = await socket.write("It is me")
        await socket.hear_text("It is me")
    assert [line["cursor"] for line in socket.lines] == [1, 2]
    conversation = await conversation_of(visit, accepted["message_id"])
    assert conversation["conversation_id"] == before["conversation_id"]

    async def linked() -> set[tuple[str, str, bool]]:
        query = (
            "SELECT identities FROM customer JOIN conversation USING (customer_id)"
            " WHERE conversation_id = $1 AND yields_to = ''"
        )
        found = await visit.rows.fetchval(query, conversation["conversation_id"])
        known = {
            (each["channel"], each["address"], each["verified"])
            for each in orjson.loads(found or "[]")
        }
        wanted = {("EMAIL", email, True), ("API", claims["sub"], True)}
        return known if wanted <= known else set()

    await until(linked, what="the addresses of one person")
    rules = "SELECT DISTINCT rule FROM identity_link WHERE address = $1"
    assert await visit.rows.fetchval(rules, email) == "signed_session"

    elsewhere = Visitor(visit, ID)
    assert await elsewhere.enter(identity=proof(**claims)) == 201
    async with elsewhere.talking() as other:
        await other.hear_text("It is me")
        assert [line["cursor"] for line in other.lines] == [1, 2]

    async with anonymous.connected() as ws:  # whoever had this browser before them
        await ws.send_json({"type": "hello", "token": anonymous.token})
        assert (await ws.receive()).data == 4401
    assert await anonymous.enter() == 201
    async with anonymous.talking() as socket:
        await socket.write("Somebody new")
        await socket.hear_text("Somebody new")
    assert [line["cursor"] for line in socket.lines] == [1]


def _in(seconds: int) -> int:
    return int(time.time()) + seconds
