"""Forms with files: fields and files as they came, and what is no form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.channels.form_data import FIELDS_MAX, FormFile, form_of
from services.intake.shell.channels.protocol import Incoming, Malformed
from tests.unit.intake.sendgrid import BOUNDARY, multipart

URLENCODED = "application/x-www-form-urlencoded; charset=utf-8"


def incoming(
    body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}"
) -> Incoming:
    return Incoming("", {}, {"content-type": content_type}, body, 0)


def test_fields_and_files_are_as_they_came() -> None:
    body = multipart(
        {"text": "Grüße\r\n", "raw": b"\xff\x00\r\n--almost"},
        ("attachment1", "Rechnung März.pdf", "application/pdf", b"%PDF\r\n\r\n--"),
        ("attachment2", 'a \\"quoted\\".txt', "text/plain; charset=utf-8", b""),
    )
    form = form_of(incoming(body))
    assert (form.text("text"), form.raw("raw")) == ("Grüße\r\n", b"\xff\x00\r\n--almost")
    assert list(form.files) == [
        FormFile("attachment1", "Rechnung März.pdf", "application/pdf", b"%PDF\r\n\r\n--"),
        FormFile("attachment2", 'a "quoted".txt', "text/plain; charset=utf-8", b""),
    ]
    assert form.has("text")
    assert not form.has("attachment1")
    assert form.raw("nothing") == b""


def test_a_form_without_files_is_read_as_bytes() -> None:
    form = form_of(incoming(b"a=1+2&a=%C3%A4&b=%FF%00&c&&%61%62=x", URLENCODED))
    assert form.fields == {"a": [b"1 2", b"\xc3\xa4"], "b": [b"\xff\x00"], "c": [b""], "ab": [b"x"]}
    assert form.text("a") == "ä"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"", ""),
        (multipart({"a": "1"}), "multipart/form-data"),
        (multipart({"a": "1"}), "multipart/form-data; boundary=another"),
        (multipart({"a": "1"})[:-8], f"multipart/form-data; boundary={BOUNDARY}"),
        (b"", f"multipart/form-data; boundary={BOUNDARY}"),
        (
            multipart({str(n): "" for n in range(FIELDS_MAX + 1)}),
            f"multipart/form-data; boundary={BOUNDARY}",
        ),
        (b"a&" * (FIELDS_MAX + 1), URLENCODED),
        (
            f"--{BOUNDARY}\r\n{'a' * 9000}: b\r\n\r\n".encode(),
            f"multipart/form-data; boundary={BOUNDARY}",
        ),
    ],
)
def test_what_is_no_form_is_malformed(body: bytes, content_type: str) -> None:
    with pytest.raises(Malformed):
        form_of(incoming(body, content_type))


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_a_file_is_what_was_put_in(content: bytes, end: bytes) -> None:
    if BOUNDARY.encode() in content + end:
        return
    form = form_of(incoming(multipart({"end": end}, ("f", "f", "x/y", content))))
    assert (form.files[0].content, form.raw("end")) == (content, end)


@given(st.binary(max_size=300), st.sampled_from([b"", f"--{BOUNDARY}\r\n".encode()]))
def test_reading_never_fails_otherwise(body: bytes, start: bytes) -> None:
    for kind in (URLENCODED, f"multipart/form-data; boundary={BOUNDARY}"):
        assert _is_read(incoming(start + body, kind)) in {True, False}


def _is_read(request: Incoming) -> bool:
    try:
        return bool(form_of(request))
    except Malformed:
        return False
