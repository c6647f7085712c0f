"""A message of ours as a mail: its names, its addressees, its place in a thread, its bytes."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.delivery.commands import Answer, Contact
from services.intake.core.delivery.model import Dispatch
from services.intake.core.identity import message_of_reference
from services.intake.core.model import Attachment, Kind
from services.intake.shell.channels.protocol import SendingContext, Unread
from services.intake.shell.mail import reading
from services.intake.shell.mail.mail import MailFile
from services.intake.shell.mailroom.letters import Letter, LetterWriter, Unsendable
from services.intake.shell.mailroom.mime import mailbox as with_name
from services.intake.shell.mailroom.mime import mime_of
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailboxes import (
    CONVERSATION,
    GRETE,
    HOME,
    MESSAGE_ID,
    OURS,
    SENT,
    TOKEN,
    mailbox,
    outgoing,
)
from tests.unit.intake.mailroom.reading import Room

PDF = b"%PDF-1.7 \x00\xff\r\n."
BILL = Attachment("a-1", "Rechnung März.pdf", "application/pdf", len(PDF), f"blob:{'a' * 64}")
NO_SESSION = cast("ClientSession", None)  # letters are written without a network


async def letter_of(
    dispatch: Dispatch,
    account: Any = None,
    *,
    content: bytes | None = PDF,
    away: bool = False,
    files_bytes_max: int = 1_000,
) -> Letter:
    async def kept(_: str, attachment: Attachment) -> bytes | None:
        if away:
            raise StoreUnavailable("away")
        return content

    def link(_: Dispatch, attachment: Attachment) -> str | None:
        return (
            f"https://desk.example/{attachment.attachment_id}"
            if "blob" in attachment.reference
            else None
        )

    context = SendingContext(NO_SESSION, "https://desk.example", {}, link=link, content=kept)
    writer = LetterWriter(context, files_bytes_max=files_bytes_max)
    return await writer.written(dispatch, account or mailbox())


async def mail_of(dispatch: Dispatch, account: Any = None, **how: Any) -> Any:
    """The mail as a mail program sees it."""
    raw = mime_of(await letter_of(dispatch, account, **how), NOON_MS)
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return message_from_bytes(raw, policy=default)


async def test_a_reply_answers_the_latest_mail_under_our_own_id() -> None:
    mail = await mail_of(outgoing(in_reply_to=MESSAGE_ID, references=("a@x", MESSAGE_ID)))
    assert mail["Message-ID"] == f"<{SENT}@desk.example>"
    assert mail["In-Reply-To"] == f"<{MESSAGE_ID}>"
    assert mail["References"].split() == ["<a@x>", f"<{MESSAGE_ID}>", mail["Message-ID"]]
    assert message_of_reference(mail["Message-ID"].strip("<>")) == SENT
    assert (mail["From"], mail["To"]) == (f"Berlin <{OURS}>", GRETE)
    assert mail["Subject"] == "Re: Parcel"
    assert mail["Date"] == "Sun, 15 Jun 2025 15:06:40 +0000"
    assert mail["X-Switchboard-Message"] == f"{SENT}@desk.example"
    assert mail["X-Switchboard-Recipient"] == HOME
    assert mail.get_content().rstrip() == "It is on its way."
    assert mail["Auto-Submitted"] is None


@pytest.mark.parametrize("made_up", ["", "a" * 64, "22c74902-a0c1-4511-804f-341342852c90", "a b@x"])
async def test_what_has_no_message_id_cannot_be_answered_by_it(made_up: str) -> None:
    mail = await mail_of(outgoing(in_reply_to=made_up))
    assert (mail["In-Reply-To"], mail["References"]) == (None, mail["Message-ID"])


async def test_every_attempt_sends_the_same_letter() -> None:
    files = {"attachments": (BILL,)}
    first = await letter_of(outgoing(attempts=1, **files))
    assert first == await letter_of(outgoing(attempts=7, **files))
    assert mime_of(first, NOON_MS) == mime_of(first, NOON_MS)


@pytest.mark.parametrize(
    ("subject", "answered", "shown"),
    [
        ("Parcel", "a@x", "Re: Parcel"),
        ("Re: Parcel", "a@x", "Re: Parcel"),
        ("AW: Parcel", "a@x", "AW: Parcel"),
        ("Fwd: Parcel", "a@x", "Re: Fwd: Parcel"),
        ("", "a@x", "Re:"),
        ("Parcel", "", "Parcel"),  # we write first
        (f"Parcel [#{TOKEN}]", "a@x", "Re: Parcel"),
        ("a\r\nBcc: x@y", "", "a Bcc: x@y"),
    ],
)
async def test_a_subject_says_once_that_it_answers(subject: str, answered: str, shown: str) -> None:
    assert (await mail_of(outgoing(subject=subject, in_reply_to=answered)))["Subject"] == shown


async def test_the_subject_has_the_number_where_the_account_wants_it() -> None:
    numbered = mailbox(settings={"subject_number": "true"})
    for subject in ("Parcel", f"Parcel [#{TOKEN}]", f"Parcel [#{TOKEN.upper()}]"):
        mail = await mail_of(outgoing(subject=subject, in_reply_to="a@x"), numbered)
        assert mail["Subject"] == f"Re: Parcel [#{TOKEN}]"


async def test_answers_come_to_an_address_that_names_the_conversation() -> None:
    assert (await mail_of(outgoing()))["Reply-To"] == f"help+{TOKEN}@desk.example"
    plain = mailbox(settings={"plus_addressing": "false"})
    assert (await mail_of(outgoing(), plain))["Reply-To"] is None
    assert (await mail_of(outgoing(conversation_id="c-1")))["Reply-To"] is None


@pytest.mark.parametrize("account", [mailbox(), mailbox(settings={"plus_addressing": "false"})])
async def test_an_answer_to_it_is_known_as_one(account: Any) -> None:
    """Whatever of it a mail program keeps: the references, the address, or the number."""
    mail = await mail_of(
        outgoing(), mailbox(settings={**account.settings, "subject_number": "true"})
    )
    to = mail["Reply-To"] or OURS
    reply = (
        f"From: {GRETE}\r\nTo: {to}\r\nSubject: {mail['Subject']}\r\nMessage-ID: <r@x>\r\n\r\nHi"
    )
    said = (await Room(account).arrived(reply.encode())).message
    assert said.conversation_hint == CONVERSATION
    kept = f"In-Reply-To: {mail['Message-ID']}\r\n{reply}"
    (answered,) = (await Room(account).arrived(kept.encode())).message.in_reply_to
    assert message_of_reference(answered) == SENT


async def test_our_own_mail_that_comes_back_is_known() -> None:
    raw = mime_of(await letter_of(outgoing()), NOON_MS)
    assert await Room().opened(raw) == [Unread("loop")]


@pytest.mark.parametrize("kind", [Kind.AUTO_REPLY, Kind.SURVEY, Kind.NOTICE])
async def test_what_a_program_says_is_marked_and_goes_to_the_customer_alone(kind: Kind) -> None:
    """RFC 3834: nobody's program shall answer ours."""
    mail = await mail_of(outgoing(kind=kind, participants=("otto@example.org",)))
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert mail["Cc"] is None


async def test_copies_go_to_whoever_has_a_part_in_it() -> None:
    named = (
        "otto@example.org",
        GRETE.upper(),
        OURS,
        f"help+{TOKEN}@desk.example",
        "no mailbox",
        "Otto@Example.org",
        "a>,<b@x.example",
        "ü@example.org",
        "x@büro.example",
    )
    mail = await mail_of(outgoing(participants=named))
    assert mail["Cc"] == "otto@example.org, x@xn--bro-hoa.example"


@pytest.mark.parametrize(
    ("changes", "account", "reason"),
    [
        ({"recipient": "nobody"}, mailbox(), "recipient_not_a_mailbox"),
        ({"recipient": "ü@example.org"}, mailbox(), "recipient_not_a_mailbox"),
        ({"recipient": 'a",b@example.org'}, mailbox(), "recipient_not_a_mailbox"),
        ({"recipient": "a@x.example\r\nBcc: b@x.example"}, mailbox(), "recipient_not_a_mailbox"),
        ({}, mailbox(address="Help desk"), "account_address_not_a_mailbox"),
        (
            {"attachments": (replace(BILL, reference="https://x.example"),)},
            mailbox(),
            "attachment_unavailable",
        ),
    ],
)
async def test_what_cannot_go_out_costs_no_call(changes: Any, account: Any, reason: str) -> None:
    with pytest.raises(Unsendable) as unsendable:
        await letter_of(outgoing(**changes), account)
    report = unsendable.value.report
    assert (report.answer, report.reason, report.contact) == (
        Answer.REFUSED,
        reason,
        Contact.NOT_CALLED,
    )


async def test_what_cannot_be_read_now_is_tried_again() -> None:
    with pytest.raises(Unsendable) as unsendable:
        await letter_of(outgoing(attachments=(BILL,)), away=True)
    report = unsendable.value.report
    assert (report.answer, report.reason) == (Answer.NOT_ACCEPTED, "files_unreadable")


async def test_files_go_along_while_there_is_room_and_else_as_links() -> None:
    large = replace(BILL, attachment_id="a-2", file_name="film.mp4", size_bytes=5_000)
    again = replace(BILL, attachment_id="a-3", file_name="", media_type="no type")
    letter = await letter_of(outgoing(attachments=(BILL, large, again)))
    assert letter.files == (
        MailFile("Rechnung März.pdf", "application/pdf", PDF),
        MailFile("attachment", "application/octet-stream", PDF),
    )
    assert letter.text == "It is on its way.\n\nfilm.mp4: https://desk.example/a-2"
    tight = await letter_of(outgoing(attachments=(BILL, again)), files_bytes_max=len(PDF))
    assert len(tight.files) == 1
    with pytest.raises(Unsendable):
        await letter_of(outgoing(attachments=(BILL,)), content=None)


async def test_a_mail_program_finds_the_files() -> None:
    mail = await mail_of(outgoing(attachments=(BILL,), text="Grüße 你好 🎉"))
    assert mail.get_body().get_content().rstrip() == "Grüße 你好 🎉"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == (
        "Rechnung März.pdf",
        "application/pdf",
    )
    assert file.get_content() == PDF


async def test_a_mail_in_a_mail_is_one_file() -> None:
    inner = replace(BILL, file_name="x.eml", media_type="message/rfc822")
    mail = await mail_of(outgoing(attachments=(inner,)))
    (file,) = mail.iter_attachments()
    assert (file.get_content_type(), file.get_content()) == ("application/octet-stream", PDF)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", OURS),
        ("Desk Berlin", f"Desk Berlin <{OURS}>"),
        ('Desk "B", Berlin', f'"Desk \\"B\\", Berlin" <{OURS}>'),
        ("Büro", f"=?utf-8?b?QsO8cm8=?= <{OURS}>"),
        ("=?utf-8?q?x?=", f"=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <{OURS}>"),
    ],
)
def test_a_name_beside_an_address(name: str, shown: str) -> None:
    assert with_name(OURS, name) == shown


async def test_long_ids_stay_whole() -> None:
    """Python's own `email` makes encoded words of them, which nobody reads as ids."""
    long = tuple(f"{'x' * 200}{number}@example.org" for number in range(30))
    unfit = ("y" * 300 + "@x", "a b@x", "ü@x")
    letter = await letter_of(outgoing(references=(*long, *unfit), in_reply_to=long[-1]))
    found = reading.read(mime_of(letter, NOON_MS))
    assert found.in_reply_to == (long[-1], f"{SENT}@desk.example", *reversed(long[-20:-1]))


HOSTILE = st.text(st.sampled_from('\r\n\x00\x0b\x0c\x85\u2028\ud800ä🎉<>@",;:=?a \t'), max_size=40)


@given(subject=HOSTILE, name=HOSTILE, file_name=HOSTILE, copy=HOSTILE, earlier=HOSTILE)
async def test_no_line_end_ever_comes_into_a_header(
    subject: str, name: str, file_name: str, copy: str, earlier: str
) -> None:
    """CVE-2024-6923, CVE-2026-1299: the library has let some pass."""
    file = replace(BILL, file_name=file_name, media_type=f"text/{name}")
    dispatch = outgoing(
        subject=subject,
        references=(earlier, f"{earlier}@x"),
        in_reply_to=f"x@{earlier}",
        participants=(copy, f"{copy}@x.example"),
        attachments=(file,),
        text=name.encode("utf-8", "replace").decode(),
    )
    letter = await letter_of(dispatch, mailbox(display_name=name))
    for value in (
        letter.subject,
        letter.sender_name,
        *letter.copies,
        *dict(letter.fields).values(),
    ):
        assert not set(value) & set("\r\n\x00\x0b\x0c\x85\u2028")
    raw = mime_of(letter, NOON_MS)
    head = raw.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        assert line[:1] in {b" ", b"\t"} or line.split(b":")[0].decode() in KNOWN
    assert b"\r" not in raw.replace(b"\r\n", b"")


KNOWN = frozenset(
    {
        "Date",
        "From",
        "Reply-To",
        "To",
        "Cc",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "X-Switchboard-Message",
        "X-Switchboard-Recipient",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
)
