"""Twilio SendGrid: whose requests are taken, what a mail is, and what became of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.intake.core.model import Progress
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
from services.intake.shell.channels.sendgrid import EventsHook, MailHook
from tests.unit.intake.given import HOUR_MS, NOON_MS
from tests.unit.intake.mailboxes import GRETE, HOME, MESSAGE_ID, OURS, raw_mail
from tests.unit.intake.sendgrid import (
    FIELDS,
    KEY,
    TOKEN,
    desk,
    event,
    multipart,
    posted,
    public_key,
    signed,
)

BODY = multipart(FIELDS)
OTHER = ec.derive_private_key(0xBAD, ec.SECP256R1())
SIGNING = desk(secrets={"verification_key": (public_key(OTHER), public_key())})
BOTH = desk(secrets={"verification_key": (public_key(),), "inbound_token": (TOKEN,)})
NEITHER = desk(secrets={"api_key": ("SG.key",)})
ACCEPTED = [
    (posted(BODY), desk(), "the token in the address"),
    (posted(BODY, token="a-token-before"), desk(), "one that is not retired"),
    (signed(BODY), SIGNING, "one of two keys"),
    (signed(BODY, at_ms=NOON_MS - 72 * HOUR_MS), SIGNING, "the last repeat, after three days"),
    (signed(BODY, token=TOKEN), BOTH, "both are right"),
]
REFUSED = [
    (posted(BODY, token=""), desk(), "no token"),
    (posted(BODY, token="an-inbound-tokem"), desk(), "another token"),
    (posted(BODY, token=""), NEITHER, "an account without a secret, asked without one"),
    (signed(BODY), NEITHER, "an account without a key"),
    (signed(BODY, key=OTHER), desk(secrets={"verification_key": (public_key(),)}), "another key"),
    (replace(signed(BODY), body=BODY + b" "), SIGNING, "another body"),
    (signed(BODY, at_ms=NOON_MS - 74 * HOUR_MS), SIGNING, "too old"),
    (signed(BODY, at_ms=NOON_MS + 301_000), SIGNING, "from the future"),
    (posted(BODY, token=""), SIGNING, "not signed"),
    (posted(BODY), BOTH, "the token alone"),
    (signed(BODY), BOTH, "the signature alone"),
    (signed(BODY), desk(secrets={"verification_key": ("no key",)}), "what is no key"),
]


@pytest.mark.parametrize(("incoming", "account", "why"), ACCEPTED)
def test_whoever_knows_the_secret_is_believed(incoming: Any, account: Any, why: str) -> None:
    assert MailHook().verify(incoming, account), why
    assert EventsHook().verify(incoming, account), why


@pytest.mark.parametrize(("incoming", "account", "why"), REFUSED)
def test_nobody_else_is(incoming: Any, account: Any, why: str) -> None:
    assert not MailHook().verify(incoming, account), why


def test_no_bit_of_what_is_signed_can_be_changed() -> None:
    incoming = signed(b"[]")
    header = "x-twilio-email-event-webhook-signature"
    for place, letter in enumerate(incoming.headers[header]):
        other = incoming.headers[header][:place] + ("B" if letter == "A" else "A")
        headers = {**incoming.headers, header: other + incoming.headers[header][place + 1 :]}
        assert not MailHook().verify(replace(incoming, headers=headers), SIGNING)


def parsed(fields: dict[str, Any], *files: Any) -> Item:
    (item,) = MailHook().parse(posted(multipart(fields, *files)), desk())
    return item


def test_a_mail_that_was_taken_apart() -> None:
    item = parsed(FIELDS)
    assert isinstance(item, MailParts)
    assert item.envelope == Envelope(NOON_MS, recipients=(OURS,))
    assert ("To", f"Help <{OURS}>") in item.headers  # unfolded
    assert ("Message-ID", f"<{MESSAGE_ID}>") in item.headers
    assert ("Subject", "=?utf-8?q?P=C3=A4ckchen?=") in item.headers
    assert (item.text, item.html) == ("Where is my parcel?\r\n", "<p>Where is my parcel?</p>")
    assert item.files == ()


def test_each_field_is_in_the_charset_that_the_form_names() -> None:
    charsets = {"text": "iso-8859-15", "html": "koi8-r", "subject": "UTF-8"}
    fields = FIELDS | {
        "text": "10 € für Päckchen".encode("iso-8859-15"),
        "html": "<p>Посылка</p>".encode("koi8-r"),
        "charsets": orjson.dumps(charsets).decode(),
    }
    item = parsed(fields)
    assert isinstance(item, MailParts)
    assert (item.text, item.html) == ("10 € für Päckchen", "<p>Посылка</p>")


def test_a_charset_that_nobody_knows_loses_no_mail() -> None:
    for charsets in ('{"text": "x-nothing"}', "no json", ""):
        item = parsed(FIELDS | {"text": "Grüße", "charsets": charsets})
        assert isinstance(item, MailParts)
        assert item.text == "Grüße"


def test_files_have_the_names_that_their_senders_gave_them() -> None:
    info = {
        "attachment1": {"filename": "März.pdf", "name": "März.pdf", "type": "application/pdf"},
        "attachment2": {"filename": "logo.png", "type": "image/png", "content-id": "<logo@x>"},
    }
    fields = FIELDS | {"attachments": "2", "attachment-info": orjson.dumps(info).decode()}
    item = parsed(
        fields,
        ("attachment1", "M_rz.pdf", "application/pdf", b"%PDF"),
        ("attachment2", "logo.png", "application/octet-stream", b"\x89PNG"),
        ("attachment3", "other.bin", "application/x-other", b"?"),
    )
    assert isinstance(item, MailParts)
    assert item.files == (
        File("März.pdf", "application/pdf", b"%PDF"),
        File("logo.png", "image/png", b"\x89PNG", "logo@x"),
        File("other.bin", "application/x-other", b"?"),
    )


def test_a_raw_mail_is_passed_on_byte_by_byte() -> None:
    raw = raw_mail(text="Grüße \xff") + b"\xff\x00"
    fields = {name: FIELDS[name] for name in ("dkim", "envelope", "subject")} | {"email": raw}
    assert parsed(fields) == RawMail(raw, Envelope(NOON_MS, recipients=(OURS,)))


@pytest.mark.parametrize("told", ["", "{", "[]", '{"to": "x"}', '{"to": [7, ""]}'])
def test_a_carrier_may_say_nothing_of_recipients(told: str) -> None:
    item = parsed(FIELDS | {"envelope": told})
    assert isinstance(item, MailParts)
    assert item.envelope.recipients == ()


def test_what_is_no_mail_is_malformed() -> None:
    with pytest.raises(Malformed):
        parsed({"text": "Where is my parcel?"})
    with pytest.raises(Malformed):
        MailHook().parse(posted(b"{}", content_type="application/json"), desk())


def events(*happened: Any) -> list[Item]:
    return list(EventsHook().parse(posted(orjson.dumps(happened)), desk()))


@pytest.mark.parametrize(
    ("happened", "progress", "reason"),
    [
        (event("processed"), Progress.SENT, ""),
        (event("delivered", response="250 OK"), Progress.DELIVERED, ""),
        (event("spamreport"), Progress.DELIVERED, "complained"),
        (
            event("bounce", type="bounce", status="5.1.1", reason="550 5.1.1 <a@b.c> unknown"),
            Progress.FAILED,
            "bounce_bounce_5.1.1",
        ),
        (event("bounce", type="blocked", status=""), Progress.FAILED, "bounce_blocked"),
        (event("dropped", reason="Bounced Address a@b.c"), Progress.FAILED, "dropped"),
    ],
)
def test_steps_of_a_mail_of_ours(happened: Any, progress: Progress, reason: str) -> None:
    (item,) = events(happened)
    assert isinstance(item, Reported)
    assert (item.note.message_id, item.note.home_id) == ("m-7", HOME)
    assert (item.note.progress, item.note.reason, item.recipient) == (progress, reason, GRETE)
    assert item.note.provider_message_id == "14c5d75ce93"
    assert (item.note.occurred_at_ms, item.note.by_provider) == (NOON_MS - 5_000, True)


@pytest.mark.parametrize(
    ("happened", "kind"),
    [
        (event("deferred", attempt="5"), "deferred"),
        (event("open"), "open"),
        (event("click"), "click"),
        (event("account_status_change"), "other_event"),
        (event("something_new"), "unknown"),
        ({}, "unknown"),
        (event("delivered", sb_message=None), "foreign_mail"),
        (event("delivered", sb_recipient=7), "foreign_mail"),
        (event("delivered", email="otto@example.org"), "copy"),
        (event("delivered", email=None), "copy"),
        (7, "malformed"),
        (None, "malformed"),
    ],
)
def test_all_else_is_counted(happened: Any, kind: str) -> None:
    (item,) = events(event("delivered"), happened)[1:]
    assert item == Unread(kind)
    assert isinstance(item, Unread)
    assert bool(item.payload) == (kind in {"unknown", "malformed"})


def test_an_address_may_be_written_otherwise() -> None:
    (item,) = events(event("delivered", email=" Grete@Example.ORG "))
    assert isinstance(item, Reported)


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    for told in (NOON_MS // 1000 + 60, "soon", True, None):
        (item,) = events(event("delivered", timestamp=told))
        assert isinstance(item, Reported)
        assert item.note.occurred_at_ms == NOON_MS


@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"[", b"[NaN]"])
def test_what_are_no_events_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        EventsHook().parse(posted(body), desk())


def test_any_answer_of_success_will_do() -> None:
    assert MailHook().answer(posted(BODY), []).status_code == 200
    assert KEY.key_size == 256
