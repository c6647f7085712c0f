"""What an agent sees beside a conversation: its customer, their last answer, what else is open."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from switchboard.intake.v1 import (
    commands_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
    model_pb2,
)

from tests.component.intake.house import SMS_ACCOUNT, TENANT, Visit, fresh_number
from tests.support import stack
from tests.support.waiting import until

CLOSED = model_pb2.CONVERSATION_STATUS_CLOSED
RESOLVED = model_pb2.CONVERSATION_STATUS_RESOLVED


async def beside(visit: Visit, conversation_id: str, **who: str) -> Any:
    """What GetConversation answers."""
    ask = conversation_service_pb2.GetConversationRequest(conversation_id=conversation_id)
    return await visit.get("ConversationService.GetConversation", ask, **who)


async def split_off(visit: Visit, row: asyncpg.Record, text: str) -> str:
    """Another matter of the same customer; gives its conversation."""
    message = intake_service_pb2.SubmittedMessage(
        account_id=SMS_ACCOUNT, from_address=row["address"], text=text
    )
    submit = intake_service_pb2.SubmitMessageRequest(request_id=str(uuid4()), message=message)
    message_id = (await visit.get("IntakeService.SubmitMessage", submit)).message_id

    async def joined() -> str | None:
        query = "SELECT conversation_id FROM message WHERE message_id = $1"
        found: str | None = await visit.rows.fetchval(query, message_id)
        return found

    origin = await until(joined, what="the message in a conversation")
    assert origin is not None
    ask = conversation_service_pb2.SplitConversationRequest(
        request_id=str(uuid4()), conversation_id=origin, message_ids=[message_id]
    )
    split = await visit.get("ConversationService.SplitConversation", ask)
    return str(split.conversation.ref.conversation_id)


async def move(visit: Visit, conversation_id: str, status: Any) -> None:
    ask = conversation_service_pb2.SetStatusRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, status=status
    )
    await visit.get("ConversationService.SetStatus", ask)


def answered(row: asyncpg.Record, *, comment: str, after_ms: int = 0) -> commands_pb2.IntakeInput:
    """As the feedback service tells it, of a conversation of this moment."""
    return commands_pb2.IntakeInput(
        tenant_id=TENANT,
        request_id=str(uuid4()),
        actor="service/feedback",
        home_id=row["home_id"],
        note_feedback=model_pb2.Feedback(
            survey_id=str(uuid4()),
            conversation_id=row["conversation_id"],
            kind=model_pb2.FEEDBACK_KIND_CSAT,
            score=2,
            score_min=1,
            score_max=5,
            comment=comment,
            answered_at_ms=row["updated_at_ms"] + 60_000 + after_ms,
        ),
    )


async def tell(kafka: stack.Kafka, *told: commands_pb2.IntakeInput) -> None:
    """Feedback writes into intake's mailbox."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        for said in told:
            key = said.home_id.encode()
            await producer.send_and_wait("intake.inputs.v1", said.SerializeToString(), key)


async def decided(visit: Visit, said: commands_pb2.IntakeInput) -> None:
    """Wait until an input has had its outcome."""
    query = "SELECT count(*) FROM request WHERE key = $1 AND outcome IS NOT NULL"
    key = f"{said.tenant_id}/{said.request_id}"

    async def has_outcome() -> bool:
        return bool(await visit.rows.fetchval(query, key))

    await until(has_outcome, what="the outcome")


@pytest.mark.parametrize("role", ["agent", "supervisor", "service", "admin"])
async def test_the_other_matters_of_the_customer_are_shown_the_latest_first(
    visit: Visit, role: str
) -> None:
    first = await visit.submit(fresh_number(), "Parcel")
    stranger = await visit.submit(fresh_number(), "Hello")
    conversation_id = first["conversation_id"]
    matters = [await split_off(visit, first, f"matter {number}") for number in range(3)]
    await move(visit, matters[0], RESOLVED)
    await move(visit, matters[1], CLOSED)
    shown = await beside(visit, conversation_id, role=role)
    assert shown.conversation.ref.conversation_id == conversation_id
    assert shown.customer.customer_id == first["customer_id"]
    assert [each.address for each in shown.customer.identities] == [first["address"]]
    assert not shown.customer.HasField("last_feedback")
    seen = [each.ref.conversation_id for each in shown.open_matters]
    assert seen == [matters[0], matters[2]]
    closed = await beside(visit, matters[1], role=role)
    assert conversation_id in [each.ref.conversation_id for each in closed.open_matters]
    assert len(closed.open_matters) == 3
    alone = await beside(visit, stranger["conversation_id"], role=role)
    assert not alone.open_matters


async def test_no_more_than_twenty_open_matters_are_shown(visit: Visit) -> None:
    first = await visit.submit(fresh_number(), "Parcel")
    query = """
        INSERT INTO conversation SELECT (jsonb_populate_record(c, jsonb_build_object(
            'conversation_id', gen_random_uuid()::text, 'updated_at_ms', number))).*
        FROM conversation c, generate_series(1, 25) number WHERE c.conversation_id = $1"""
    await visit.rows.execute(query, first["conversation_id"])
    shown = await beside(visit, first["conversation_id"])
    assert [each.updated_at_ms for each in shown.open_matters] == list(range(25, 5, -1))


async def test_what_they_answered_last_is_shown_beside_every_conversation(
    visit: Visit, kafka: stack.Kafka
) -> None:
    row = await visit.submit(fresh_number(), "Parcel")
    other = await split_off(visit, row, "Invoice")
    late = answered(row, comment="My card is 5555 5555 5555 4444", after_ms=5_000)
    early = answered(row, comment="An earlier one")
    await tell(kafka, late, late, early)
    await decided(visit, early)
    for conversation_id in (row["conversation_id"], other):
        shown = (await beside(visit, conversation_id)).customer.last_feedback
        assert shown.survey_id == late.note_feedback.survey_id
        assert (shown.score, shown.score_min, shown.score_max) == (2, 1, 5)
        assert shown.comment == "My card is •••• •••• •••• 4444"
        changes = await visit.rows.fetch(
            """SELECT detail FROM conversation_change
            WHERE conversation_id = $1 AND kind = 'customer_updated'""",
            conversation_id,
        )
        assert [each["detail"] for each in changes if "last_feedback" in each["detail"]]
        assert len(changes) == 1
    get = customer_service_pb2.GetCustomerRequest(customer_id=row["customer_id"])
    customer = (await visit.get("CustomerService.GetCustomer", get)).customer
    assert customer.last_feedback == shown


async def test_an_answer_follows_its_customer_and_ends_with_them(
    visit: Visit, kafka: stack.Kafka
) -> None:
    """They write from two numbers; the answer comes to the home of the one that yields."""
    rows = [await visit.submit(fresh_number(), f"From number {each}") for each in range(2)]
    low, high = sorted(rows, key=lambda row: str(row["home_id"]))
    link = customer_service_pb2.LinkIdentityRequest(
        request_id=str(uuid4()),
        customer_id=low["customer_id"],
        identity=model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address=high["address"]),
    )
    await visit.get("CustomerService.LinkIdentity", link)
    said = answered(high, comment=f"I live in {uuid4().hex}")
    await tell(kafka, said)
    await decided(visit, said)
    for row in (low, high):
        shown = await beside(visit, row["conversation_id"])
        assert shown.customer.last_feedback.comment == said.note_feedback.comment
        assert len(shown.open_matters) == 1
    erase = customer_service_pb2.EraseCustomerRequest(
        request_id=str(uuid4()), customer_id=shown.customer.customer_id, reason="customer_request"
    )
    await visit.get("CustomerService.EraseCustomer", erase)
    again = answered(high, comment=said.note_feedback.comment, after_ms=5_000)
    await tell(kafka, again)
    await decided(visit, again)
    shown = await beside(visit, high["conversation_id"])
    assert shown.customer.erased
    assert not shown.customer.HasField("last_feedback")
    assert not shown.open_matters
    query = "SELECT count(*) FROM customer c WHERE c::text LIKE $1"
    word = said.note_feedback.comment.rpartition(" ")[2]
    assert await visit.rows.fetchval(query, f"%{word}%") == 0
