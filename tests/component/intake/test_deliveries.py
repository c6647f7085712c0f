"""Answers on their way out, through the provider simulator and its faults."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from switchboard.intake.v1 import conversation_service_pb2

from tests.component.intake.house import Visit, fresh_number
from tests.support.waiting import until

FINAL = {"DELIVERED", "FAILED", "UNCERTAIN", "READ"}


@pytest.fixture(autouse=True)
async def fair_weather(visit: Visit) -> AsyncIterator[None]:
    """Every test begins and ends without faults."""
    await visit.faults()
    yield
    await visit.faults()


async def reply(visit: Visit, conversation: asyncpg.Record, text: str) -> str:
    """An agent answers; gives the message's id."""
    ask = conversation_service_pb2.ReplyRequest(
        request_id=str(uuid4()), conversation_id=conversation["conversation_id"], text=text
    )
    return str((await visit.get("ConversationService.Reply", ask)).message_id)


async def progress(visit: Visit, message_id: str) -> asyncpg.Record:
    """The message's delivery once it has come to its end."""

    async def ended() -> asyncpg.Record | None:
        row = await visit.rows.fetchrow(
            "SELECT * FROM message_delivery WHERE message_id = $1", message_id
        )
        return row if row is not None and row["progress"] in FINAL else None

    row = await until(ended, what=f"the end of {message_id}", deadline_s=60)
    assert row is not None
    return row


async def settled(visit: Visit, message_id: str) -> str:
    """How the message's delivery has ended, whatever receipts may say later."""

    async def phase() -> str:
        row = await visit.rows.fetchrow(
            "SELECT phase FROM dispatch WHERE message_id = $1 AND settled_at_ms > 0", message_id
        )
        return str(row["phase"]) if row is not None else ""

    return await until(phase, what=f"the end of {message_id}", deadline_s=60)


def effects(visit: Visit) -> Counter[str]:
    """How often the provider took each text, by its own ledger."""
    ledger = Path(visit.house.simulator.environment["SIMULATOR_LEDGER"])
    entries = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    return Counter(entry["body"] for entry in entries if entry["kind"] == "accepted")


async def test_an_answer_reaches_the_handset_once(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    text = f"On its way {uuid4()}"
    row = await progress(visit, await reply(visit, conversation, text))
    assert row["progress"] == "DELIVERED"
    assert row["provider_message_id"].startswith("SM")
    assert effects(visit)[text] == 1


async def test_answers_to_one_customer_arrive_in_order(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    texts = [f"{number} {uuid4()}" for number in range(5)]
    sent = [await reply(visit, conversation, text) for text in texts]
    for message_id in sent:
        assert (await progress(visit, message_id))["progress"] == "DELIVERED"
    assert [text for text in effects(visit) if text in texts] == texts


async def test_a_throttled_call_is_made_again_and_has_one_effect(visit: Visit) -> None:
    await visit.faults(throttle=0.5, seed=2)
    conversation = await visit.submit(fresh_number())
    text = f"Patience {uuid4()}"
    assert (await progress(visit, await reply(visit, conversation, text)))["progress"] == (
        "DELIVERED"
    )
    assert effects(visit)[text] == 1


@pytest.mark.parametrize("fault", ["error_after", "drop_after"])
async def test_what_went_out_without_an_answer_is_found_and_not_repeated(
    visit: Visit, fault: str
) -> None:
    await visit.faults(**{fault: 1.0, "receipt_lost": 1.0})
    conversation = await visit.submit(fresh_number())
    text = f"Silence {uuid4()}"
    message_id = await reply(visit, conversation, text)

    assert await settled(visit, message_id) == "SENT"
    assert effects(visit)[text] == 1


async def test_a_receipt_ends_the_doubt_before_a_look_up_does(visit: Visit) -> None:
    await visit.faults(drop_after=1.0)
    conversation = await visit.submit(fresh_number())
    text = f"Receipt {uuid4()}"
    row = await progress(visit, await reply(visit, conversation, text))
    assert row["progress"] == "DELIVERED"
    assert effects(visit)[text] == 1


async def test_a_message_that_cannot_arrive_says_why(visit: Visit) -> None:
    await visit.faults(undeliverable=1.0)
    conversation = await visit.submit(fresh_number())
    row = await progress(visit, await reply(visit, conversation, f"Nobody home {uuid4()}"))
    assert (row["progress"], row["reason"]) == ("FAILED", "30003")


async def test_faults_and_kills_double_nothing_and_lose_nothing_in_silence(visit: Visit) -> None:
    await visit.faults(throttle=0.1, error_after=0.1, drop_after=0.1, slow=0.3, slow_ms=300, seed=7)
    conversations = [await visit.submit(fresh_number()) for _ in range(12)]
    texts = {f"Storm {number} {uuid4()}": number for number in range(24)}
    sent = {}
    for text, number in texts.items():
        sent[text] = await reply(visit, conversations[number % 12], text)
        if number % 12 == 7:
            visit.house.intake.kill()
            await asyncio.to_thread(visit.house.intake.start)
    ends = {text: await settled(visit, message_id) for text, message_id in sent.items()}
    took = effects(visit)
    assert [text for text in texts if took[text] > 1] == []
    assert [text for text, phase in ends.items() if phase == "SENT" and took[text] != 1] == []
    assert [text for text, phase in ends.items() if phase == "FAILED"] == []
    # A call that was committed and never made stays uncertain: one a lane and kill at the most.
    assert Counter(ends.values())["UNCERTAIN"] <= 2 * len(conversations)
