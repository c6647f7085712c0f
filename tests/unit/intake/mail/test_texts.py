"""Charsets that are unknown or lie, characters that nobody stores, names that nobody saves."""

from __future__ import annotations

import pytest

from services.intake.shell.mail.texts import (
    FILE_NAME_BYTES_MAX,
    decoded,
    file_name,
    one_line,
    storable,
)


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"plain", "us-ascii", "plain"),
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("cp1252"), "iso-8859-1", "Grüße"),
        (b"\x93quoted\x94", "iso-8859-1", "“quoted”"),  # WHATWG: Latin-1 is windows-1252
        ("Grüße".encode(), "iso-8859-1", "Grüße"),  # a lie
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("cp1252"), "us-ascii", "Grüße"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("Grüße".encode() + b"\xff", "utf-8", "Grüße\ufffd"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
        ("こんにちは".encode("iso-2022-jp"), "ISO-2022-JP", "こんにちは"),
        ("①".encode("cp932"), "shift_jis", "①"),
        ("שלום".encode("iso8859-8"), "iso-8859-8-i", "שלום"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        ("Grüße".encode("cp1252"), "8bit", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), '"UTF-8"', "Grüße"),
    ],
)
def test_charsets(content: bytes, charset: str, text: str) -> None:
    assert decoded(content, charset) == text


@pytest.mark.parametrize(
    "charset",
    [
        *("punycode", "idna", "unicode_escape", "raw_unicode_escape", "rot13", "zlib", "hex"),
        *("undefined", "utf-8\0", "../../etc", "a" * 5000, "utf-7", "utf-16", "hz", "mbcs", "☃"),
    ],
)
def test_no_charset_makes_it_fail(charset: str) -> None:
    assert isinstance(decoded(bytes(range(256)) * 4 + b"xn--\\ud800+2AA-", charset), str)


def test_a_codec_that_reads_escapes_is_no_charset() -> None:
    assert decoded(b"\\ud800", "unicode_escape") == "\\ud800"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\0b", "ab"),
        ("a\r\nb\rc\x0bd\x85e\u2028f", "a\nb\nc\nd\ne\nf"),
        ("a\x01\x1b[31m\tb\x7f", "a[31m\tb"),
        ("\ud800a\udfff", "\ufffda\ufffd"),
        ("\ud83d\ude00", "😀"),  # the halves of one
        ("\ufeffa", "a"),
        ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),  # joiners are part of what is written
    ],
)
def test_what_is_stored(text: str, stored: str) -> None:
    assert storable(text) == stored
    stored.encode()


def test_one_line_is_one() -> None:
    assert one_line(" a\r\n b\u2028c\u00a0d ", 99) == "a b c d"
    assert one_line("abc def", 4) == "abc"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\jane\\cv.doc", "cv.doc"),
        ("..", ""),
        (".", ""),
        ("a/", ""),
        ("in\0voi\nce.pdf", "invoi ce.pdf"),
        ("bill\u202efdp.exe", "billfdp.exe"),
        ("  name . ", "name"),
        ("", ""),
    ],
)
def test_file_names(written: str, name: str) -> None:
    assert file_name(written) == name


@pytest.mark.parametrize("letter", ["a", "ü", "你", "😀"])
def test_a_long_name_keeps_its_extension(letter: str) -> None:
    name = file_name(letter * 400 + ".pdf")
    assert name.endswith(".pdf")
    assert FILE_NAME_BYTES_MAX - 4 < len(name.encode()) <= FILE_NAME_BYTES_MAX


def test_an_extension_that_is_none_is_cut_like_the_rest() -> None:
    assert len(file_name("a." + "b" * 400).encode()) == FILE_NAME_BYTES_MAX
