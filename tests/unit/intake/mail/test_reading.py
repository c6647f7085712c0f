"""Whole mails: which of their parts are the text, which are files, and what is refused."""

from __future__ import annotations

import base64

import pytest

from services.intake.shell.mail.mail import Automatic, BadMail, MailFile
from services.intake.shell.mail.parts import (
    CONTENT_FIELD_CHARACTERS_MAX,
    DEPTH_MAX,
    MAIL_BYTES_MAX,
    PARTS_MAX,
)
from services.intake.shell.mail.reading import (
    HTML_CHARACTERS_MAX,
    HTML_READ_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    composed,
    read,
)
from tests.unit.intake.mail.mails import attached, html, mail, part, plain, several

PDF = b"%PDF-1.7 \x00\xff"
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_mail_is_read_from_top_to_bottom() -> None:
    found = read(
        several(
            "mixed",
            several(
                "alternative", plain("Where is it?"), html("<b>Where</b> is it?"), boundary="x"
            ),
            attached(PDF, 'Content-Disposition: attachment; filename="bill.pdf"'),
            head=(
                "Return-Path: <jane@example.org>\r\n"
                "Delivered-To: help@example.com\r\n"
                "From: Jane Doe <Jane@Example.org>\r\n"
                "Reply-To: j@example.net\r\n"
                "To: Help <help@example.com>, b@example.com\r\n"
                "Cc: c@example.com\r\n"
                "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
                "Message-ID: <m1@example.org>\r\n"
                "In-Reply-To: <m0@example.com>\r\n"
                "Date: Mon, 03 Apr 2023 10:00:00 +0200\r\n"
            ),
        )
    )
    assert (found.from_address, found.from_name) == ("Jane@Example.org", "Jane Doe")
    assert found.reply_to == "j@example.net"
    assert found.to == ("help@example.com", "b@example.com")
    assert found.cc == ("c@example.com",)
    assert found.subject == "Grüße"
    assert found.message_id == "m1@example.org"
    assert found.in_reply_to == ("m0@example.com",)
    assert found.date_ms == 1_680_508_800_000
    assert (found.text, found.quoted) == ("Where is it?", "")
    assert found.html == "<b>Where</b> is it?"
    assert found.files == (MailFile("bill.pdf", "application/pdf", PDF),)
    assert found.automatic is Automatic.NO
    assert found.delivered_to == ("help@example.com", "b@example.com")


def test_a_mail_says_what_a_desk_has_called_it() -> None:
    assert read(mail("x", "X-Switchboard-Message: 0195@example.com")).sent_as == "0195@example.com"
    assert read(mail("x")).sent_as == ""


def test_who_is_not_named_as_the_author_may_be_as_the_sender() -> None:
    assert read(b"Sender: s@x\r\n\r\n").from_address == "s@x"
    assert read(b"Subject: x\r\n\r\n").from_address == ""


@pytest.mark.parametrize(
    "raw",
    [
        mail("Hello"),
        mail("Hello", "Content-Type: text/plain; charset=nonsense"),
        mail("Hello", "Content-Type: nonsense"),
        mail(base64.b64encode(b"Hello"), "Content-Transfer-Encoding: base64"),
        mail("SGVsbG8", "Content-Transfer-Encoding: base64"),  # padding forgotten
        mail("Hel=\r\nlo", "Content-Transfer-Encoding: quoted-printable"),
        mail("Hello", "Content-Type: multipart/mixed"),  # without a boundary
        mail("Hello", "Content-Type: multipart/mixed; boundary=x"),  # without a part
        several("mixed", plain("Hello")),
        several("alternative", plain("Hello"), html("<p>World</p>")),
        several("alternative", html("<p>Hello</p>"), plain(" \r\n ")),
        several("alternative", plain("Hello"), part("x", "Content-Type: text/x-amp-html")),
        several("mixed", plain(""), html("<p>Hello</p>")),
        several("related", html("<p>Hello</p>"), attached(PNG, kind="image/png")),
        mail("\0Hel\0lo"),
        mail("Hello".encode("utf-16"), "Content-Type: text/plain; charset=utf-16"),
        several("mixed", plain("Hello")).removesuffix(b"--b0undary--\r\n"),  # cut off
        mail("Hello").replace(b"\r\n", b"\n"),
    ],
)
def test_the_text_is_found(raw: bytes) -> None:
    assert read(raw).text == "Hello"


def test_passages_are_shown_in_their_order() -> None:
    found = read(several("mixed", plain("One\n"), html("<p>Two</p>"), plain("Three <3")))
    assert found.text == "One\n\n\nTwo\n\nThree <3"
    assert found.html == "<pre>One\n</pre>\n<p>Two</p>\n<pre>Three &lt;3</pre>"


def test_html_says_its_charset_where_the_mail_does_not() -> None:
    body = '<meta charset="koi8-r"><p>Привет</p>'.encode("koi8-r")
    assert read(mail(body, "Content-Type: text/html")).text == "Привет"


def test_lines_that_a_mailer_has_broken_are_made_whole() -> None:
    body = "A long \r\nline.\r\n> quoted \r\n> too\r\n>> deep\r\n-- \r\nJane"
    flowed = mail(body, "Content-Type: text/plain; format=flowed")  # RFC 3676
    assert read(flowed).text == "A long line.\n> quoted too\n>> deep"
    assert read(flowed).quoted == "-- \nJane"
    deleted = mail("ab \r\ncd\r\n  e", "Content-Type: text/plain; format=flowed; delsp=yes")
    assert read(deleted).text == "abcd\n e"


@pytest.mark.parametrize(
    ("fields", "name", "kind"),
    [
        (['Content-Disposition: attachment; filename="a b.pdf"'], "a b.pdf", "application/pdf"),
        (["Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf"], "ü.pdf", None),
        (["Content-Disposition: attachment; filename*0=lo; filename*1=ng.pdf"], "long.pdf", None),
        (['Content-Disposition: attachment; filename="=?utf-8?q?=C3=BC?=.pdf"'], "ü.pdf", None),
        (['Content-Disposition: attachment; filename="ü.pdf"'], "ü.pdf", None),
        (['Content-Disposition: attachment; filename="../../x.pdf"'], "x.pdf", None),
        (['Content-Disposition: attachment; filename=""'], "attachment.pdf", None),
        (["Content-Disposition: attachment"], "attachment.pdf", None),
        (["Content-Disposition: attachment; filename*=x\0y''z"], "z", None),
        ([f"Content-Disposition: attachment; filename*{'9' * 5000}=z"], "attachment.pdf", None),
        ([], "attachment.pdf", "application/pdf"),
    ],
)
def test_names_of_files(fields: list[str], name: str, kind: str | None) -> None:
    (file,) = read(several("mixed", plain("x"), attached(PDF, *fields))).files
    assert file.file_name == name
    assert file.media_type == (kind or "application/pdf")
    assert file.content == PDF


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("Application/PDF; x=y", "application/pdf"),
        ("text/calendar; method=REQUEST", "text/calendar"),
        ("application/ms-tnef", "application/ms-tnef"),
        ("a/b\r\n c", "application/octet-stream"),
        ("../x", "application/octet-stream"),
        ("image/svg+xml", "image/svg+xml"),
    ],
)
def test_kinds_of_files(kind: str, media_type: str) -> None:
    file = attached(PDF, "Content-Disposition: attachment; filename=x", kind=kind)
    (found,) = read(several("mixed", plain("x"), file)).files
    assert found.media_type == media_type


def test_text_with_a_name_is_a_file() -> None:
    found = read(
        several("mixed", plain("Hello"), part("log", 'Content-Type: text/plain; name="a.log"'))
    )
    assert found.text == "Hello"
    assert found.files == (MailFile("a.log", "text/plain", b"log"),)


def test_a_calendar_beside_the_text_is_a_file() -> None:
    invitation = part("BEGIN:VCALENDAR", "Content-Type: text/calendar; method=REQUEST")
    found = read(several("alternative", plain("Meet?"), html("<p>Meet?</p>"), invitation))
    assert found.text == "Meet?"
    assert [file.file_name for file in found.files] == ["attachment.ics"]


def test_a_mail_within_a_mail_stays_as_it_came() -> None:
    subject = "Subject: a/b: =?utf-8?q?=C3=BC?=\r\n"
    inner = several("mixed", plain("inner"), attached(PDF), boundary="inner", head=subject)
    forwarded = part(inner, "Content-Type: message/rfc822")
    found = read(several("mixed", plain("outer"), forwarded))
    assert found.text == "outer"
    (file,) = found.files
    assert (file.file_name, file.media_type) == ("a-b: ü.eml", "message/rfc822")
    assert file.content.rstrip() == inner.rstrip()


def test_images_that_the_html_shows_are_inline() -> None:
    shown = attached(PNG, "Content-ID: <a@b>", "Content-Disposition: attachment", kind="image/png")
    other = attached(PNG, "Content-ID: <c@d>", "Content-Disposition: inline", kind="image/png")
    found = read(several("related", html('<p>x<img src="cid:a%40b"></p>'), shown, other))
    assert [(file.content_id, file.inline) for file in found.files] == [
        ("a@b", True),
        ("c@d", False),
    ]


def test_an_image_that_is_written_into_the_html_becomes_a_file() -> None:
    data = base64.b64encode(PNG).decode()
    found = read(
        mail(f'<p>x</p><img src="data:image/png;base64,{data}">', "Content-Type: text/html")
    )
    (file,) = found.files
    assert (file.file_name, file.content, file.inline) == ("image-1.png", PNG, True)
    assert f'<img src="cid:{file.content_id}">' in found.html


def test_a_bounce_belongs_to_the_mail_that_it_returns() -> None:
    returned = part("Message-ID: <ours@example.com>\r\n\r\nHi", "Content-Type: message/rfc822")
    report = several("report; report-type=delivery-status", plain("Sorry"), returned)
    found = read(report)
    assert found.automatic is Automatic.BOUNCE
    assert found.in_reply_to == ("ours@example.com",)
    assert [file.file_name for file in found.files] == ["message.eml"]
    assert read(several("mixed", plain("Look"), returned)).in_reply_to == ()


def test_a_text_without_end_is_cut_and_kept_as_a_file() -> None:
    found = read(mail("x" * (TEXT_CHARACTERS_MAX + 1)))
    assert len(found.text) == TEXT_CHARACTERS_MAX
    assert [(file.file_name, len(file.content)) for file in found.files] == (
        [("message.txt", TEXT_CHARACTERS_MAX + 1)]
    )


@pytest.mark.parametrize("length", [HTML_CHARACTERS_MAX, HTML_READ_CHARACTERS_MAX])
def test_html_without_end_is_kept_as_a_file(length: int) -> None:
    long = f"<p>Hello</p><!--{'x' * length}--><p>{'y' * HTML_CHARACTERS_MAX}</p>"
    found = read(several("alternative", plain("Hello"), html(long)))
    assert (found.text, found.html) == ("Hello", "")
    (file,) = found.files
    assert (file.file_name, file.content.decode().rstrip()) == ("message.html", long)


def nested(levels: int) -> bytes:
    raw = plain("deep")
    for level in range(levels):
        raw = several("mixed", raw, boundary=f"x{level}", head="")
    return raw


def test_nesting_has_an_end() -> None:
    assert read(nested(DEPTH_MAX - 1)).text == "deep"
    with pytest.raises(BadMail, match="nested"):
        read(nested(DEPTH_MAX))


@pytest.mark.parametrize("levels", [PARTS_MAX, 3000])
def test_a_bomb_of_levels_is_refused_before_it_is_parsed(levels: int) -> None:
    opened = "".join(
        f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n'
        for level in range(levels)
    )
    with pytest.raises(BadMail, match="parts"):
        read(opened.encode())


def test_parts_have_a_number() -> None:
    assert read(several("mixed", *[plain("x")] * (PARTS_MAX - 1))).text.count("x") == PARTS_MAX - 1
    with pytest.raises(BadMail, match="parts"):
        read(several("mixed", *[plain("x")] * PARTS_MAX))


@pytest.mark.parametrize(
    ("raw", "limit"),
    [
        (b"x" * (MAIL_BYTES_MAX + 1), "larger"),
        (b"A: b\r\n" * 2000 + b"\r\nx", "header fields"),
        (b"A: " + b"b" * 500_000 + b"\r\n\r\nx", "header is longer"),
        (several("mixed", part("x", *["A: b"] * 2000)), "header fields"),
        (
            mail("x", f"Content-Type: text/plain; a={'b' * CONTENT_FIELD_CHARACTERS_MAX}"),
            "content-type",
        ),
        (mail("x", "Content-Disposition: a; " + '";' * 9000), "content-disposition"),
        (mail("x", f"Content-Type: multipart/mixed; boundary*{'9' * 5000}=z"), "told apart"),
    ],
)
def test_limits(raw: bytes, limit: str) -> None:
    with pytest.raises(BadMail, match=limit):
        read(raw)


def test_what_a_provider_took_apart_is_the_same_mail() -> None:
    raw = several(
        "mixed",
        several("alternative", plain("Hi\n\n-- \nJane"), html("<p>Hi</p>"), boundary="x"),
        attached(PDF, 'Content-Disposition: attachment; filename="bill.pdf"'),
        head="From: =?utf-8?q?J=C3=BC?= <j@x>\r\nTo: h@y\r\nSubject: x\r\nReferences: <a@x>\r\n",
    )
    headers = [
        ("From", "Jü <j@x>"),
        ("To", "h@y"),
        ("Subject", "x"),
        ("references", "<a@x>"),
    ]
    file = MailFile("../bill.pdf", "Application/PDF", PDF)
    assert composed(headers, "Hi\r\n\r\n-- \r\nJane", "<p>Hi</p>", [file]) == read(raw)


def test_what_a_provider_took_apart_is_trusted_no_more() -> None:
    headers = [("From", "a\nBcc: x <j@x>"), ("Subject", "\ud800\0=?utf-8?q?a=0D=0Ab?=")]
    found = composed(headers, "a\0\ud800", "<script>x</script><p onclick=x>y\0</p>", [])
    assert (found.subject, found.text, found.html) == ("\ufffda b", "a\ufffd", "<p>y</p>")
    assert composed([], "", "<p>y</p>", []).text == "y"
    with pytest.raises(BadMail, match="files"):
        composed([], "", "", [MailFile("a", "b/c", b"")] * (PARTS_MAX + 1))
    with pytest.raises(BadMail, match="header fields"):
        composed([("a", "b")] * 2000, "", "", [])
