"""What is kept of a mail, what becomes of one that cannot be read, and what a report tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.blobs import digest_of, reference_of
from services.intake.core.model import Attachment, Automatic, Progress
from services.intake.shell.channels.protocol import (
    Arrived,
    File,
    MailParts,
    RawMail,
    Reported,
    Unread,
)
from services.intake.shell.filing import Filing
from services.intake.shell.mail import reading
from services.intake.shell.mail.parts import MAIL_BYTES_MAX
from services.intake.shell.mailroom.originals import original_of, unread_original_of
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.mail.mails import attached, plain, several
from tests.unit.intake.mailboxes import GRETE, HOME, MESSAGE_ID, OURS, envelope, raw_mail
from tests.unit.intake.mailroom.reading import Room

CARD, MASKED = "4111 1111 1111 1111", "•••• •••• •••• 1111"
SENT = "0195b0f0-0000-7000-8000-000000000001"


async def test_a_mail_is_kept_as_it_came() -> None:
    room = Room()
    raw = raw_mail("DKIM-Signature: v=1; d=example.org", text="Grüße")
    said = (await room.arrived(raw)).message
    assert room.kept(said.original_reference) == raw


async def test_its_files_are_kept_beside_it_and_shown_for_what_they_are() -> None:
    room = Room()
    pdf = b"%PDF-1.7 \x00\xff"
    disposition = 'Content-Disposition: attachment; filename="bill.pdf"'
    head = f"From: {GRETE}\r\nMessage-ID: <{MESSAGE_ID}>\r\n"
    raw = several("mixed", plain("See the file."), attached(pdf, disposition), head=head)
    said = (await room.arrived(raw)).message
    (file,) = said.attachments
    assert (file.file_name, file.media_type, file.size_bytes) == (
        "bill.pdf",
        "application/pdf",
        len(pdf),
    )
    assert file.attachment_id == f"{said.message_id}-0"
    assert room.kept(file.reference) == pdf


async def test_a_mail_that_was_taken_apart_is_kept_as_one_that_says_the_same() -> None:
    room = Room()
    fields = (
        ("Received", "from a\tby b"),
        ("From", f"Grete <{GRETE}>"),
        ("Subject", "Päckchen"),
        ("Content-Type", "multipart/mixed"),
    )
    files = (File("a.txt", "text/plain", b"a"),)
    parts = MailParts(fields, "Grüße", "<b>Grüße</b>", files, envelope())
    said = (await room.arrived(parts)).message
    kept = room.kept(said.original_reference)
    assert kept.startswith(b"Received: from a by b\r\nFrom: Grete <grete@example.org>\r\n")
    again = reading.read(kept)
    assert (again.subject, again.text, again.html) == ("Päckchen", "Grüße", "<b>Grüße</b>")
    assert (await room.arrived(parts)).message.original_reference == said.original_reference


@pytest.mark.parametrize(("text", "html"), [("", ""), ("x", ""), ("", "<p>x</p>")])
async def test_parts_may_be_missing(text: str, html: str) -> None:
    room = Room()
    said = (await room.arrived(MailParts((("From", GRETE),), text, html, (), envelope()))).message
    again = reading.read(room.kept(said.original_reference))
    assert (again.from_address, again.text) == (GRETE, "x" if text or html else "")


async def test_a_card_number_is_kept_nowhere() -> None:
    """PCI DSS v4.0, 3.5.1: what is stored of a number is unreadable, in the original too."""
    room = Room()
    text = f"My card is {CARD}.\r\n\r\nOn Mon, Help wrote:\r\n> Which card?\r\n"
    raw = raw_mail(text=text, Subject=f"Card {CARD}", Cc="otto@example.org", References="<a@x>")
    said = (await room.arrived(raw)).message
    kept = room.kept(said.original_reference)
    assert b"1111 1111" not in kept
    again = reading.read(kept)
    assert again.text == f"My card is {MASKED}."
    assert (again.subject, again.from_address, again.from_name) == (
        f"Card {MASKED}",
        GRETE,
        "Grete Muster",
    )
    assert (again.to, again.cc, again.in_reply_to) == ((OURS,), ("otto@example.org",), ("a@x",))
    assert again.message_id == MESSAGE_ID


def test_a_card_number_in_html_alone_is_found() -> None:
    item = MailParts((("From", GRETE),), "See below", f"<p>{CARD}</p>", (), envelope())
    mail = reading.composed(item.headers, item.text, item.html, ())
    assert b"1111 1111" not in original_of(item, mail)
    assert b"See below" in original_of(item, mail)


BAD = [
    b"From: x\r\n" + b"X: y\r\n" * 1_001 + b"\r\nx",
    b"x" * (MAIL_BYTES_MAX + 1),
]


@pytest.mark.parametrize("raw", BAD, ids=["header", "size"])
async def test_a_mail_that_cannot_be_read_is_counted_and_kept(raw: bytes) -> None:
    room = Room()
    (unread,) = await room.opened(raw)
    assert unread == Unread("unreadable_mail")
    ((kept, reason),) = room.parked
    assert kept == raw
    assert reason.startswith("it")  # says which limit, and nothing of the mail
    shown = {"reason": reason, "mail": reference_of(digest_of(raw))}
    assert isinstance(unread, Unread)
    assert orjson.loads(unread.payload) == shown


async def test_a_mail_from_nobody_is_counted_and_kept() -> None:
    room = Room()
    raw = raw_mail(From="")
    assert await room.opened(raw) == [Unread("no_sender")]
    assert room.parked == [(raw, "it has no sender")]
    assert await room.opened(raw_mail(From="not an address")) == [Unread("no_sender")]


def test_numbers_at_the_top_of_an_unreadable_mail_are_masked() -> None:
    raw = f"From: x\r\n\r\nCard {CARD}".encode() + b"\xff" * (1 << 20) + CARD.encode()
    kept = unread_original_of(RawMail(raw, envelope()))
    assert len(kept) == len(raw)
    assert kept.startswith(b"From: x\r\n\r\nCard **** **** **** 1111\xff")


async def test_what_cannot_be_kept_is_not_taken() -> None:
    for raw in (raw_mail(), raw_mail(From=""), BAD[0]):
        room = Room()
        room.blobs.away = 1
        with pytest.raises(StoreUnavailable):
            await room.opened(raw)


async def test_files_of_any_channel_are_filed_after_those_that_are_elsewhere() -> None:
    arrived = await Room().arrived(raw_mail())
    elsewhere = Attachment("a-0", "a.png", "image/png", 0, "https://example.org/a.png")
    message = arrived.message
    given = Arrived(
        message=replace(message, attachments=(elsewhere,)),
        files=(File("b.html", "image/png", b"<html><script>x</script>"),),
    )
    filed = (await Filing(MemoryBlobs()).filed(given)).message
    assert filed.attachments[0] == elsewhere
    assert filed.attachments[1].attachment_id == f"{message.message_id}-1"
    assert filed.attachments[1].media_type == "text/html"  # whatever it claims


def report(action: str, *, status: str = "5.1.1", fields: str = "", returned: str = "") -> bytes:
    """What a mail system says of a mail of ours to Grete."""
    told = (
        f"Reporting-MTA: dns; mx.example.org\r\n\r\n{fields}"
        f"Final-Recipient: rfc822; {GRETE}\r\nAction: {action}\r\nStatus: {status}\r\n"
    )
    head = returned or (
        f"From: {OURS}\r\nTo: {GRETE}\r\nMessage-ID: <{SENT}@desk.example>\r\n"
        f"X-Switchboard-Message: {SENT}@desk.example\r\nX-Switchboard-Recipient: {HOME}\r\n"
    )
    return several(
        "report; report-type=delivery-status",
        plain("I could not deliver your mail."),
        attached(told.encode(), kind="message/delivery-status"),
        attached(head.encode(), kind="text/rfc822-headers"),
        head="From: MAILER-DAEMON@mx.example.org\r\nMessage-ID: <b@mx>\r\n",
    )


@pytest.mark.parametrize(
    ("action", "progress", "reason"),
    [
        ("failed", Progress.FAILED, "bounce_5.1.1"),
        ("Delivered", Progress.DELIVERED, ""),
        ("relayed", Progress.SENT, ""),
    ],
)
async def test_a_report_is_a_receipt_too(action: str, progress: Progress, reason: str) -> None:
    """RFC 3464, 2.3.3."""
    message, receipt = await Room().opened(report(action))
    assert isinstance(message, Arrived)
    assert message.message.automatic is Automatic.BOUNCE
    assert message.message.in_reply_to[-1] == f"{SENT}@desk.example"
    assert isinstance(receipt, Reported)
    note = receipt.note
    assert (note.message_id, note.home_id, note.tenant_id) == (SENT, HOME, TENANT)
    assert (note.progress, note.reason, note.occurred_at_ms) == (progress, reason, NOON_MS)
    assert note.by_provider


RETURNED = (
    f"To: {GRETE}\r\nMessage-ID: <{SENT}@desk.example>\r\nX-Switchboard-Recipient: {HOME}\r\n"
)
COPY = "Final-Recipient: rfc822; otto@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "progress"),
    [
        (report("delayed", status="4.4.7"), []),
        (report("failed", returned=f"Message-ID: <{SENT}@desk.example>\r\n"), []),
        (
            report("failed", returned=f"Message-ID: <x@y>\r\nX-Switchboard-Recipient: {HOME}\r\n"),
            [],
        ),
        (report("failed", returned="Subject: x\r\n"), []),
        (
            report("delivered", fields=COPY, returned=f"{RETURNED}Cc: otto@example.org\r\n"),
            ["DELIVERED"],
        ),
        (report("delivered", fields=COPY, returned=RETURNED), ["FAILED", "DELIVERED"]),
    ],
    ids=["delayed", "no recipient", "not ours", "nothing", "a copy", "moved on"],
)
async def test_only_what_is_final_about_the_recipient_counts(raw: bytes, progress: Any) -> None:
    _, *receipts = await Room().opened(raw)
    assert [each.note.progress for each in receipts if isinstance(each, Reported)] == progress


async def test_an_address_that_forwards_is_known_by_the_original_one() -> None:
    fields = f"Original-Recipient: rfc822;{GRETE}\r\n"
    told = report("failed", fields=fields, returned=f"{RETURNED}Cc: otto@example.org\r\n")
    raw = told.replace(
        f"Final-Recipient: rfc822; {GRETE}".encode(), b"Final-Recipient: rfc822; z@z.z"
    )
    _, receipt = await Room().opened(raw)
    assert isinstance(receipt, Reported)


async def test_a_complaint_says_that_it_was_delivered() -> None:
    """RFC 5965."""
    raw = several(
        "report; report-type=feedback-report",
        plain("This is a complaint."),
        attached(b"Feedback-Type: abuse\r\nVersion: 1\r\n", kind="message/feedback-report"),
        attached(f"{RETURNED}\r\nx".encode(), kind="message/rfc822"),
        head="From: fbl@example.org\r\n",
    )
    _, receipt = await Room().opened(raw)
    assert isinstance(receipt, Reported)
    assert (receipt.note.progress, receipt.note.reason) == (Progress.DELIVERED, "complained")


async def test_a_person_cannot_report() -> None:
    raw = (
        report("failed")
        .replace(b"MAILER-DAEMON@mx", b"grete@mx")
        .replace(b"report; report-type=delivery-status", b"mixed")
    )
    assert not [each for each in await Room().opened(raw) if isinstance(each, Reported)]
