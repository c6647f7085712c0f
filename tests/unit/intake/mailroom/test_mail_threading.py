"""Whole mails, from their bytes to their conversation: what help desks get wrong, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.intake.core.identity import conversation_token
from services.intake.core.model import Channel
from services.intake.shell.mailroom.letters import own_id
from services.intake.shell.wire import inputs
from tests.unit.intake.crowd import At, Crowd
from tests.unit.intake.given import TENANT
from tests.unit.intake.mailboxes import GRETE, OURS, raw_mail
from tests.unit.intake.mailroom.reading import Room

OTTO = "otto@example.org"
TICKET = "help+{token}@desk.example"


@dataclass
class Written:
    """A mail of somebody's. In its fields, `{token}` names the first mail's conversation, and
    `{ours}` the reply that we have sent in it.
    """

    sender: str = GRETE
    fields: dict[str, str] = field(default_factory=dict)
    text: str = "Where is my parcel?"


def by(sender: str = GRETE, text: str = "Where is my parcel?", **fields: str) -> Written:
    return Written(sender, fields, text)


class Desk(Crowd):
    """A desk that gets mails as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()
        self.names: dict[str, str] = {}
        self.count = 0

    async def get(self, written: Written) -> str:
        """A mail comes in; gives its conversation."""
        self.count += 1
        fields = {name: value.format(**self.names) for name, value in written.fields.items()}
        named = {"Message_ID": f"<m{self.count}@example.org>", "From": written.sender} | fields
        message = (await self.room.arrived(raw_mail(text=written.text, **named))).message
        said = inputs.received(message)
        said.received_at_ms = said.occurred_at_ms = self.now_ms
        await self.put(said, key=message.home_id)
        return await self.place_of(message.message_id)

    async def answer(self, place: str) -> None:
        """We reply."""
        home = At(Channel.EMAIL, GRETE).home
        await self.command_at(home, "r", "reply", conversation_id=place, text="On its way")
        self.names = {
            "token": conversation_token(place),
            "ours": own_id(self.calls[0].message_id, OURS),
        }


FIRST = by(Subject="Parcel")
CASES: dict[str, tuple[list[Written], str]] = {
    "RFC 5322, 3.6.4: In-Reply-To names what is answered": (
        [FIRST, by(Subject="Other words", In_Reply_To="<m1@example.org>")],
        "aa",
    ),
    "RFC 5322, 3.6.4: our own Message-ID": (
        [FIRST, by(Subject="Re: Parcel", In_Reply_To="<{ours}>")],
        "aa",
    ),
    "zammad#10028: a reply to a mail that went past the desk has it in References only": (
        [FIRST, by(In_Reply_To="<outside@x>", References="<{ours}> <outside@x>")],
        "aa",
    ),
    "LiveAgent: carriers that change our Message-ID leave References": (
        [FIRST, by(In_Reply_To="<ses@amazonses.example>", References="<{ours}>")],
        "aa",
    ),
    "Zendesk: support+id@": ([FIRST, by(To=TICKET, Subject="Invoice")], "aa"),
    "Freshdesk: [#id] in the subject": ([FIRST, by(Subject="About [#{token}]")], "aa"),
    "zammad#5064: somebody else quotes the number": (
        [FIRST, by(OTTO, Subject="My parcel [#{token}]"), by(OTTO, To=TICKET, Subject="Mine")],
        "abc",
    ),
    "zammad#5064: somebody else answers a mail that was passed on to them": (
        [FIRST, by(OTTO, Subject="Re: Parcel", In_Reply_To="<{ours}>")],
        "ab",
    ),
    "chatwoot#13502: replies of several people to one newsletter": (
        [
            by(Subject="Re: News", In_Reply_To="<news@desk.example>"),
            by(OTTO, Subject="Re: News", In_Reply_To="<news@desk.example>"),
            by(Subject="Re: News", In_Reply_To="<news@desk.example>"),
        ],
        "aba",
    ),
    "zammad#4965: a forward is a new matter": ([FIRST, by(Subject="FW: Parcel")], "ab"),
    "zammad#5287: and so is Fwd:": ([FIRST, by(Subject="Fwd: Parcel")], "ab"),
    "zammad#5716: the mail that both answer was never sent to us": (
        [
            by(OTTO, Subject="Re: Offer", Cc=GRETE, In_Reply_To="<offer@x>"),
            by(Subject="Re: Offer", In_Reply_To="<offer@x>"),
            by(OTTO, Subject="Re: Offer", In_Reply_To="<m9@x>", References="<offer@x> <m9@x>"),
        ],
        "aaa",
    ),
    "RFC 5256, 2.1: an answer whose mail program keeps no references": (
        [FIRST, by(Subject="AW: Re[2]: parcel")],
        "aa",
    ),
    "another matter with another subject": ([FIRST, by(Subject="Invoice")], "ab"),
    "the same words again, and no answer": ([FIRST, by(Subject="Parcel")], "ab"),
    "somebody in copy answers": (
        [by(Subject="Parcel", Cc=OTTO), by(OTTO, Subject="Re: Parcel", In_Reply_To="<{ours}>")],
        "aa",
    ),
    "RFC 3834: an absence note joins what it answers": (
        [FIRST, by(Subject="Away", In_Reply_To="<{ours}>", Auto_Submitted="auto-replied")],
        "aa",
    ),
    "Gmail: the whole thread in References": (
        [FIRST, by(Subject="x", In_Reply_To="<q@x>", References="<m1@example.org> <{ours}> <q@x>")],
        "aa",
    ),
}


@pytest.mark.parametrize(("mails", "groups"), CASES.values(), ids=CASES)
async def test_which_mails_belong_together(mails: list[Written], groups: str) -> None:
    desk = Desk()
    await desk.start()
    places = [await desk.get(mails[0])]
    if mails[0].sender == GRETE:
        await desk.answer(places[0])
    for written in mails[1:]:
        desk.now_ms += 60_000
        places.append(await desk.get(written))
    letters = dict(zip(dict.fromkeys(places), "abc", strict=False))
    assert "".join(letters[place] for place in places) == groups


@pytest.mark.parametrize("how", [{"In_Reply_To": "<{ours}>"}, {"To": TICKET}])
async def test_answers_to_what_was_merged_follow_it(how: Any) -> None:
    """zammad#377, #983."""
    desk = Desk()
    await desk.start()
    source = await desk.get(FIRST)
    await desk.answer(source)
    target = await desk.get(by(Subject="Invoice"))
    home = At(Channel.EMAIL, GRETE).home
    await desk.command_at(home, "m", "merge", conversation_id=target, source_conversation_id=source)
    assert await desk.get(by(Subject="Re: Parcel", **how)) == target


@pytest.mark.parametrize(
    ("fields", "moved"),
    [
        ({}, True),
        ({"Auto_Submitted": "auto-replied"}, False),
        ({"Precedence": "bulk"}, False),
        ({"X_Auto_Response_Suppress": "All"}, False),
        ({"From": OURS}, False),
    ],
)
async def test_only_people_make_us_work(fields: Any, moved: bool) -> None:
    """Zammad's filter of automatic mail: no answer to it, no clock for it."""
    desk = Desk()
    await desk.start()
    place = await desk.get(by(Subject="Parcel", **fields))
    row = await desk.conversation_row(place)
    assert (row["status"] == "OPEN", row["tenant_id"]) == (moved, TENANT)
