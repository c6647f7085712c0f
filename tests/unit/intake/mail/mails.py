"""Builders of mails for the tests: as bytes, part by part."""

from __future__ import annotations

import base64

HEAD = "From: Jane Doe <jane@example.org>\r\nTo: help@example.com\r\nSubject: Parcel\r\n"
BOUNDARY = "b0undary"


def mail(body: str | bytes = "Hello", *fields: str, head: str = HEAD) -> bytes:
    """A mail of these fields (without line ends) and this body."""
    content = body.encode() if isinstance(body, str) else body
    return "".join((head, *(f"{field}\r\n" for field in fields), "\r\n")).encode() + content


def part(body: str | bytes, *fields: str) -> bytes:
    """One part of a multipart."""
    return mail(body, *fields, head="")


def several(kind: str, *parts: bytes, boundary: str = BOUNDARY, head: str = HEAD) -> bytes:
    """A multipart of this kind; with another boundary and without a head it is itself a part."""
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + mark + b"--\r\n"
    field = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    return mail(body, "MIME-Version: 1.0", field, head=head)


def plain(text: str) -> bytes:
    """A part of plain text."""
    return part(text, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


def html(text: str) -> bytes:
    """A part of html."""
    return part(text, "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: 8bit")


def attached(content: bytes, *fields: str, kind: str = "application/pdf") -> bytes:
    """A file, in base64."""
    return part(
        base64.encodebytes(content),
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: base64",
        *fields,
    )
