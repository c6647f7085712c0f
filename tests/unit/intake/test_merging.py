"""Conversations merged, taken apart again, and split."""

from __future__ import annotations

import pytest
from switchboard.intake.v1 import model_pb2

from tests.unit.intake.crowd import CHAT, MAIL, PHONE, Crowd


@pytest.fixture
async def crowd() -> Crowd:
    crowd = Crowd()
    await crowd.start()
    return crowd


async def two(crowd: Crowd) -> tuple[str, str]:
    """Two conversations of one person: about a parcel, and about an invoice."""
    first = await crowd.place_of(await crowd.hear(MAIL, "a@x", subject="Parcel"))
    second = await crowd.place_of(await crowd.hear(MAIL, "b@x", subject="Invoice"))
    return first, second


async def merge(crowd: Crowd, target: str, source: str, request_id: str = "m") -> None:
    await crowd.command_at(
        MAIL.home, request_id, "merge", conversation_id=target, source_conversation_id=source
    )


async def reason(crowd: Crowd, request_id: str) -> str:
    return str((await crowd.outcome(f"acme/{request_id}")).reason)


async def test_the_source_ends_in_the_target(crowd: Crowd) -> None:
    target, source = await two(crowd)
    await merge(crowd, target, source)
    row = await crowd.conversation_row(source)
    assert (row["status"], row["live"], row["merged_into_id"]) == ("CLOSED", False, target)
    told = [event for event in crowd.events() if event.HasField("merged")]
    assert {event.conversation.conversation_id for event in told} == {target, source}


async def test_a_merge_is_taken_back(crowd: Crowd) -> None:
    target, source = await two(crowd)
    await merge(crowd, target, source)
    await crowd.command_at(MAIL.home, "u", "unmerge", conversation_id=source)
    row = await crowd.conversation_row(source)
    assert (row["status"], row["merged_into_id"]) == ("OPEN", "")
    third = await crowd.hear(MAIL, "c@x", in_reply_to=("p-b@x",))
    assert await crowd.place_of(third) == source


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("x", "b"), "CONVERSATION_NOT_FOUND"),
        (("a", "x"), "CUSTOMERS_DIFFER"),
        (("a", "c"), "CUSTOMERS_DIFFER"),
    ],
    ids=["no target", "no source", "another customer's"],
)
async def test_what_cannot_be_merged(crowd: Crowd, told: tuple[str, str], why: str) -> None:
    first, second = await two(crowd)
    others = await crowd.place_of(await crowd.hear(CHAT, 3))
    named = {"a": first, "b": second, "c": others, "x": "nowhere"}
    await merge(crowd, named[told[0]], named[told[1]])
    assert await reason(crowd, "m") == why


async def test_what_is_merged_is_not_merged_again(crowd: Crowd) -> None:
    first, second = await two(crowd)
    third = await crowd.place_of(await crowd.hear(MAIL, "c@x", subject="Third"))
    await merge(crowd, first, second, "one")
    await merge(crowd, third, second, "two")
    await merge(crowd, second, third, "three")
    assert [await reason(crowd, name) for name in ("two", "three")] == ["ALREADY_MERGED"] * 2
    await merge(crowd, first, second, "again")
    assert (await crowd.outcome("acme/again")).accepted


async def test_messages_are_split_off_into_a_new_conversation(crowd: Crowd) -> None:
    """The same person over two channels in one conversation, which is two matters after all."""
    first = await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, CHAT)
    second = await crowd.hear(CHAT, 2)
    origin = await crowd.place_of(first)
    assert await crowd.place_of(second) == origin
    home = await crowd.home_of(PHONE)
    await crowd.command_at(home, "s", "split", conversation_id=origin, message_ids=[second])
    part = await crowd.place_of(second)
    assert part != origin == await crowd.place_of(first)
    row = await crowd.conversation_row(part)
    assert (row["address"], row["channel"], row["status"]) == (CHAT.address, "CHAT", "OPEN")
    assert (row["split_from_id"], row["messages"]) == (origin, 1)
    kinds = [
        event.WhichOneof("kind")
        for event in crowd.events()
        if event.conversation.conversation_id == part
    ]
    assert kinds == ["opened", "conversation_split"]
    third = await crowd.hear(CHAT, 3)
    assert await crowd.place_of(third) == part


async def test_at_least_one_message_stays(crowd: Crowd) -> None:
    only = await crowd.hear(PHONE, 1)
    place = await crowd.place_of(only)
    await crowd.command_at(PHONE.home, "s", "split", conversation_id=place, message_ids=[only])
    assert await reason(crowd, "s") == "NOTHING_TO_SPLIT"


async def test_tags_are_added_and_removed(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1, tags=("old",)))
    await crowd.command_at(
        PHONE.home, "t", "tag", conversation_id=place, add=["new", "new"], remove=["old", "none"]
    )
    assert (await crowd.conversation_row(place))["tags"] == ["new"]
    [event] = [event for event in crowd.events() if event.HasField("tagged")]
    assert (list(event.tagged.added), list(event.tagged.removed)) == (["new"], ["old"])


async def test_we_may_write_first(crowd: Crowd) -> None:
    await crowd.command_at(
        PHONE.home,
        "s",
        "start_conversation",
        account_id="sms-berlin",
        channel=model_pb2.CHANNEL_SMS,
        address=PHONE.address,
        text="Your parcel is here",
    )
    [row] = await crowd.rows("conversation")
    assert row["status"] == "PENDING"
    assert [call.text for call in crowd.calls] == ["Your parcel is here"]
    assert crowd.events()[0].opened.outbound
    answer = await crowd.hear(PHONE, 1)
    assert await crowd.place_of(answer) == row["conversation_id"]


async def test_whoever_said_stop_is_not_written_to_until_start(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1))
    await crowd.hear(PHONE, 2, text=" Stop! ")
    await crowd.command_at(PHONE.home, "r", "reply", conversation_id=place, text="Hello")
    assert await reason(crowd, "r") == "OPTED_OUT"
    await crowd.hear(PHONE, 3, text="START")
    await crowd.command_at(PHONE.home, "q", "reply", conversation_id=place, text="Hello")
    assert len(crowd.calls) == 1


async def test_a_no_to_surveys_is_heeded(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1))
    consent = model_pb2.Consent(purpose="survey", granted=False, source="agent")
    await crowd.command_at(PHONE.home, "c", "set_consent", consent=consent)
    await crowd.command_at(
        PHONE.home, "", "send_message", conversation_id=place, text="How was it?", purpose=2
    )
    refused = [event for event in crowd.events() if event.HasField("command_rejected")]
    assert [event.command_rejected.reason for event in refused] == ["OPTED_OUT"]
    assert crowd.calls == []


async def test_an_erased_customer_leaves_a_tombstone(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1, from_name="Grete"))
    await crowd.command_at(PHONE.home, "e", "erase_customer", reason="customer_request")
    customer = await crowd.who(PHONE)
    assert customer.erased
    assert (customer.display_name, customer.identities[0].address) == ("", "")
    row = await crowd.conversation_row(place)
    assert (row["status"], row["address"]) == ("CLOSED", "")
    assert crowd.events()[-1].customer_updated.erased
    [erasure] = await crowd.rows("erasure")
    assert erasure["customer_id"] == customer.customer_id


async def test_whoever_writes_after_an_erasure_is_somebody_new(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1, from_name="Grete")
    await crowd.link(PHONE, CHAT)
    home = await crowd.home_of(PHONE)
    await crowd.command_at(home, "e", "erase_customer", reason="customer_request")
    for number, at in enumerate((PHONE, CHAT), start=2):
        await crowd.hear(at, number)
        customer = await crowd.who(at)
        assert (customer.erased, customer.home_id) == (False, at.home)
        assert [each.address for each in customer.identities] == [at.address]
    assert crowd.letters() == []
