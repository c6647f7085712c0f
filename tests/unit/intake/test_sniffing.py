"""What a file is taken for: its content first, a claim only where the content leaves it open."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.blobs.sniffing import UNKNOWN, is_shown_inline, media_type_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" + b"\0" * 40
MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + b"\0" * 40
THREE_GP = b"\0\0\0\x18ftyp3gp4\0\0\0\x003gp43gp6" + b"\0" * 40
OGG = b"OggS\0\x02" + b"\0" * 20 + b"\x01\x13OpusHead" + b"\0" * 40
HTML = "text/html"
SVG = "image/svg+xml"


def packed(*names: str) -> bytes:
    """A zip archive with files of these names."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            opened.writestr(name, "x" * 10)
    return archive.getvalue()


@pytest.mark.parametrize("claimed", ["", "text/plain", "application/pdf", "image/svg+xml", "??"])
@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a" + b"\1" * 40, "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 40, "image/webp"),
        (b"%PDF-1.7\n%", "application/pdf"),
        (MP4, "video/mp4"),
        (OGG, "audio/ogg"),
        (b"#!AMR\n" + b"\x3c" * 40, "audio/amr"),
        (packed("a.txt"), "application/zip"),
    ],
)
def test_the_content_wins(content: bytes, shown: str, claimed: str) -> None:
    assert media_type_of(content, claimed) == shown


@pytest.mark.parametrize(
    ("content", "claimed", "kept"),
    [
        (b"Hello", "text/plain; charset=utf-8", "text/plain"),
        (b"a,b\n1,2\n", "TEXT/CSV", "text/csv"),
        (THREE_GP, "video/3gpp", "video/3gpp"),
        (MP4, "audio/mp4", "audio/mp4"),
        (OGG, "audio/ogg; codecs=opus", "audio/ogg"),
        (packed("a.xml"), "application/vnd.oasis.opendocument.text", None),
        (b"Hello", "image/png", UNKNOWN),
        (b"Hello", "application/pdf", UNKNOWN),
        (b"Hello", "", UNKNOWN),
        (b"Hello", "nonsense", UNKNOWN),
        (b"Hello", "text/plain\r\nX-Evil: 1", UNKNOWN),
        (b"Hello", "a/b\0c", UNKNOWN),
        (b"", "text/plain", "text/plain"),
    ],
)
def test_a_claim_is_kept_where_the_content_does_not_belie_it(
    content: bytes, claimed: str, kept: str | None
) -> None:
    assert media_type_of(content, claimed) == (kept or claimed)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"<!DOCTYPE html><html>", HTML),
        (b"\n\t <HTML><body>", HTML),
        (b"\xef\xbb\xbf<script>alert(1)</script>", HTML),
        (b"<!-- a comment --><b>", HTML),
        (b'<a href="javascript:1">', HTML),
        (b"<iframe src=x>", HTML),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', SVG),
        (b'<?xml version="1.0"?>\n<!-- c --><!DOCTYPE svg PUBLIC "x"><svg>', SVG),
        (b"<!-- c --><svg onload=alert(1)>", SVG),
        (b"MZ\x90\0\x03\0\0\0", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01", "application/x-executable"),
        (b"#!/bin/sh\nrm -r .\n", "application/x-executable"),
        (b"\xcf\xfa\xed\xfe" + b"\0" * 60, "application/x-mach-binary"),
    ],
)
def test_what_runs_is_found_under_any_claim_and_never_shown(content: bytes, shown: str) -> None:
    for claimed in ("", "image/png", "text/plain", "video/mp4"):
        assert media_type_of(content, claimed) == shown
    assert not is_shown_inline(shown)


@pytest.mark.parametrize(
    "media_type",
    [
        HTML,
        SVG,
        "application/pdf",
        "text/plain",
        "application/xhtml+xml",
        UNKNOWN,
        "",
        "image/png;x",
    ],
)
def test_only_pictures_sound_and_film_are_shown(media_type: str) -> None:
    assert not is_shown_inline(media_type)
    assert all(map(is_shown_inline, ("image/png", "image/jpeg", "audio/ogg", "video/mp4")))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_kept_is_a_media_type(content: bytes, claimed: str) -> None:
    kind, slash, name = media_type_of(content, claimed).partition("/")
    assert kind.isalpha()
    assert slash
    assert name.isascii()
    assert name.isprintable()


@pytest.mark.parametrize("content", [b"<!---->" * 1200, b"<?xml ?>" * 1200, b" " * 9000])
def test_no_content_takes_forever(content: bytes) -> None:
    assert media_type_of(content, "text/plain") in {"text/plain", HTML}
