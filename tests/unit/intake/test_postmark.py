"""Postmark: whose requests are taken, what a mail is, and what became of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.core.model import Progress
from services.intake.shell.channels.postmark import EventHook, MailHook
from services.intake.shell.channels.protocol import (
    Envelope,
    File,
    Item,
    MailParts,
    Malformed,
    RawMail,
    Reported,
    Unread,
)
from tests.unit.intake.given import NOON_MS
from tests.unit.intake.mailboxes import GRETE, HOME, MESSAGE_ID, OURS, raw_mail
from tests.unit.intake.postmark import CARRIER_ID, TOKEN, attachment, desk, event, mail, posted

HOOK = MailHook()


def login(value: str) -> Any:
    return replace(posted(mail()), headers={"authorization": value})


@pytest.mark.parametrize(
    "incoming",
    [
        posted(mail()),
        posted(mail(), token="a-token-before"),
        replace(posted(mail()), headers={}, query={"token": TOKEN}),
        login("bASIC cG9zdG1hcms6YW4taW5ib3VuZC10b2tlbg=="),
    ],
)
def test_whoever_knows_the_token_is_believed(incoming: Any) -> None:
    assert HOOK.verify(incoming, desk())
    assert EventHook().verify(incoming, desk())


@pytest.mark.parametrize(
    "incoming",
    [
        posted(mail(), token=""),
        posted(mail(), token="an-inbound-tokem"),
        login(""),
        login("Basic"),
        login("Basic ???"),
        login("Basic YW4taW5ib3VuZC10b2tlbg=="),  # a user, no password
        login(f"Bearer {TOKEN}"),
        replace(posted(mail()), headers={}, query={"token": ""}),
    ],
)
def test_nobody_else_is(incoming: Any) -> None:
    assert not HOOK.verify(incoming, desk())


def test_an_account_without_a_token_takes_nothing() -> None:
    assert not HOOK.verify(posted(mail(), token=""), desk(secrets={}))


def parsed(said: Any) -> Item:
    (item,) = HOOK.parse(posted(said), desk())
    return item


def test_a_mail_that_was_taken_apart() -> None:
    item = parsed(mail())
    assert isinstance(item, MailParts)
    assert item.envelope == Envelope(NOON_MS, recipients=(OURS,), carrier_id=CARRIER_ID)
    assert dict(item.headers) == {
        "From": f'"Grete Muster" <{GRETE}>',
        "To": f'"Help" <{OURS}>',
        "Subject": "Parcel",
        "Date": "Sun, 15 Jun 2025 15:06:40 +0000",
        "X-Spam-Status": "No",
        "Message-ID": f"<{MESSAGE_ID}>",
    }
    assert (item.text, item.html) == ("Where is my parcel?\n", "<p>Where is my parcel?</p>")


def test_what_stands_after_the_plus_sign_is_told() -> None:
    item = parsed(mail(OriginalRecipient="", MailboxHash="abc"))
    assert isinstance(item, MailParts)
    assert (item.envelope.recipients, item.envelope.tags) == ((), ("abc",))


def test_a_name_cannot_write_another_address() -> None:
    people = [{"Email": GRETE, "Name": 'x" <otto@example.org>, "y\r\nBcc: z'}]
    item = parsed(mail(FromFull=people[0], CcFull=people))
    assert isinstance(item, MailParts)
    quoted = f'"x\\" <otto@example.org>, \\"y Bcc: z" <{GRETE}>'
    assert dict(item.headers)["From"] == dict(item.headers)["Cc"] == quoted


def test_the_whole_fields_stand_in_for_the_people() -> None:
    item = parsed(mail(FromFull=None, ToFull=[], CcFull="x", ReplyTo="r@example.org"))
    assert isinstance(item, MailParts)
    found = dict(item.headers)
    assert (found["From"], found["To"], found["Reply-To"]) == (
        GRETE,
        f'"Help" <{OURS}>',
        "r@example.org",
    )
    assert "Cc" not in found


def test_files() -> None:
    files = [
        attachment("bill.pdf", "application/pdf", b"%PDF"),
        attachment("logo.png", "image/png", b"\x89PNG", "cid:logo@x"),
        {"Name": "broken.bin", "Content": "?", "ContentType": "application/x-broken"},
    ]
    item = parsed(mail(Attachments=files))
    assert isinstance(item, MailParts)
    assert item.files[:2] == (
        File("bill.pdf", "application/pdf", b"%PDF"),
        File("logo.png", "image/png", b"\x89PNG", "logo@x"),
    )
    assert item.files[2].file_name == "broken.bin"


def test_the_raw_mail_is_better_than_what_was_made_of_it() -> None:
    raw = raw_mail(text="Grüße")
    told = Envelope(NOON_MS, recipients=(OURS,), carrier_id=CARRIER_ID)
    assert parsed(mail(RawEmail=raw.decode())) == RawMail(raw, told)
    assert isinstance(parsed(mail(RawEmail="")), MailParts)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"MessageID": 7}'])
def test_what_is_no_mail_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), desk())


def test_success_is_200_and_nothing_else() -> None:
    assert HOOK.answer(posted(mail()), []).status_code == 200


def told(happened: Any) -> Item:
    (item,) = EventHook().parse(posted(happened), desk())
    return item


BOUNCE = {"Recipient": None, "Email": GRETE, "BouncedAt": "2025-06-15T17:06:35+02:00"}


@pytest.mark.parametrize(
    ("happened", "progress", "reason"),
    [
        (event("Delivery"), Progress.DELIVERED, ""),
        (event("SpamComplaint", Type="SpamComplaint", **BOUNCE), Progress.DELIVERED, "complained"),
        (event("Bounce", Type="HardBounce", **BOUNCE), Progress.FAILED, "bounce_HardBounce"),
        (event("Bounce", Type="SoftBounce", **BOUNCE), Progress.FAILED, "bounce_SoftBounce"),
        (event("Bounce", Type="<a@b.c>", **BOUNCE), Progress.FAILED, "bounce"),
    ],
)
def test_steps_of_a_mail_of_ours(happened: Any, progress: Progress, reason: str) -> None:
    item = told(happened)
    assert isinstance(item, Reported)
    assert (item.note.message_id, item.note.home_id) == ("m-7", HOME)
    assert (item.note.progress, item.note.reason, item.recipient) == (progress, reason, GRETE)
    assert item.note.provider_message_id == "883953f4-6105-42a2-a16a-77a8eac79483"
    assert item.note.occurred_at_ms == NOON_MS - 5_000


@pytest.mark.parametrize(
    ("happened", "kind"),
    [
        (event("Bounce", Type="Transient", **BOUNCE), "deferred"),
        (event("Bounce", Type="AutoResponder", **BOUNCE), "other_bounce"),
        (event("Open"), "open"),
        (event("SubscriptionChange"), "unsubscribe"),
        (event("SMTPApiError"), "other_event"),
        (event("SomethingNew"), "unknown"),
        (event("Delivery", Metadata={}), "foreign_mail"),
        (event("Delivery", Recipient="otto@example.org"), "copy"),
        ({}, "unknown"),
    ],
)
def test_all_else_is_counted(happened: Any, kind: str) -> None:
    item = told(happened)
    assert item == Unread(kind)
    assert isinstance(item, Unread)
    assert bool(item.payload) == (kind == "unknown")


@pytest.mark.parametrize("written", ["", "soon", "2025-06-15T15:06:35", 7, "2025-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_now(written: Any) -> None:
    item = told(event("Delivery", DeliveredAt=written))
    assert isinstance(item, Reported)
    assert item.note.occurred_at_ms == NOON_MS
