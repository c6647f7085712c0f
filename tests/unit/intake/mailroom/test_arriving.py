"""What a mail is to an account: who wrote, who else got it, what it continues, who answers it."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.core.identity import conversation_token, inbound_message_id
from services.intake.core.model import Automatic, Channel
from services.intake.shell.channels.arrivals import TEXT_CHARACTERS_MAX
from services.intake.shell.channels.protocol import MailParts, Unread
from services.intake.shell.mailroom.arriving import PARTICIPANTS_MAX, QUOTED_CHARACTERS_MAX
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.mailboxes import (
    ACCOUNT,
    GRETE,
    HOME,
    MESSAGE_ID,
    OURS,
    envelope,
    mailbox,
    raw_mail,
)
from tests.unit.intake.mailroom.reading import Room

CONVERSATION = "0195b0f0-1111-7000-8000-00000000000a"
OTHER = "0195b0f0-2222-7000-8000-00000000000b"
TOKEN, OTHER_TOKEN = conversation_token(CONVERSATION), conversation_token(OTHER)
ALIASED = mailbox(settings={"aliases": "service@desk.example  Info@Old.Example"})


async def message_of(raw: bytes, account: Any = None, told: Any = None) -> Any:
    return (await Room(account).arrived(raw, told)).message


async def test_a_mail_is_a_message_of_its_sender() -> None:
    said = await message_of(raw_mail())
    assert (said.tenant_id, said.home_id, said.account_id) == (TENANT, HOME, ACCOUNT)
    assert (said.channel, said.from_address, said.to_address) == (Channel.EMAIL, GRETE, OURS)
    assert (said.from_name, said.subject) == ("Grete Muster", "Parcel")
    assert said.text == "Where is my parcel?"
    assert said.provider_message_id == MESSAGE_ID
    assert said.message_id == inbound_message_id(ACCOUNT, MESSAGE_ID)
    assert (said.language, said.pool_hint, said.tags) == ("de", "berlin", ("mail",))
    assert (said.participants, said.automatic, said.conversation_hint) == ((), None, "")


async def test_it_was_written_when_it_came_whatever_its_date() -> None:
    """RFC 5322 gives the date to the sender; clocks of an SLA are not theirs to set."""
    for date in ("Sun, 01 Jan 1995 00:00:00 +0000", "Fri, 01 Jan 2100 00:00:00 +0000", "soon", ""):
        said = await message_of(raw_mail(Date=date))
        assert (said.occurred_at_ms, said.received_at_ms) == (NOON_MS, NOON_MS)


async def test_what_is_quoted_is_kept_apart_from_what_is_new() -> None:
    text = "Still nothing.\r\n\r\nOn Mon, 2 Jun 2025, Help wrote:\r\n> It is on its way.\r\n"
    said = await message_of(raw_mail(text=text))
    assert said.text == "Still nothing."
    assert "It is on its way." in said.quoted_text


async def test_texts_without_end_are_cut_and_kept_whole_as_they_came() -> None:
    room = Room()
    text = "a " * TEXT_CHARACTERS_MAX + "\r\n> " + "b " * TEXT_CHARACTERS_MAX
    raw = raw_mail(text=text)
    said = (await room.arrived(raw)).message
    assert len(said.text) == TEXT_CHARACTERS_MAX
    assert len(said.quoted_text) <= QUOTED_CHARACTERS_MAX
    assert room.kept(said.original_reference) == raw


async def test_a_mail_without_an_id_is_named_by_its_carrier_or_its_content() -> None:
    raw = raw_mail(Message_ID="")
    by_carrier = await message_of(raw, told=envelope(carrier_id="22c74902"))
    assert by_carrier.provider_message_id == "22c74902"
    first, again = await message_of(raw), await message_of(raw)
    other = await message_of(raw_mail(Message_ID="", text="And my other parcel?"))
    assert first.message_id == again.message_id != other.message_id
    assert len(first.provider_message_id) == 64


async def test_parts_without_an_id_are_named_by_their_content() -> None:
    def parts(text: str) -> MailParts:
        return MailParts((("From", GRETE),), text, "<p>x</p>", (), envelope())

    room = Room()
    first, again = await room.arrived(parts("a")), await room.arrived(parts("a"))
    assert first == again
    assert (await room.arrived(parts("b"))).message.message_id != first.message.message_id


async def test_one_mail_to_two_accounts_is_two_messages() -> None:
    """RFC 5322 names the mail, not the delivery: id and recipient together name the message."""
    here, there = (
        await message_of(raw_mail()),
        await message_of(raw_mail(), mailbox(account_id="b")),
    )
    assert here.provider_message_id == there.provider_message_id
    assert here.message_id != there.message_id


@pytest.mark.parametrize(
    ("named", "participants"),
    [
        ({"To": f"{OURS}, Otto <Otto@Example.org>, {GRETE}"}, ("otto@example.org",)),
        ({"Cc": f"b@x.example, B@X.example, {OURS}"}, ("b@x.example",)),
        ({"Reply_To": "office@example.org"}, ("office@example.org",)),
        ({"To": f"help+{TOKEN}@desk.example, help+sales@DESK.example"}, ()),
        ({"To": "service@desk.example", "Cc": "info@old.example, info+x@old.example"}, ()),
        ({"To": "undisclosed-recipients:;", "Cc": "not an address"}, ()),
        (
            {"To": "helpx@desk.example, help@desk.example.org"},
            ("helpx@desk.example", "help@desk.example.org"),
        ),
    ],
)
async def test_whoever_else_got_it_takes_part(named: Any, participants: Any) -> None:
    assert (await message_of(raw_mail(**named), ALIASED)).participants == participants


async def test_a_crowd_is_cut() -> None:
    crowd = ", ".join(f"p{number}@example.org" for number in range(PARTICIPANTS_MAX + 9))
    assert len((await message_of(raw_mail(Cc=crowd))).participants) == PARTICIPANTS_MAX


@pytest.mark.parametrize(
    ("named", "told", "found"),
    [
        ({"To": f"help+{TOKEN}@desk.example"}, (), CONVERSATION),
        ({"To": f"HELP+{TOKEN.upper()}@desk.example"}, (), CONVERSATION),
        ({"Cc": f"x@example.org, info+{TOKEN}@old.example"}, (), CONVERSATION),
        ({"Delivered_To": f"help+{TOKEN}@desk.example"}, (), CONVERSATION),
        ({}, (f"451d9b70+{TOKEN}@inbound.provider.example",), CONVERSATION),
        ({"Subject": f"Re: Parcel [#{TOKEN}]"}, (), CONVERSATION),
        ({"Subject": f"Re: [#{TOKEN.upper()}] Parcel"}, (), CONVERSATION),
        ({"To": f"help+{TOKEN}@desk.example", "Subject": f"[#{OTHER_TOKEN}]"}, (), CONVERSATION),
        ({"To": f"x+{TOKEN}@example.org"}, (), ""),  # somebody else's mailbox
        ({"To": "help+sales@desk.example"}, (), ""),
        ({"To": "help+@desk.example"}, ("help@desk.example", "nothing"), ""),
        ({"Subject": f"Re: Parcel {TOKEN} [#17]"}, (), ""),
    ],
)
async def test_a_mail_names_its_conversation(named: Any, told: Any, found: str) -> None:
    """Zendesk's `support+id@`, Freshdesk's `[#id]`, Chatwoot's `reply+<uuid>@`."""
    said = await message_of(raw_mail(**named), ALIASED, envelope(*told))
    assert said.conversation_hint == found


async def test_a_carrier_may_have_taken_the_tag_out() -> None:
    said = await message_of(raw_mail(), told=envelope(tags=("x", TOKEN)))
    assert said.conversation_hint == CONVERSATION


async def test_earlier_messages_are_named_nearest_first() -> None:
    raw = raw_mail(In_Reply_To="<c@x>", References="<a@x> <b@x> <c@x>")
    assert (await message_of(raw)).in_reply_to == ("c@x", "b@x", "a@x")


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        (["Auto-Submitted: auto-replied"], Automatic.AUTO_REPLY),
        (["Auto-Submitted: auto-generated"], Automatic.AUTO_REPLY),
        (["X-Auto-Response-Suppress: All"], Automatic.AUTO_REPLY),
        (["Precedence: bulk"], Automatic.BULK),
        (["Precedence: list"], Automatic.BULK),
        (["Precedence: junk"], Automatic.BULK),
        (["List-Id: <news.example.org>"], Automatic.BULK),
        (["X-Loop: yes"], Automatic.LOOP),
        (["Return-Path: <>"], Automatic.BOUNCE),
        ([], None),
    ],
)
async def test_what_no_person_wrote_is_answered_by_nobody(fields: Any, automatic: Any) -> None:
    """Zammad's filter of automatic mail; RFC 3834."""
    assert (await message_of(raw_mail(*fields))).automatic is automatic


async def test_people_write_through_a_list_of_our_own() -> None:
    """A group of Google's or Microsoft's that is the desk's address marks all mail as a list's."""
    listed = mailbox(settings={"list_id": "<Help.desk.example>"})
    fields = ["List-Id: Help <help.desk.example>", "Precedence: list"]
    assert (await message_of(raw_mail(*fields), listed)).automatic is None
    assert (await message_of(raw_mail(*fields))).automatic is Automatic.BULK
    away = [*fields, "Auto-Submitted: auto-replied"]
    assert (await message_of(raw_mail(*away), listed)).automatic is Automatic.AUTO_REPLY


async def test_what_comes_from_ourselves_is_a_loop() -> None:
    for own in (OURS, OURS.upper(), "help+x@desk.example"):
        said = await message_of(raw_mail(From=own))
        assert said.automatic is Automatic.LOOP


async def test_a_form_writes_in_our_name_for_its_visitor() -> None:
    """As contact forms do that must not forge the visitor's address (DMARC)."""
    said = await message_of(raw_mail(From=f"Form <{OURS}>", Reply_To=GRETE))
    assert (said.from_address, said.home_id, said.from_name) == (GRETE, HOME, "")
    assert (said.automatic, said.participants) == (None, ())


async def test_our_own_mail_that_has_come_back_is_dropped() -> None:
    for domain in ("desk.example", "DESK.example", "old.example"):
        raw = raw_mail(f"X-Switchboard-Message: 0195@{domain}", From="list@example.org")
        assert await Room(ALIASED).opened(raw) == [Unread("loop")]


async def test_another_desks_people_write_to_us_like_anybody() -> None:
    raw = raw_mail("X-Switchboard-Message: 0195@other.example")
    assert (await message_of(raw)).automatic is None
    assert (await message_of(raw_mail("X-Switchboard-Message: 0195"))).automatic is None
