"""Whatever the bytes are, they are a mail or a `BadMail`, and all that leaves can be stored."""

from __future__ import annotations

import re
from dataclasses import fields

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from services.intake.core.subjects import base_subject, is_forward
from services.intake.shell.mail.addresses import mailboxes
from services.intake.shell.mail.frames import mail_of, of_mail
from services.intake.shell.mail.headers import date_ms, message_ids, words_decoded
from services.intake.shell.mail.mail import BadMail, Mail, MailFile
from services.intake.shell.mail.reading import composed, read
from services.intake.shell.mail.texts import FILE_NAME_BYTES_MAX, decoded, one_line, storable
from tests.unit.intake.mail.mails import attached, html, mail, part, plain, several

SEEDS = (
    mail("Hello\r\n\r\nOn Mon, 3 Apr 2023 at 10:00, Jane <j@x> wrote:\r\n> Hi\r\n"),
    several(
        "mixed",
        several("alternative", plain("Grüße"), html('<p>Gr<img src="cid:a@b"></p>'), boundary="x"),
        attached(b"%PDF", "Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf"),
        attached(b"\x89PNG", "Content-ID: <a@b>", kind="image/png"),
        part(mail("inner"), "Content-Type: message/rfc822"),
    ),
    several(
        "report; report-type=delivery-status",
        plain("Sorry"),
        part("Final-Recipient: rfc822; a@x", "Content-Type: message/delivery-status"),
        part("Message-ID: <a@b>", "Content-Type: text/rfc822-headers"),
        head="From: MAILER-DAEMON@x\r\nReturn-Path: <>\r\n",
    ),
    mail(
        "Gr=FC=DFe=\r\n",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Type: text/plain; charset=iso-8859-1",
    ),
    mail("begin 644 a\r\n#0V%T\r\n`\r\nend", "Content-Transfer-Encoding: x-uuencode"),
    mail("a \r\n> b \r\n-- \r\n", "Content-Type: text/plain; format=flowed; delsp=yes"),
    mail(
        "",
        "References: <a@b> <c@d>",
        "Date: Mon, 03 Apr 2023 10:00:00 +0200",
        head='Subject: =?utf-8?q?=C3?= =?utf-8?b?vA?=\r\nFrom: "D" <j@x>, (c) a\r\nTo: x:a@b;\r\n',
    ),
)
WORDS = rb"""
    --b0undary -- = =?utf-7?b?K2FBLQ==?= =?punycode?q?a?= =? ?= *0*= ; " < > ( : % # begin wrote:
    charset=utf-16 charset=idna charset="x charset*=x'y'z boundary= boundary*1=a filename*=x'b'c
    Content-Type: multipart/mixed; message/rfc822 text/html
    Content-Transfer-Encoding: base64 uuencode
    From >From <p> </ <blockquote &#0; &#xD800; <!-- ]]> <div
""".split()
BYTES = [b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\x85", b" ", b"\t"]
INNER = b"Content-Type: multipart/mixed; boundary=b0undary\r\n\r\n--b0undary\r\n"
TOKENS = st.sampled_from([*WORDS, *BYTES, INNER])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A mail in which some pieces are missing, doubled, moved or something else."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(0, len(raw)))
        end = draw(st.integers(begin, min(len(raw), begin + 40)))
        other = draw(st.sampled_from([b"", raw[begin:end] * 2]) | TOKENS | st.binary(max_size=8))
        raw = raw[:begin] + other + raw[end:]
    return raw


def assert_sound(found: Mail) -> None:
    """Fail for what Postgres, UTF-8, a header or a file system would not take."""
    for name in ("from_address", "from_name", "reply_to", "subject", "message_id", "list_id"):
        assert_one_line(getattr(found, name))
    for name in ("to", "cc", "in_reply_to", "delivered_to"):
        for each in getattr(found, name):
            assert_one_line(each)
            assert each
    for text in (found.text, found.quoted, found.html):
        assert_storable(text)
    for file in found.files:
        assert_one_line(file.file_name)
        assert_one_line(file.content_id)
        assert file.file_name
        assert len(file.file_name.encode()) <= FILE_NAME_BYTES_MAX
        assert re.fullmatch(r"[a-z0-9][\w.+-]*/[a-z0-9][\w.+-]*", file.media_type)
        assert not {"/", "\\"} & set(file.file_name)
    assert found.date_ms >= 0
    assert mail_of(of_mail(found)) == found
    assert orjson.dumps(of_mail(found).head)
    assert {each.name for each in fields(Mail)} == set(of_mail(found).head)


def assert_storable(text: str) -> None:
    text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def assert_one_line(text: str) -> None:
    assert_storable(text)
    assert len(text.splitlines()) <= 1
    assert text == text.strip()


def check_read(raw: bytes) -> None:
    try:
        found = read(raw)
    except BadMail:
        return
    assert_sound(found)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_mail_or_a_bad_one(raw: bytes) -> None:
    check_read(raw)


@given(mutated())
@example(b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-")
@example(b"Content-Type: multipart/mixed; boundary*1=a; boundary*1=b\r\n\r\n--a\r\n")
@example(b"Content-Disposition: attachment; filename*=utf-7''+2AA-\r\n\r\nx")
@example(b"Content-Disposition: attachment; filename*=\0''x\r\n\r\nx")
@example(b"Content-Type: text/html\r\n\r\n&#xD800;&#0;&#13;<p title='&#10;'>")
def test_a_mutated_mail_is_a_mail_or_a_bad_one(raw: bytes) -> None:
    check_read(raw)


ANY = st.text(st.characters(), max_size=40)  # lone surrogates too


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["From", "to", "SUBJECT", "References", "List-Id", "Date"]) | ANY, ANY
        ),
        max_size=5,
    ),
    text=ANY,
    html=ANY,
    file=st.builds(MailFile, ANY, ANY, st.binary(max_size=9), ANY),
)
def test_any_parts_are_a_mail(
    headers: list[tuple[str, str]], text: str, html: str, file: MailFile
) -> None:
    assert_sound(composed(headers, text, html, [file]))


@given(ANY)
def test_no_field_makes_its_reader_fail(text: str) -> None:
    assert isinstance(words_decoded(text), str)
    assert isinstance(message_ids(text), list)
    assert date_ms(text) >= 0
    assert all("@" in mailbox.address for mailbox in mailboxes([text]))
    assert len(base_subject(text)) <= len(text)
    assert base_subject(base_subject(text)) == base_subject(text)
    assert isinstance(is_forward(text), bool)
    assert_storable(storable(text))
    assert_one_line(one_line(text, 20))


@given(
    st.binary(max_size=60),
    st.sampled_from(
        [
            "utf-8",
            "utf-7",
            "utf-16",
            "utf-32",
            "hz",
            "gb2312",
            "iso-2022-jp",
            "idna",
            "big5",
            "euc-kr",
            "cp037",
            "",
        ]
    )
    | ANY,
)
def test_any_bytes_in_any_charset_are_text(content: bytes, charset: str) -> None:
    assert_storable(storable(decoded(content, charset)))


@given(
    st.lists(
        st.sampled_from(["a", "b c", "", "> q", "-- ", "On 3 Apr 2023 at 10:00 x@y wrote:"]),
        max_size=20,
    )
)
def test_all_that_was_written_is_in_the_text_or_quoted(lines: list[str]) -> None:
    found = read(mail("\r\n".join(lines)))
    bare = [re.sub(r"\s", "", each) for each in ("".join(lines), found.text + found.quoted)]
    assert bare[0] == bare[1]
