"""Header fields: encoded words, ids, dates, addresses, and that no sender begins a new one."""

from __future__ import annotations

import pytest

from services.intake.shell.mail.addresses import ADDRESSES_MAX, Mailbox, mailboxes
from services.intake.shell.mail.headers import (
    HEADER_CHARACTERS_MAX,
    HEADERS_MAX,
    MESSAGE_IDS_MAX,
    Headers,
    date_ms,
    message_ids,
    replied_to,
    words_decoded,
)
from services.intake.shell.mail.mail import BadMail
from services.intake.shell.mail.reading import read
from tests.unit.intake.mail.mails import mail


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Hello", "Hello"),
        ("=?utf-8?q?J=C3=BCrgen_M=C3=BCller?=", "Jürgen Müller"),
        ("=?ISO-8859-1?Q?J=FCrgen?=", "Jürgen"),
        ("=?UTF-8?B?5L2g5aW9?=", "你好"),
        ("=?iso-2022-jp?b?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        ("Re: =?utf-8?q?a?= =?utf-8?q?b?= c", "Re: ab c"),  # RFC 2047, 6.2
        ("=?utf-8?q?=E4=BD?= =?utf-8?q?=A0?=", "你"),  # a character in two words
        ("=?utf-8?q?=E4=BD?=\r\n =?utf-8?q?=A0?=", "你"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=FC?=", "aü"),
        ("=?utf-8*de?q?=C3=BC?=", "ü"),  # RFC 2231, 5
        ("=?utf-8?B?w7w?=", "ü"),  # padding forgotten
        ("=?utf-8?B?w7w*?=", "ü"),
        ("=?utf-8?b?A?=", ""),
        ("=?x-martian?q?=FC?=", "ü"),
        ("=?utf-8?q?=FC?=", "ü"),  # a lie
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
    ],
)
def test_encoded_words(written: str, shown: str) -> None:
    assert Headers([("Subject", written)]).text("subject") == shown


@pytest.mark.parametrize(
    "code", ["=0D=0A", "=0A", "=0D", "=00=0A", "=E2=80=A8", "=C2=85", "=0B=0C"]
)
def test_what_is_encoded_begins_no_field(code: str) -> None:
    assert words_decoded(f"=?utf-8?q?a{code}b?=") != "ab"  # it does decode to that
    subject = f"Subject: =?utf-8?q?Hi{code}Bcc:_all@example.org?="
    name = f"From: =?utf-8?q?Jane{code}Bcc:?= <jane@example.org>"
    found = read(mail("Hello", subject, name, head=""))
    assert found.subject == "Hi Bcc: all@example.org"
    assert found.from_name == "Jane Bcc:"
    assert found.from_address == "jane@example.org"


def test_what_turns_letters_round_is_taken_out_of_a_line() -> None:
    found = read(mail("", "Subject: pay \u202eevil\u202c \u2066now\u2069", head=""))
    assert found.subject == "pay evil now"


def test_fields_of_eight_bits_are_read_as_what_they_most_likely_are() -> None:
    assert read("Subject: Grüße\r\n\r\n".encode()).subject == "Grüße"
    assert read("Subject: Grüße\r\n\r\n".encode("cp1252")).subject == "Grüße"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("jane@example.org", [Mailbox("jane@example.org")]),
        ("Jane <jane@example.org>", [Mailbox("jane@example.org", "Jane")]),
        ("jane@example.org (Jane (the) Doe)", [Mailbox("jane@example.org", "Jane (the) Doe")]),
        ('"Doe, Jane" <j@x>, b@y', [Mailbox("j@x", "Doe, Jane"), Mailbox("b@y")]),
        ("Doe, Jane <j@x>", [Mailbox("j@x", "Doe, Jane")]),  # unquoted, as Outlook writes it
        ("a@x; b@y", [Mailbox("a@x"), Mailbox("b@y")]),
        ("undisclosed-recipients:;", []),
        ("Team: a@x, b@y;, c@z", [Mailbox("a@x"), Mailbox("b@y"), Mailbox("c@z")]),
        ('"a b"@x', [Mailbox('"a b"@x')]),
        ("<@relay,@other:j@x>", [Mailbox("j@x")]),  # RFC 5322, 4.4
        ("<mailto:j@x>", [Mailbox("j@x")]),
        ('"J \\"Q\\" <x@y>" <real@z>', [Mailbox("real@z", 'J "Q" <x@y>')]),
        ("ceo@bank <evil@x>", [Mailbox("evil@x", "ceo@bank")]),
        ("<a@b> <c@d>", [Mailbox("a@b")]),
        ("'Bob' <b@x>", [Mailbox("b@x", "Bob")]),
        ("=?utf-8?q?J=C3=BC?= <j@x>", [Mailbox("j@x", "Jü")]),
        ('"=?utf-8?q?J=C3=BC?=" <j@x>', [Mailbox("j@x", "Jü")]),
        ('"never closed <a@b>', [Mailbox("a@b")]),
        ("Jane Doe j@x", [Mailbox("j@x")]),
        ("a@x, A@X", [Mailbox("a@x")]),
        ("nobody", []),
        ("@", []),
        ("a@", []),
        ("", []),
        (f"{'a' * 400}@x", [Mailbox(f"{'a' * 64}@x")]),
    ],
)
def test_addresses(field: str, found: list[Mailbox]) -> None:
    assert mailboxes([field]) == found


@pytest.mark.parametrize(
    "what", ["(", '"', "<", ",", "a,", "a@b,", "\\", "@", "a@", "<a@b>", '"\\']
)
def test_addresses_without_end_are_read_in_time(what: str) -> None:
    assert len(mailboxes([what * (HEADER_CHARACTERS_MAX // 4 // len(what))])) <= ADDRESSES_MAX


def test_the_messages_that_it_follows_come_the_likeliest_first() -> None:
    fields = [("In-Reply-To", "<c@x>"), ("References", "<a@x> <b@x>\r\n <c@x> <d@x>")]
    assert replied_to(Headers(fields)) == ("c@x", "d@x", "b@x", "a@x")


def test_a_thread_without_end_is_cut_to_its_newest() -> None:
    thread = " ".join(f"<{number}@x>" for number in range(500))
    found = replied_to(Headers([("References", thread)]))
    assert found == tuple(f"{number}@x" for number in range(499, 499 - MESSAGE_IDS_MAX, -1))


@pytest.mark.parametrize(
    ("field", "ids"),
    [
        ("<a@x>", ["a@x"]),
        ("Your message of Monday <a@x>", ["a@x"]),
        ("a@x", ["a@x"]),
        ("<a @x>", ["@x>"]),
        ("no id", []),
        (f"<{'a' * 2000}@x>", []),
        ("<" * 9999, []),
    ],
)
def test_message_ids(field: str, ids: list[str]) -> None:
    assert message_ids(field) == ids


@pytest.mark.parametrize(
    ("field", "ms"),
    [
        ("Mon, 03 Apr 2023 10:00:00 +0200", 1_680_508_800_000),
        ("3 Apr 2023 10:00:00 GMT", 1_680_516_000_000),
        ("Mon, 03 Apr 2023 10:00:00", 1_680_516_000_000),
        ("Thu, 01 Jan 1960 00:00:00 +0000", 0),
        ("Mon, 99 Apr 2023 10:00:00 +0200", 0),
        ("Mon, 03 Apr 99999 10:00:00 +9999", 0),
        ("yesterday", 0),
        ("", 0),
        ("0" * 5000, 0),
    ],
)
def test_dates(field: str, ms: int) -> None:
    assert date_ms(field) == ms


def test_headers_have_limits() -> None:
    Headers([("A", "b")] * HEADERS_MAX)
    with pytest.raises(BadMail, match="header fields"):
        Headers([("A", "b")] * (HEADERS_MAX + 1))
    with pytest.raises(BadMail, match="header is longer"):
        Headers([("A", "b" * HEADER_CHARACTERS_MAX)])
