"""Which conversation takes a message: the rules one by one, each case with where it comes from."""

from __future__ import annotations

import pytest

from services.intake.core.model import Automatic, Channel
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs
from tests.unit.intake.crowd import (
    CHAT,
    COLLEAGUE,
    MAIL,
    PHONE,
    At,
    Crowd,
    message,
)

HOUR_MS = 3_600_000
STRANGER = At(Channel.EMAIL, "otto@example.org")


@pytest.fixture
async def crowd() -> Crowd:
    crowd = Crowd()
    await crowd.start()
    return crowd


async def rule_of(crowd: Crowd, message_id: str) -> str:
    found = [row for row in await crowd.rows("message") if row["message_id"] == message_id]
    return str(found[0]["threading"]["rule"])


async def test_a_mail_that_answers_a_mail_joins_its_conversation(crowd: Crowd) -> None:
    first = await crowd.hear(MAIL, "a@x", subject="Parcel")
    second = await crowd.hear(MAIL, "b@x", subject="Something else", in_reply_to=("p-a@x",))
    assert await crowd.place_of(first) == await crowd.place_of(second)
    assert await rule_of(crowd, second) == "reference"


async def test_references_are_looked_at_where_in_reply_to_is_unknown(crowd: Crowd) -> None:
    """zammad#10028: a reply to a mail that was sent outside the desk joins by References."""
    first = await crowd.hear(MAIL, "a@x", subject="Parcel")
    second = await crowd.hear(MAIL, "c@x", in_reply_to=("sent-outside@x", "p-a@x"))
    assert await crowd.place_of(first) == await crowd.place_of(second)


async def test_an_answer_to_our_own_mail_is_known_by_our_id(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(MAIL, "a@x", subject="Parcel"))
    await crowd.command_at(MAIL.home, "r", "reply", conversation_id=place, text="Hello")
    sent = crowd.calls[0].message_id
    second = await crowd.hear(MAIL, "b@x", in_reply_to=(f"{sent}@desk.example.com",))
    assert await crowd.place_of(second) == place


async def test_a_new_mail_is_a_new_matter(crowd: Crowd) -> None:
    first = await crowd.hear(MAIL, "a@x", subject="Parcel")
    second = await crowd.hear(MAIL, "b@x", subject="Invoice")
    assert await crowd.place_of(first) != await crowd.place_of(second)
    assert await rule_of(crowd, second) == "new"


async def test_a_mail_that_answers_a_subject_joins_it(crowd: Crowd) -> None:
    first = await crowd.hear(MAIL, "a@x", subject="Parcel 4711")
    second = await crowd.hear(MAIL, "b@x", subject="AW: Re[2]: parcel  4711")
    assert await crowd.place_of(first) == await crowd.place_of(second)
    assert await rule_of(crowd, second) == "subject"


async def test_a_forward_begins_anew(crowd: Crowd) -> None:
    """zammad#4965, #5287: "Fwd:" with the subject of an old ticket is no answer to it."""
    first = await crowd.hear(MAIL, "a@x", subject="Parcel 4711")
    second = await crowd.hear(MAIL, "b@x", subject="Fwd: Parcel 4711")
    assert await crowd.place_of(first) != await crowd.place_of(second)


async def test_somebody_else_who_names_a_conversation_does_not_enter_it(crowd: Crowd) -> None:
    """zammad#5064: customer B quotes A's ticket number."""
    first = await crowd.place_of(await crowd.hear(MAIL, "a@x", subject="Parcel"))
    second = await crowd.hear(STRANGER, "b@x", subject="Parcel", conversation_hint=first)
    assert await crowd.place_of(second) != first
    assert await rule_of(crowd, second) == "new"


async def test_strangers_who_answer_one_newsletter_stay_apart(crowd: Crowd) -> None:
    """chatwoot#13502: replies of different senders that share one In-Reply-To."""
    newsletter = ("newsletter-2026@example.com",)
    first = await crowd.hear(MAIL, "a@x", subject="Re: News", in_reply_to=newsletter)
    second = await crowd.hear(STRANGER, "b@x", subject="Re: News", in_reply_to=newsletter)
    third = await crowd.hear(COLLEAGUE, "c@x", subject="Re: News", in_reply_to=("p-a@x",))
    places = [await crowd.place_of(each) for each in (first, second, third)]
    assert len(set(places)) == 3


async def test_mails_that_answer_the_same_one_belong_together(crowd: Crowd) -> None:
    """zammad#5716: a colleague and the customer answer a mail that was never sent to us."""
    root = ("root@elsewhere",)
    first = await crowd.hear(
        COLLEAGUE, "a@x", subject="Re: Offer", in_reply_to=root, participants=(MAIL.address,)
    )
    second = await crowd.hear(MAIL, "b@x", subject="Re: Offer", in_reply_to=root)
    deeper = ("p-unknown@x", "root@elsewhere")
    third = await crowd.hear(COLLEAGUE, "c@x", subject="Other words", in_reply_to=deeper)
    places = {await crowd.place_of(each) for each in (first, second, third)}
    assert len(places) == 1


async def test_of_several_matters_with_one_root_the_latest_goes_on(crowd: Crowd) -> None:
    root = ("newsletter@elsewhere",)
    await crowd.hear(MAIL, "a@x", subject="Re: News", in_reply_to=root)
    other = await crowd.hear(STRANGER, "b@x", subject="Re: News", in_reply_to=root)
    again = await crowd.hear(STRANGER, "c@x", subject="Re: News", in_reply_to=root)
    assert await crowd.place_of(again) == await crowd.place_of(other)


async def test_what_no_person_wrote_leads_nobody_anywhere(crowd: Crowd) -> None:
    root = ("newsletter@elsewhere",)
    why = Automatic.AUTO_REPLY
    first = await crowd.hear(MAIL, "a@x", subject="Away", in_reply_to=root, automatic=why)
    second = await crowd.hear(MAIL, "b@x", subject="Question", in_reply_to=root)
    assert await crowd.place_of(first) != await crowd.place_of(second)


async def test_a_mail_and_its_answer_may_come_together(crowd: Crowd) -> None:
    """As from a mailbox that nobody has looked into for a while."""
    said = [
        message(MAIL, "a@x", crowd.now_ms, subject="Parcel"),
        message(MAIL, "b@x", crowd.now_ms, subject="Invoice"),
        message(MAIL, "c@x", crowd.now_ms, subject="Thanks", in_reply_to=("p-a@x",)),
    ]
    for each in said:
        crowd.threads.send(inputs.received(each), topic=INPUTS, key=MAIL.home)
    await crowd.settle()
    first, second, third = [await crowd.place_of(each.message_id) for each in said]
    assert first == third != second


async def test_somebody_in_copy_takes_part(crowd: Crowd) -> None:
    first = await crowd.hear(MAIL, "a@x", subject="Parcel", participants=(COLLEAGUE.address,))
    second = await crowd.hear(COLLEAGUE, "b@x", subject="Re: Parcel", in_reply_to=("p-a@x",))
    place = await crowd.place_of(first)
    assert await crowd.place_of(second) == place
    row = await crowd.conversation_row(place)
    assert row["address"] == MAIL.address, "answers still go to the customer"
    [said] = [row for row in await crowd.rows("message") if row["message_id"] == second]
    assert said["author"] == f"customer/{COLLEAGUE.home}"
    assert (await crowd.who(COLLEAGUE)).customer_id == COLLEAGUE.home
    assert crowd.letters() == []


async def test_answers_to_what_was_merged_follow_it(crowd: Crowd) -> None:
    """zammad#377, #983: a reply to a merged ticket is lost."""
    source = await crowd.place_of(await crowd.hear(MAIL, "a@x", subject="Parcel"))
    target = await crowd.place_of(await crowd.hear(MAIL, "b@x", subject="Invoice"))
    await crowd.command_at(
        MAIL.home, "m", "merge", conversation_id=target, source_conversation_id=source
    )
    third = await crowd.hear(MAIL, "c@x", subject="Re: Parcel", in_reply_to=("p-a@x",))
    assert await crowd.place_of(third) == target


async def test_one_person_goes_on_with_a_matter_on_another_channel(crowd: Crowd) -> None:
    first = await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, CHAT)
    crowd.now_ms += HOUR_MS
    second = await crowd.hear(CHAT, 2)
    assert await crowd.place_of(first) == await crowd.place_of(second)
    assert await rule_of(crowd, second) == "person"


async def test_after_a_while_another_channel_is_another_matter(crowd: Crowd) -> None:
    first = await crowd.hear(PHONE, 1)
    await crowd.link(PHONE, CHAT)
    crowd.now_ms += 25 * HOUR_MS
    second = await crowd.hear(CHAT, 2)
    assert await crowd.place_of(first) != await crowd.place_of(second)


async def test_an_account_may_have_one_conversation_for_each_person(crowd: Crowd) -> None:
    """chatwoot: lock_to_single_conversation."""
    first = await crowd.hear(MAIL, "a@x", subject="Parcel")
    second = await crowd.hear(MAIL, "b@x", subject="Invoice", single_conversation=True)
    assert await crowd.place_of(first) == await crowd.place_of(second)
    assert await rule_of(crowd, second) == "single"


@pytest.mark.parametrize("why", [Automatic.AUTO_REPLY, Automatic.BOUNCE, Automatic.BULK])
async def test_what_nobody_wrote_opens_no_work(crowd: Crowd, why: Automatic) -> None:
    alone = await crowd.hear(MAIL, "a@x", subject="Out of office", automatic=why)
    row = await crowd.conversation_row(await crowd.place_of(alone))
    assert (row["status"], row["live"]) == ("CLOSED", False)
    assert crowd.kinds() == ["opened", "message_added"]


async def test_an_out_of_office_note_joins_what_it_answers_and_moves_nothing(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(MAIL, "a@x", subject="Parcel"))
    await crowd.command_at(MAIL.home, "r", "reply", conversation_id=place, text="Hello", status=2)
    note = await crowd.hear(MAIL, "b@x", in_reply_to=("p-a@x",), automatic=Automatic.AUTO_REPLY)
    assert await crowd.place_of(note) == place
    assert (await crowd.conversation_row(place))["status"] == "PENDING"


async def test_every_decision_says_what_it_looked_at(crowd: Crowd) -> None:
    await crowd.hear(MAIL, "a@x", subject="Parcel")
    second = await crowd.hear(STRANGER, "b@x", subject="Re: Parcel", in_reply_to=("p-a@x",))
    [row] = [row for row in await crowd.rows("message") if row["message_id"] == second]
    steps = [(step["rule"], step["matched"]) for step in row["threading"]["steps"]]
    assert steps == [("REFERENCE", False), ("NEW", True)]
    assert row["threading"]["confidence"] == 0.9
