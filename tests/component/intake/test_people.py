"""One person on several channels, through a running process: who they are, what was said where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from switchboard.intake.v1 import (
    account_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
    model_pb2,
)

from services.intake.core.identity import home_id
from services.intake.core.model import Channel
from tests.component.intake.house import SMS_ACCOUNT, TENANT, Visit, fresh_number
from tests.support.waiting import until

CHAT_ACCOUNT = "chat-by-api"
CHANNELS = {SMS_ACCOUNT: Channel.SMS, CHAT_ACCOUNT: Channel.CHAT}


@dataclass
class Person:
    """Somebody with a telephone and a chat window."""

    visit: Visit
    number: str
    visitor: str

    async def says(self, text: str, *, account_id: str = SMS_ACCOUNT, **about: Any) -> str:
        """They write; returns the message's id once it is threaded."""
        address = self.number if account_id == SMS_ACCOUNT else self.visitor
        said = intake_service_pb2.SubmittedMessage(
            account_id=account_id, from_address=address, text=text, **about
        )
        ask = intake_service_pb2.SubmitMessageRequest(request_id=str(uuid4()), message=said)
        accepted = await self.visit.get("IntakeService.SubmitMessage", ask)
        message_id = str(accepted.message_id)
        await until(lambda: self.place(message_id), what="the message in a conversation")
        return message_id

    async def place(self, message_id: str) -> str | None:
        """The conversation of a message."""
        query = "SELECT conversation_id FROM message WHERE message_id = $1"
        found: str | None = await self.visit.rows.fetchval(query, message_id)
        return found

    async def customer(self, account_id: str = SMS_ACCOUNT) -> model_pb2.Customer:
        """Who has their telephone number, or their chat."""
        channel = CHANNELS[account_id]
        address = self.number if account_id == SMS_ACCOUNT else self.visitor
        ask = customer_service_pb2.GetCustomerRequest(customer_id=home_id(TENANT, channel, address))
        found = await self.visit.get("CustomerService.GetCustomer", ask)
        customer: model_pb2.Customer = found.customer
        return customer

    def chat(self) -> model_pb2.Identity:
        return model_pb2.Identity(channel=model_pb2.CHANNEL_CHAT, address=self.visitor)

    async def link(self) -> None:
        """An agent says that the chat is theirs; it is so a moment later."""
        customer = await self.customer()
        ask = customer_service_pb2.LinkIdentityRequest(
            request_id=str(uuid4()), customer_id=customer.customer_id, identity=self.chat()
        )
        await self.visit.get("CustomerService.LinkIdentity", ask)
        await until(self.is_linked, what="the link")

    async def is_linked(self) -> bool:
        query = "SELECT count(*) FROM customer WHERE identities @> $1 AND identities @> $2"
        found = await self.visit.rows.fetchval(
            query, f'[{{"address": "{self.number}"}}]', f'[{{"address": "{self.visitor}"}}]'
        )
        return bool(found)


@pytest.fixture
async def person(visit: Visit) -> Person:
    account = model_pb2.Account(
        account_id=CHAT_ACCOUNT,
        channel=model_pb2.CHANNEL_CHAT,
        provider="api",
        enabled=True,
    )
    ask = account_service_pb2.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    await visit.get("AccountService.UpsertAccount", ask)
    return Person(visit, fresh_number(), f"visitor-{uuid4()}")


async def test_one_person_on_two_channels_is_one_conversation_and_is_split_again(
    visit: Visit, person: Person
) -> None:
    first = await person.says("Where is my parcel?")
    await person.link()
    second = await person.says("Are you there?", account_id=CHAT_ACCOUNT)
    origin = await person.place(first)
    assert origin is not None
    assert await person.place(second) == origin
    why = await visit.get(
        "ConversationService.ExplainThreading",
        conversation_service_pb2.ExplainThreadingRequest(message_id=second),
    )
    assert (why.threaded_by, why.confidence) == ("person", 0.7)
    assert [step.rule for step in why.steps] == ["person"]
    split = await visit.get(
        "ConversationService.SplitConversation",
        conversation_service_pb2.SplitConversationRequest(
            request_id=str(uuid4()), conversation_id=origin, message_ids=[second]
        ),
    )
    part = split.conversation
    assert (part.split_from_id, part.ref.channel) == (origin, model_pb2.CHANNEL_CHAT)
    for conversation_id, texts in (
        (origin, ["Where is my parcel?"]),
        (part.ref.conversation_id, ["Are you there?"]),
    ):
        timeline = await entries(visit, conversation_id)
        assert [entry.message.text for entry in timeline if entry.HasField("message")] == texts
        assert any(entry.HasField("conversation_split") for entry in timeline)


async def test_a_merged_conversation_is_read_in_its_target_until_it_comes_back(
    visit: Visit, person: Person
) -> None:
    first = await person.place(await person.says("Parcel", subject="Parcel"))
    other = await person.says("Invoice", account_id=CHAT_ACCOUNT)
    await person.link()
    second = await person.place(other)
    assert first is not None
    assert second is not None
    ask = conversation_service_pb2.MergeConversationsRequest(
        request_id=str(uuid4()), conversation_id=first, source_conversation_id=second
    )
    await visit.get("ConversationService.MergeConversations", ask)
    read = [
        entry.message.text for entry in await entries(visit, first) if entry.HasField("message")
    ]
    assert sorted(read) == ["Invoice", "Parcel"]
    unmerge = conversation_service_pb2.UnmergeConversationRequest(
        request_id=str(uuid4()), conversation_id=second
    )
    await visit.get("ConversationService.UnmergeConversation", unmerge)
    read = [
        entry.message.text for entry in await entries(visit, first) if entry.HasField("message")
    ]
    assert read == ["Parcel"]


async def test_an_old_id_still_finds_the_customer_and_a_link_is_undone(
    visit: Visit, person: Person
) -> None:
    await person.says("Hello")
    await person.says("Hello from the chat", account_id=CHAT_ACCOUNT)
    await person.link()
    by_number, by_chat = await person.customer(), await person.customer(CHAT_ACCOUNT)
    assert by_number == by_chat
    ask = customer_service_pb2.UnlinkIdentityRequest(
        request_id=str(uuid4()), customer_id=by_number.customer_id, identity=person.chat()
    )
    undone = await visit.get("CustomerService.UnlinkIdentity", ask)
    assert undone.new_customer_id != by_number.customer_id
    links = await visit.get(
        "CustomerService.ListIdentityLinks",
        customer_service_pb2.ListIdentityLinksRequest(customer_id=by_number.customer_id),
    )
    assert [link.linked for link in links.links][:1] == [False]


async def test_customers_are_found_by_parts_and_with_a_slip_of_the_pen(
    visit: Visit, person: Person
) -> None:
    name = f"Grete Wiesenthal-{uuid4().hex[:8]}"
    await person.says("Hello", from_name=name)
    for text in (name[6:14], name.replace("senth", "sneth"), person.number[3:]):
        ask = customer_service_pb2.SearchCustomersRequest(query=text)
        found = await visit.get("CustomerService.SearchCustomers", ask)
        assert name in [each.display_name for each in found.customers]
    reply = await visit.call(
        "CustomerService.SearchCustomers", customer_service_pb2.SearchCustomersRequest(query="Gr")
    )
    assert reply.code == "INVALID_ARGUMENT"


async def test_messages_are_found_by_their_words(visit: Visit, person: Person) -> None:
    word = f"w{uuid4().hex}"
    message_id = await person.says(f"My parcel {word} has not come")
    ask = conversation_service_pb2.SearchConversationsRequest(query=f'"parcel {word}" -invoice')
    found = await visit.get("ConversationService.SearchConversations", ask)
    [hit] = found.hits
    assert hit.message_id == message_id
    assert word in hit.snippet
    ask.filter = "channel = CHAT"
    assert not (await visit.get("ConversationService.SearchConversations", ask)).hits
    reply = await visit.get("ConversationService.SearchConversations", ask, tenant="other")
    assert not reply.hits


async def test_customers_are_imported_line_by_line(visit: Visit) -> None:
    def line(address: str, name: str) -> customer_service_pb2.ImportCustomersRequest:
        identity = model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address=address)
        return customer_service_pb2.ImportCustomersRequest(
            request_id=str(uuid4()),
            customer=model_pb2.Customer(display_name=name, identities=[identity]),
        )

    lines = [line(fresh_number(), f"Person {number}") for number in range(150)]
    wrong = line("not a number", "Nobody")
    reply = await visit.call("CustomerService.ImportCustomers", *lines, wrong, role="service")
    assert reply.code == "OK", reply.text
    report = reply.messages[0]
    assert report.written == 150
    assert [refusal.request_id for refusal in report.refusals] == [wrong.request_id]


async def test_an_erased_customer_is_gone_from_every_table(visit: Visit, person: Person) -> None:
    secret = f"secret{uuid4().hex}"
    await person.says(f"My code is {secret}", from_name=f"Name {secret}")
    customer = await person.customer()
    ask = customer_service_pb2.EraseCustomerRequest(
        request_id=str(uuid4()), customer_id=customer.customer_id, reason="customer_request"
    )
    await visit.get("CustomerService.EraseCustomer", ask)
    tables = await visit.rows.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'intake'"
    )
    for row in tables:
        if row["table_name"] == "outbox":  # published, and forgotten within seconds
            continue
        query = (
            f'SELECT count(*) FROM "{row["table_name"]}" t WHERE t::text LIKE $1 OR t::text LIKE $2'
        )
        found = await visit.rows.fetchval(query, f"%{secret}%", f"%{person.number}%")
        assert found == 0, row["table_name"]
    assert (await person.customer()).erased


@pytest.mark.parametrize("first", [SMS_ACCOUNT, CHAT_ACCOUNT])
async def test_whoever_writes_from_an_erased_customer_s_addresses_is_somebody_new(
    visit: Visit, person: Person, first: str
) -> None:
    """Also at the home whose own id the erased customer has kept."""
    await person.says("Hello", account_id=first)
    for account_id in CHANNELS:
        await person.says("Hello again", account_id=account_id)
    await person.link()
    customer = await person.customer()
    ask = customer_service_pb2.EraseCustomerRequest(
        request_id=str(uuid4()), customer_id=customer.customer_id, reason="customer_request"
    )
    await visit.get("CustomerService.EraseCustomer", ask)
    for account_id in CHANNELS:
        await person.says("Who am I?", account_id=account_id)
        found = await person.customer(account_id)
        assert not found.erased
        assert len(found.identities) == 1


async def entries(visit: Visit, conversation_id: str) -> list[Any]:
    """A timeline, a page of two entries at a time."""
    found: list[Any] = []
    ask = conversation_service_pb2.GetTimelineRequest(conversation_id=conversation_id, page_size=2)
    while True:
        page = await visit.get("ConversationService.GetTimeline", ask)
        found += page.entries
        ask.page_token = page.next_page_token
        if not page.next_page_token:
            return found
