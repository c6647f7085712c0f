"""Several addresses become one customer and part again, over the homes of a sharded threader."""

from __future__ import annotations

import pytest
from switchboard.intake.v1 import commands_pb2

from services.intake.core.model import Channel
from services.intake.shell.wire import inputs, linking
from tests.unit.intake.crowd import (
    CHAT,
    CRM,
    MAIL,
    OTHER_CRM,
    PHONE,
    WHATSAPP,
    At,
    Crowd,
    low_and_high,
    message,
)


@pytest.fixture
async def crowd() -> Crowd:
    crowd = Crowd()
    await crowd.start()
    return crowd


async def test_a_linked_address_is_the_same_customer(crowd: Crowd) -> None:
    first = await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, MAIL)
    customer = await crowd.who(MAIL)
    assert {(each.channel, each.address) for each in customer.identities} == {
        (Channel.SMS, PHONE.address),
        (Channel.EMAIL, MAIL.address),
    }
    assert customer == await crowd.who(PHONE)
    second = await crowd.hear(MAIL, 2, subject="My parcel")
    assert await crowd.place_of(first) == await crowd.place_of(second)
    assert crowd.letters() == []


@pytest.mark.parametrize("asked", [0, 1], ids=["by the one that keeps", "by the one that yields"])
async def test_whoever_asks_the_higher_home_yields(crowd: Crowd, asked: int) -> None:
    pair = low_and_high(PHONE, MAIL)
    low, high = pair
    await crowd.hear(PHONE, 1)
    await crowd.hear(MAIL, 2)
    await crowd.link(pair[asked], pair[1 - asked])
    assert await crowd.home_of(high) == low.home
    customer = await crowd.who(high)
    conversations = await crowd.rows("conversation")
    assert {row["home_id"] for row in conversations} == {low.home}
    assert {row["customer_id"] for row in conversations} == {customer.customer_id}


async def test_links_that_cross_end_in_one_customer(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.hear(MAIL, 2)
    await crowd.link(PHONE, MAIL, "a")
    await crowd.link(MAIL, PHONE, "b")
    await crowd.link(MAIL, CHAT, "c")
    await crowd.link(CHAT, PHONE, "d")
    customers = [row for row in await crowd.rows("customer") if not row["yields_to"]]
    assert len(customers) == 1
    assert len(customers[0]["identities"]) == 3
    assert crowd.letters() == []


async def test_the_older_id_stays_and_readers_hear_of_it(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    older = await crowd.who(PHONE)
    crowd.now_ms += 1000
    await crowd.hear(MAIL, 2)
    younger = await crowd.who(MAIL)
    await crowd.link(MAIL, PHONE)
    assert (await crowd.who(MAIL)).customer_id == older.customer_id
    told = [event for event in crowd.events() if event.HasField("customer_updated")]
    moved = {event.customer_updated.previous_customer_id for event in told}
    assert moved == {younger.customer_id, ""}
    assert all(event.conversation.customer_id == older.customer_id for event in told)


async def test_the_identified_one_s_id_stays(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    crowd.now_ms += 1000
    await crowd.hear(CRM, 2)
    await crowd.link(CRM, CRM, "is-its-own", verified=True)
    identified = await crowd.who(CRM)
    await crowd.link(PHONE, CRM, verified=True)
    assert (await crowd.who(PHONE)).customer_id == identified.customer_id


async def test_two_who_are_known_by_different_ids_are_never_made_one(crowd: Crowd) -> None:
    """chatwoot#4728: identified users with different ids must not merge."""
    await crowd.hear(PHONE, 1)
    await crowd.hear(MAIL, 2)
    await crowd.link(PHONE, CRM, "a", verified=True)
    await crowd.link(MAIL, OTHER_CRM, "b", verified=True)
    await crowd.link(PHONE, MAIL, "c")
    assert (await crowd.who(PHONE)).customer_id != (await crowd.who(MAIL)).customer_id
    assert (await crowd.who(PHONE)).external_id == CRM.address
    assert (await crowd.who(MAIL)).external_id == OTHER_CRM.address


async def test_an_unlinked_address_is_a_customer_of_its_own(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, MAIL)
    linked = await crowd.who(PHONE)
    low, high = low_and_high(PHONE, MAIL)
    await crowd.unlink(high)
    fresh = await crowd.who(high)
    assert fresh.customer_id not in {low.home, high.home, linked.customer_id}
    assert [each.address for each in fresh.identities] == [high.address]
    assert (await crowd.who(low)).customer_id == linked.customer_id
    one, other = await crowd.hear(PHONE, 7), await crowd.hear(MAIL, 8)
    assert await crowd.place_of(one) != await crowd.place_of(other)
    assert crowd.letters() == []


async def test_the_home_s_own_address_is_unlinked_by_moving_the_customer(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, MAIL)
    linked = await crowd.who(PHONE)
    low, high = low_and_high(PHONE, MAIL)
    await crowd.unlink(low)
    assert (await crowd.who(high)).customer_id == linked.customer_id
    assert (await crowd.who(low)).customer_id != linked.customer_id
    assert await crowd.home_of(high) == high.home
    assert crowd.letters() == []


async def test_a_conversation_goes_with_its_address(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    first = await crowd.hear(low, 1)
    await crowd.link(low, high)
    crowd.now_ms += 48 * 3_600_000  # so that it is another matter
    second = await crowd.hear(high, 2)
    assert await crowd.place_of(first) != await crowd.place_of(second)
    await crowd.unlink(high)
    taken = await crowd.conversation_row(await crowd.place_of(second))
    kept = await crowd.conversation_row(await crowd.place_of(first))
    assert taken["customer_id"] == (await crowd.who(high)).customer_id
    assert kept["customer_id"] == (await crowd.who(low)).customer_id
    third = await crowd.hear(high, 3)
    assert await crowd.place_of(third) == taken["conversation_id"]


async def test_a_link_and_its_end_are_on_record(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, MAIL)
    await crowd.unlink(low_and_high(PHONE, MAIL)[1])
    notes = await crowd.rows("identity_link")
    assert [note["linked"] for note in notes] == [True, False]
    assert {note["rule"] for note in notes} == {"api"}


async def test_an_unlinked_address_can_be_linked_again(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, MAIL, "a")
    await crowd.unlink(low_and_high(PHONE, MAIL)[1], "b")
    await crowd.link(PHONE, MAIL, "c")
    assert await crowd.who(PHONE) == await crowd.who(MAIL)


async def test_three_homes_in_a_row_and_the_middle_one_leaves(crowd: Crowd) -> None:
    low, middle, high = sorted((PHONE, MAIL, CHAT), key=lambda each: each.home)
    await crowd.hear(high, 1)
    await crowd.link(high, middle, "a")
    await crowd.link(middle, low, "b")
    yields = {row["home_id"]: row["yields_to"] for row in await crowd.rows("customer")}
    assert yields == {low.home: "", middle.home: low.home, high.home: low.home}
    await crowd.unlink(middle, "c")
    one, other = await crowd.hear(high, 2), await crowd.hear(middle, 3)
    assert (await crowd.who(high)).customer_id == (await crowd.who(low)).customer_id
    assert await crowd.place_of(one) != await crowd.place_of(other)


async def test_a_reply_finds_a_conversation_that_has_moved(crowd: Crowd) -> None:
    """The API read the home before the link, the command comes after it."""
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.link(low, high)
    await crowd.command_at(high.home, "late", "reply", conversation_id=place, text="Hello")
    outcome = await crowd.outcome("acme/late")
    assert outcome.accepted
    assert [call.recipient for call in crowd.calls] == [high.address]


async def test_a_reply_finds_a_conversation_that_has_left_with_its_address(crowd: Crowd) -> None:
    """The API read the home before the address was unlinked, the command comes after it."""
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    await crowd.link(low, high)
    crowd.now_ms += 48 * 3_600_000  # so that it is another matter
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.unlink(high)
    await crowd.command_at(low.home, "late", "reply", conversation_id=place, text="Hello")
    assert (await crowd.outcome("acme/late")).accepted
    assert [call.recipient for call in crowd.calls] == [high.address]
    assert crowd.letters() == []


async def test_a_repeated_command_is_done_once_wherever_it_comes(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.command_at(high.home, "once", "reply", conversation_id=place, text="Hello")
    await crowd.link(low, high)
    await crowd.command_at(high.home, "once", "reply", conversation_id=place, text="Hello")
    await crowd.command_at(low.home, "once", "reply", conversation_id=place, text="Hello")
    assert len([row for row in await crowd.rows("message") if row["kind"] == "REPLY"]) == 1


async def test_receipts_find_their_message_after_a_link(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.command_at(high.home, "r", "reply", conversation_id=place, text="Hello")
    await crowd.link(low, high)
    await crowd.accept(crowd.calls[0], "SM-late")
    [row] = await crowd.rows("message_delivery")
    assert row["progress"] == "SENT"
    assert crowd.letters() == []


async def test_one_number_on_two_channels_is_one_person(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.hear(WHATSAPP, 2)
    assert await crowd.who(PHONE) == await crowd.who(WHATSAPP)
    assert {row["rule"] for row in await crowd.rows("identity_link")} == {"same_number"}


async def test_another_number_is_nobody_s(crowd: Crowd) -> None:
    await crowd.hear(PHONE, 1)
    await crowd.hear(At(Channel.WHATSAPP, "+4930901821"), 2)
    assert await crowd.rows("identity_link") == []


async def test_a_link_that_has_become_wrong_on_its_way_is_taken_back(crowd: Crowd) -> None:
    """The lower home was asked while nobody had called its customer by an id; now somebody has."""
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.link(low, CRM, "a", verified=True)
    await crowd.link(high, OTHER_CRM, "b", verified=True)
    before = await crowd.who(high)
    await crowd.command_at(
        await crowd.home_of(high),
        "stale",
        "yield_customer",
        to_home_id=await crowd.home_of(low),
        identity=low.identity(),
        reason=commands_pb2.LinkReason(rule="api", confidence=1, actor="agent/ada"),
    )
    after = await crowd.who(high)
    assert (after.customer_id, after.external_id) == (before.customer_id, OTHER_CRM.address)
    assert (await crowd.who(low)).external_id == CRM.address
    assert (await crowd.conversation_row(place))["customer_id"] == after.customer_id
    third = await crowd.hear(high, 3)
    assert await crowd.place_of(third) == place
    assert crowd.letters() == []


async def test_what_was_forwarded_to_a_home_that_knows_nothing_of_it_comes_back(
    crowd: Crowd,
) -> None:
    """The link was taken back while the message was on its way."""
    await crowd.hear(PHONE, 1)
    await crowd.hear(CHAT, 2)
    said = inputs.received(message(CHAT, 3, crowd.now_ms))
    forward = linking.forwarded(said, to_home_id=PHONE.home, from_home_id=CHAT.home)
    await crowd.put(forward, key=PHONE.home)
    place = await crowd.place_of(message(CHAT, 3, 0).message_id)
    customer_id = (await crowd.conversation_row(place))["customer_id"]
    assert customer_id == (await crowd.who(CHAT)).customer_id


async def test_what_was_forwarded_to_an_erased_customer_is_somebody_new_s(crowd: Crowd) -> None:
    """The home was set free while the message was on its way."""
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    await crowd.hear(high, 2)
    await crowd.link(low, high)
    await crowd.command_at(low.home, "e", "erase_customer", reason="customer_request")
    said = inputs.received(message(high, 3, crowd.now_ms))
    forward = linking.forwarded(said, to_home_id=low.home, from_home_id=high.home)
    await crowd.put(forward, key=low.home)
    again = await crowd.hear(high, 4)
    assert await crowd.place_of(again) == await crowd.place_of(said.inbound_message.message_id)
    assert (await crowd.who(low)).erased
    customer = await crowd.who(high)
    assert (customer.erased, customer.home_id) == (False, high.home)
    assert crowd.letters() == []


async def test_what_goes_round_is_set_aside(crowd: Crowd) -> None:
    said = inputs.received(message(CHAT, 3, crowd.now_ms))
    forward = linking.forwarded(said, to_home_id=PHONE.home, from_home_id=CHAT.home)
    forward.forward.hops = linking.HOPS_MAX
    await crowd.put(forward, key=PHONE.home)
    [error] = crowd.letters()
    assert error.startswith("ValueError")
