"""Mailgun: whose requests are taken and for how long, what a mail is, and what became of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.intake.core.model import Progress
from services.intake.shell.channels.mailgun import CHANNEL, EventHook, MailHook, sign
from services.intake.shell.channels.protocol import (
    Envelope,
    File,
    Incoming,
    Item,
    MailParts,
    Malformed,
    RawMail,
    Reported,
    Unread,
)
from tests.unit.intake.given import HOUR_MS, NOON_MS
from tests.unit.intake.mailboxes import GRETE, HOME, MESSAGE_ID, OURS, raw_mail
from tests.unit.intake.mailgun import (
    FIELDS,
    KEY,
    MAILED_TOKEN,
    desk,
    event,
    reported,
    urlencoded,
    with_files,
)

HOOK = MailHook("/webhooks/mailgun/{account_id}")
PLAIN = urlencoded(FIELDS)


def test_the_signature_is_the_one_that_mailgun_makes() -> None:
    # The vector of django-anymail's suite, which is Mailgun's own algorithm over its own token.
    token = "06c96bafc3f42a66b9edd546347a2fe18dc23461fe80dc52f0"
    made = sign("1461261330", token, "TEST_WEBHOOK_SIGNING_KEY")
    assert made == "3e24f71c7e802be94c5abca2fd6ca6957cca2e1e2396d26716b87e1ca8c56634"


@pytest.mark.parametrize("hook", [each for each in CHANNEL.hooks if isinstance(each, MailHook)])
@pytest.mark.parametrize(
    "incoming",
    [
        PLAIN,
        with_files(FIELDS),
        urlencoded(FIELDS, key="the-next-key"),
        urlencoded(FIELDS, at_ms=NOON_MS - 8 * HOUR_MS - 6 * 60_000),  # the last repeat
        urlencoded(FIELDS, at_ms=NOON_MS + 299_000),
    ],
)
def test_what_a_live_key_has_signed_is_taken(hook: MailHook, incoming: Incoming) -> None:
    assert hook.verify(incoming, desk())


@pytest.mark.parametrize(
    "incoming",
    [
        urlencoded(FIELDS, key="another-key"),
        urlencoded(FIELDS, at_ms=NOON_MS - 9 * HOUR_MS - 1_000),
        urlencoded(FIELDS, at_ms=NOON_MS + 301_000),
        replace(PLAIN, body=PLAIN.body.replace(MAILED_TOKEN.encode(), b"5" * 50)),
        replace(PLAIN, body=PLAIN.body + b"&timestamp=1750000001"),  # the last one counts
        replace(PLAIN, body=PLAIN.body + b"&timestamp=%D9%A1"),
        replace(PLAIN, body=PLAIN.body + b"&signature=%FF"),
        replace(PLAIN, body=b"a=b"),
    ],
)
def test_nothing_else_is(incoming: Incoming) -> None:
    assert not HOOK.verify(incoming, desk())


def test_an_account_without_a_key_takes_nothing() -> None:
    assert not HOOK.verify(urlencoded(FIELDS, key=""), desk(secrets={}))


def parsed(incoming: Incoming) -> Item:
    (item,) = HOOK.parse(incoming, desk())
    return item


def test_a_mail_that_was_taken_apart() -> None:
    item = parsed(PLAIN)
    assert isinstance(item, MailParts)
    assert item.envelope == Envelope(NOON_MS, recipients=(OURS,))
    assert ("Message-Id", f"<{MESSAGE_ID}>") in item.headers
    assert (item.text, item.html) == ("Where is my parcel?\r\n", "<p>Where is my parcel?</p>")


def test_files_and_what_the_html_calls_them() -> None:
    fields = FIELDS | {
        "attachment-count": "2",
        "content-id-map": orjson.dumps({"<logo@x>": "attachment-2"}).decode(),
    }
    item = parsed(
        with_files(
            fields,
            ("attachment-1", "bill.pdf", "application/pdf", b"%PDF"),
            ("attachment-2", "logo.png", "image/png", b"\x89PNG"),
        )
    )
    assert isinstance(item, MailParts)
    assert item.files == (
        File("bill.pdf", "application/pdf", b"%PDF"),
        File("logo.png", "image/png", b"\x89PNG", "logo@x"),
    )


def test_a_raw_mail_is_passed_on_byte_by_byte() -> None:
    raw = raw_mail() + b"\xff\x00+&=\r\n"
    told = Envelope(NOON_MS, recipients=(OURS, "b@desk.example"))
    fields = {"recipient": f"{OURS}, b@desk.example", "body-mime": raw}
    assert parsed(urlencoded(fields)) == RawMail(raw, told)
    assert parsed(with_files(fields)) == RawMail(raw, told)


@pytest.mark.parametrize(
    "fields",
    [
        {"recipient": OURS, "body-plain": "x"},
        FIELDS | {"message-headers": "{}"},
        FIELDS | {"message-headers": "no json"},
    ],
)
def test_what_is_no_mail_is_malformed(fields: Any) -> None:
    with pytest.raises(Malformed):
        parsed(urlencoded(fields))


def test_a_header_is_taken_as_far_as_it_is_one() -> None:
    odd = orjson.dumps([["From", GRETE], ["To"], 7, ["X-Number", 7]]).decode()
    item = parsed(urlencoded(FIELDS | {"message-headers": odd, "content-id-map": "[]"}))
    assert isinstance(item, MailParts)
    assert item.headers == (("From", GRETE), ("X-Number", "7"))


def test_success_is_200_and_nothing_else() -> None:
    assert HOOK.answer(PLAIN, []).status_code == 200
    assert EventHook().answer(PLAIN, []).status_code == 200


def told(incoming: Incoming) -> Item:
    assert EventHook().verify(incoming, desk())
    (item,) = EventHook().parse(incoming, desk())
    return item


BOUNCED = {"code": 550, "message": "5.1.1 <grete@example.org> unknown"}


@pytest.mark.parametrize(
    ("happened", "progress", "reason"),
    [
        (event("accepted"), Progress.SENT, ""),
        (event("delivered"), Progress.DELIVERED, ""),
        (event("complained"), Progress.DELIVERED, "complained"),
        (
            event("failed", severity="permanent", reason="bounce", **{"delivery-status": BOUNCED}),
            Progress.FAILED,
            "failed_bounce_550",
        ),
        (
            event("failed", severity="permanent", reason="a reason", **{"delivery-status": None}),
            Progress.FAILED,
            "failed",
        ),
        (event("rejected", reject={"reason": "x"}), Progress.FAILED, "rejected_250"),
    ],
)
def test_steps_of_a_mail_of_ours(happened: Any, progress: Progress, reason: str) -> None:
    item = told(reported(happened))
    assert isinstance(item, Reported)
    assert (item.note.message_id, item.note.home_id) == ("m-7", HOME)
    assert (item.note.progress, item.note.reason, item.recipient) == (progress, reason, GRETE)
    assert item.note.provider_message_id == "m-7@desk.example"
    assert item.note.occurred_at_ms == NOON_MS - 5_250


@pytest.mark.parametrize(
    ("happened", "kind"),
    [
        (event("failed", severity="temporary", reason="greylisted"), "deferred"),
        (event("failed"), "deferred"),
        (event("opened"), "open"),
        (event("stored"), "other_event"),
        (event("something_new"), "unknown"),
        (event("delivered", **{"user-variables": {}}), "foreign_mail"),
        (event("delivered", recipient="otto@example.org"), "copy"),
        ({}, "unknown"),
    ],
)
def test_all_else_is_counted(happened: Any, kind: str) -> None:
    item = told(reported(happened))
    assert item == Unread(kind)
    assert isinstance(item, Unread)
    assert bool(item.payload) == (kind == "unknown")


@pytest.mark.parametrize("timestamp", [None, "now", True, 1e300, -5, NOON_MS])
def test_a_time_that_is_none_is_now(timestamp: Any) -> None:
    item = told(reported(event("delivered", timestamp=timestamp)))
    assert isinstance(item, Reported)
    assert item.note.occurred_at_ms == NOON_MS


def test_events_are_signed_too() -> None:
    hook = EventHook()
    assert hook.verify(reported(event("delivered")), desk())
    assert not hook.verify(reported(event("delivered"), key="another"), desk())
    assert not hook.verify(reported(event("delivered"), at_ms=NOON_MS - 10 * HOUR_MS), desk())
    bare = replace(reported({}), body=b'{"event-data": {}}')
    assert not hook.verify(bare, desk())
    with pytest.raises(Malformed):
        hook.verify(replace(bare, body=b"no json"), desk())
    assert KEY in desk().keys("signing_key")
