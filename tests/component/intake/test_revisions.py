"""Changes of messages through a running process: too early, out of order, and what they leave."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.component.intake.house import Visit, fresh_number
from tests.support.waiting import until
from tests.unit.intake.whatsapp import (
    PATH,
    WRITTEN_S,
    business,
    change,
    message,
    posted,
    webhook,
)


@pytest.fixture
async def customer(visit: Visit) -> Customer:
    await visit.open_account(business())
    return Customer(visit)


class Customer:
    """Somebody with WhatsApp, and one message of theirs."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.address = fresh_number()
        self.message_id = f"wamid.{uuid4().hex}"

    async def does(self, kind: str, content: Any, *, message_id: str = "", late_s: int = 0) -> None:
        """Meta tells what they did."""
        about = {
            "from": self.address.removeprefix("+"),
            "id": message_id or uuid4().hex,
            "timestamp": str(WRITTEN_S + late_s),
        }
        incoming = posted(webhook(change(messages=[message(kind, content, **about)])))
        url = self.visit.house.http_url + PATH
        async with self.visit.session.post(
            url, data=incoming.body, headers=incoming.headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def edits(self, text: str, *, late_s: int) -> None:
        now = {"type": "text", "text": {"body": text}}
        edit = {"original_message_id": self.message_id, "message": now}
        await self.does("edit", edit, late_s=late_s)

    async def writes(self, text: str) -> None:
        await self.does("text", {"body": text}, message_id=self.message_id)

    async def parked(self) -> list[str]:
        query = "SELECT change FROM parked_revision WHERE provider_message_id = $1"
        return [row["change"] for row in await self.visit.rows.fetch(query, self.message_id)]

    async def texts(self, *wanted: str) -> str:
        """The conversation, once it has these texts."""
        conversation = await self.visit.conversation(self.address)
        conversation_id: str = conversation["conversation_id"]

        async def has() -> bool:
            return await self.visit.texts(conversation_id) == [*wanted]

        await until(has, what=f"{wanted}")
        return conversation_id

    async def changes(self, conversation_id: str, kind: str) -> list[dict[str, Any]]:
        query = """
            SELECT detail FROM conversation_change
            WHERE conversation_id = $1 AND kind = $2 ORDER BY sequence"""
        found = await self.visit.rows.fetch(query, conversation_id, kind)
        return [orjson.loads(row["detail"]) for row in found]


async def test_an_edit_that_overtakes_its_message_waits_for_it(customer: Customer) -> None:
    await customer.edits("Where is my parcel?", late_s=1)

    async def waits() -> bool:
        return bool(await customer.parked())

    await until(waits, what="the edit parked")
    await customer.writes("Where is it?")
    conversation_id = await customer.texts("Where is my parcel?")
    (edit,) = await customer.changes(conversation_id, "message_edited")
    assert edit["previous_text"] == "Where is it?"
    assert await customer.parked() == []


async def test_nothing_is_left_of_what_was_taken_back(customer: Customer) -> None:
    await customer.writes("My PIN is 1234")
    await customer.edits("My PIN is secret", late_s=1)
    conversation_id = await customer.texts("My PIN is secret")
    assert "1234" in str(await customer.changes(conversation_id, "message_edited"))
    await customer.does("revoke", {"original_message_id": customer.message_id}, late_s=2)
    await customer.texts("")
    (edit,) = await customer.changes(conversation_id, "message_edited")
    assert edit.keys() == {"message_id"}
    query = "SELECT count(*) FROM retraction WHERE conversation_id = $1"
    assert await customer.visit.rows.fetchval(query, conversation_id) == 1


async def test_an_edit_out_of_order_changes_nothing(customer: Customer) -> None:
    await customer.writes("one")
    await customer.edits("three", late_s=2)
    await customer.texts("three")
    await customer.edits("two", late_s=1)
    await customer.does("text", {"body": "next"}, late_s=3)
    conversation_id = await customer.texts("three", "next")
    changes = await customer.changes(conversation_id, "message_edited")
    assert [each["text"] for each in changes] == ["three"]
