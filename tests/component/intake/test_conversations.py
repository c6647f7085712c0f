"""The RPC doors of a running process: writes that end in outcomes, reads, and who may not."""

from __future__ import annotations

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from switchboard.intake.v1 import (
    account_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
    model_pb2,
)

from tests.component.intake.house import SMS_ACCOUNT, Visit, fresh_number, method
from tests.support import stack
from tests.support.waiting import until

CARD = "My card: 4242 4242 4242 4242"
RESOLVED = model_pb2.CONVERSATION_STATUS_RESOLVED
PENDING = model_pb2.CONVERSATION_STATUS_PENDING


def reply_request(conversation_id: str, text: str = "On its way.") -> object:
    return conversation_service_pb2.ReplyRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, text=text, status=PENDING
    )


async def test_a_conversation_from_the_first_message_to_its_end(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    conversation_id = conversation["conversation_id"]
    replied = await visit.get(
        "ConversationService.Reply", reply_request(conversation_id), role="agent"
    )
    assert replied.conversation.ref.status == PENDING
    note = conversation_service_pb2.AddNoteRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, text="Be kind."
    )
    await visit.get("ConversationService.AddNote", note, role="agent")
    move = conversation_service_pb2.SetStatusRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, status=RESOLVED
    )
    moved = await visit.get("ConversationService.SetStatus", move, role="agent")
    assert (moved.conversation.ref.status, moved.conversation.message_count) == (RESOLVED, 3)

    ask = conversation_service_pb2.GetTimelineRequest(conversation_id=conversation_id, page_size=2)
    entries = []
    while True:
        page = await visit.get("ConversationService.GetTimeline", ask, role="agent")
        entries += page.entries
        if not page.next_page_token:
            break
        ask.page_token = page.next_page_token
    kinds = [entry.WhichOneof("kind") for entry in entries]
    assert kinds == ["opened", "message", "message", "status_changed", "message", "status_changed"]
    texts = [entry.message.text for entry in entries if entry.HasField("message")]
    assert texts == ["Where is my parcel?", "On its way.", "Be kind."]
    assert [entry.sequence for entry in entries] == sorted(entry.sequence for entry in entries)


async def test_a_repeated_request_gets_the_first_result(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    ask = reply_request(conversation["conversation_id"])
    first = await visit.get("ConversationService.Reply", ask)
    again = await visit.get("ConversationService.Reply", ask)
    assert first == again
    assert (await visit.texts(conversation["conversation_id"])).count("On its way.") == 1


async def test_a_card_number_is_kept_nowhere(visit: Visit, kafka: stack.Kafka) -> None:
    address, shown = fresh_number(), "My card: •••• •••• •••• 4242"
    message = intake_service_pb2.SubmittedMessage(
        account_id=SMS_ACCOUNT, from_address=address, text=CARD, subject=CARD, from_name=CARD
    )
    submit = intake_service_pb2.SubmitMessageRequest(request_id=str(uuid4()), message=message)
    await visit.get("IntakeService.SubmitMessage", submit)
    conversation_id = (await visit.conversation(address))["conversation_id"]
    await visit.get("ConversationService.Reply", reply_request(conversation_id, CARD))
    note = conversation_service_pb2.AddNoteRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, text=CARD
    )
    await visit.get("ConversationService.AddNote", note)
    assert await visit.texts(conversation_id) == [shown] * 3
    assert not [value for value in await _published(kafka) if b"4242 4242" in value]


async def _published(kafka: stack.Kafka) -> list[bytes]:
    """Every value in intake's topics."""
    topics = ("intake.inputs.v1", "intake.conversations.v1", "intake.outbound.v1")
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        values: list[bytes] = []
        while len(values) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                values += [record.value for record in batch]
    return values


async def test_a_request_id_of_another_call_is_refused(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    request_id = str(uuid4())
    note = conversation_service_pb2.AddNoteRequest(
        request_id=request_id, conversation_id=conversation["conversation_id"], text="Be kind."
    )
    await visit.get("ConversationService.AddNote", note)
    move = conversation_service_pb2.SetStatusRequest(
        request_id=request_id, conversation_id=conversation["conversation_id"], status=RESOLVED
    )
    reply = await visit.call("ConversationService.SetStatus", move)
    assert (reply.code, reply.details["ErrorInfo"].reason) == (
        "ALREADY_EXISTS",
        "REQUEST_ID_REUSED",
    )


async def test_a_refusal_has_a_reason(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    close = conversation_service_pb2.SetStatusRequest(
        request_id=str(uuid4()),
        conversation_id=conversation["conversation_id"],
        status=model_pb2.CONVERSATION_STATUS_CLOSED,
    )
    await visit.get("ConversationService.SetStatus", close)
    reply = await visit.call(
        "ConversationService.Reply", reply_request(conversation["conversation_id"])
    )
    assert reply.code == "FAILED_PRECONDITION"
    assert reply.details["ErrorInfo"].reason == "CONVERSATION_CLOSED"


async def test_lists_are_filtered_and_paged_by_latest_change(visit: Visit) -> None:
    address = fresh_number()
    customer_id = (await visit.submit(address))["customer_id"]
    conversation = await visit.submit(address, "Hello?")
    ask = conversation_service_pb2.ListConversationsRequest(
        filter=f'customer_id = "{customer_id}" AND status = OPEN AND channel = SMS'
    )
    page = await visit.get("ConversationService.ListConversations", ask)
    assert [item.ref.conversation_id for item in page.conversations] == [
        conversation["conversation_id"]
    ]
    seen: list[int] = []
    ask = conversation_service_pb2.ListConversationsRequest(page_size=1)
    for _ in range(3):
        page = await visit.get("ConversationService.ListConversations", ask)
        seen += [item.updated_at_ms for item in page.conversations]
        if not page.next_page_token:
            break
        ask.page_token = page.next_page_token
    assert seen == sorted(seen, reverse=True)


async def test_a_customer_is_found_and_stated(visit: Visit) -> None:
    identity = model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address="+49 (0)171 5556677")
    ask = customer_service_pb2.UpsertCustomerRequest(
        request_id=str(uuid4()),
        customer=model_pb2.Customer(
            display_name="Grete", tier=model_pb2.SERVICE_TIER_EXCELLENT, identities=[identity]
        ),
    )
    stated = (await visit.get("CustomerService.UpsertCustomer", ask)).customer
    assert stated.identities[0].address == "+491715556677"
    conversation = await visit.submit("+491715556677")
    assert (conversation["customer_id"], conversation["tier"]) == (stated.customer_id, "EXCELLENT")
    get = customer_service_pb2.GetCustomerRequest(customer_id=stated.customer_id)
    customer = (await visit.get("CustomerService.GetCustomer", get)).customer
    assert (customer.display_name, customer.tier) == (stated.display_name, stated.tier)
    assert customer.language == "de"  # nothing was stated, so the message's account told


async def test_another_tenants_things_do_not_exist(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    conversation_id = conversation["conversation_id"]
    asks = {
        "ConversationService.GetConversation": conversation_service_pb2.GetConversationRequest(
            conversation_id=conversation_id
        ),
        "ConversationService.GetTimeline": conversation_service_pb2.GetTimelineRequest(
            conversation_id=conversation_id
        ),
        "ConversationService.Reply": reply_request(conversation_id),
        "CustomerService.GetCustomer": customer_service_pb2.GetCustomerRequest(
            customer_id=conversation["customer_id"]
        ),
        "AccountService.GetAccount": account_service_pb2.GetAccountRequest(account_id=SMS_ACCOUNT),
    }
    for name, ask in asks.items():
        assert (await visit.call(name, ask, tenant="rival")).code == "NOT_FOUND", name
    account = model_pb2.Account(
        account_id=SMS_ACCOUNT, channel=model_pb2.CHANNEL_API, provider="api"
    )
    taken = account_service_pb2.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    reply = await visit.call("AccountService.UpsertAccount", taken, tenant="rival")
    assert reply.code == "ALREADY_EXISTS"


async def test_agents_speak_for_themselves_only(visit: Visit) -> None:
    conversation = await visit.submit(fresh_number())
    ask = conversation_service_pb2.ReplyRequest(
        request_id=str(uuid4()),
        conversation_id=conversation["conversation_id"],
        text="It is me, Bob.",
        agent_id="bob",
    )
    assert (await visit.call("ConversationService.Reply", ask, role="agent")).code == (
        "PERMISSION_DENIED"
    )
    replied = await visit.get("ConversationService.Reply", ask, role="service", subject="bots")
    assert replied.conversation.last_agent_id == "bob"


BAD_ASKS = [
    (
        "IntakeService.SubmitMessage",
        intake_service_pb2.SubmitMessageRequest(request_id="seven"),
        "request_id",
    ),
    (
        "IntakeService.SubmitMessage",
        intake_service_pb2.SubmitMessageRequest(
            request_id=str(uuid4()),
            message=intake_service_pb2.SubmittedMessage(
                account_id=SMS_ACCOUNT, from_address="nowhere", text="Hi"
            ),
        ),
        "message.from_address",
    ),
    (
        "IntakeService.SubmitMessage",
        intake_service_pb2.SubmitMessageRequest(
            request_id=str(uuid4()),
            message=intake_service_pb2.SubmittedMessage(
                account_id=SMS_ACCOUNT,
                from_address="+491711234567",
                text="Hi",
                attributes={"tier": "GOLD"},
            ),
        ),
        "message.attributes[tier]",
    ),
    (
        "IntakeService.SubmitMessage",
        intake_service_pb2.SubmitMessageRequest(
            request_id=str(uuid4()),
            message=intake_service_pb2.SubmittedMessage(
                account_id=SMS_ACCOUNT, from_address="+491711234567", text="a\x00b"
            ),
        ),
        "message.text",
    ),
    (
        "ConversationService.ListConversations",
        conversation_service_pb2.ListConversationsRequest(filter="shoe_size = 44"),
        "filter",
    ),
    (
        "ConversationService.ListConversations",
        conversation_service_pb2.ListConversationsRequest(page_token="bm8="),
        "page_token",
    ),
    (
        "ConversationService.WatchConversations",
        conversation_service_pb2.WatchConversationsRequest(resume_token="no token"),
        "resume_token",
    ),
    (
        "CustomerService.UpsertCustomer",
        customer_service_pb2.UpsertCustomerRequest(
            request_id=str(uuid4()),
            customer=model_pb2.Customer(
                identities=[model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address="here")]
            ),
        ),
        "customer.identities[0].address",
    ),
]


@pytest.mark.parametrize(("name", "ask", "field"), BAD_ASKS)
async def test_bad_requests_name_the_field(
    visit: Visit, name: str, ask: object, field: str
) -> None:
    reply = await visit.call(name, ask)
    assert reply.code == "INVALID_ARGUMENT", reply
    assert field in [item.field for item in reply.details["BadRequest"].field_violations]


async def test_without_a_token_or_a_role_nothing_is_told(visit: Visit) -> None:
    ask = account_service_pb2.ListAccountsRequest()
    assert (await visit.call("AccountService.ListAccounts", ask, role="agent")).code == (
        "PERMISSION_DENIED"
    )
    bare = await visit.door.call(method("AccountService.ListAccounts"), ask)
    assert bare.code == "UNAUTHENTICATED"


async def test_a_batch_is_one_document_and_each_of_its_messages_is_by_itself(visit: Visit) -> None:
    address, wrong = fresh_number(), str(uuid4())
    items = [
        {
            "requestId": str(uuid4()),
            "message": {"accountId": SMS_ACCOUNT, "fromAddress": address, "text": f"text {n}"},
        }
        for n in range(20)
    ]
    items.insert(7, {"requestId": wrong, "message": {"accountId": "none", "fromAddress": "x"}})
    url = f"{visit.house.http_url}/switchboard.intake.v1.IntakeService/SubmitBatch"
    headers = {"authorization": f"Bearer {visit.house.token('service')}"}
    for _ in range(2):  # the second time nothing is new
        async with visit.session.post(url, json={"items": items}, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            results = (await answer.json())["results"]
        assert [each["requestId"] for each in results] == [each["requestId"] for each in items]
        [refused] = [each for each in results if "reason" in each]
        assert (refused["requestId"], refused["reason"]) == (wrong, "INVALID_ARGUMENT")
        assert "message.text" in refused["detail"]
    conversation = await visit.conversation(address)

    async def all_are_there() -> bool:
        return len(await visit.texts(conversation["conversation_id"])) == 20

    await until(all_are_there, what="all twenty, once")
