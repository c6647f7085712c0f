"""Reads forms with files in them, `multipart/form-data` (RFC 7578), and those without, as bytes.

Fields may be in any charset, and may be whole mails, so nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.intake.shell.channels.forms import URLENCODED, media_type
from services.intake.shell.channels.protocol import Incoming, Malformed

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART: Final = "multipart/form-data"
FIELDS_MAX: Final = 500
FIELD_HEADERS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, as it came."""

    name: str
    file_name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FormData:
    """The fields of a form by name, each in the order of the form, and its files."""

    fields: Mapping[str, Sequence[bytes]]
    files: Sequence[FormFile] = ()

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self.fields

    def raw(self, name: str) -> bytes:
        """The last field of this name, empty where there is none."""
        return self.fields.get(name, (b"",))[-1]

    def text(self, name: str) -> str:
        """The same, in the charset that forms are in where nothing else is said."""
        return self.raw(name).decode("utf-8", "replace")


def form_of(incoming: Incoming) -> FormData:
    """The form of a request. Raises `Malformed`."""
    kind = media_type(incoming.headers)
    if kind == MULTIPART:
        return _multipart(incoming.headers["content-type"], incoming.body)
    if kind == URLENCODED:
        return _urlencoded(incoming.body)
    raise Malformed(f"content-type is neither {MULTIPART} nor {URLENCODED}")


def _urlencoded(body: bytes) -> FormData:
    found: dict[str, list[bytes]] = {}
    pairs = body.split(b"&", FIELDS_MAX)
    if len(pairs) > FIELDS_MAX:
        raise _too_many()
    for pair in filter(None, pairs):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        key = unquote_to_bytes(name).decode("utf-8", "replace")
        found.setdefault(key, []).append(unquote_to_bytes(value))
    return FormData(found)


def _multipart(content_type: str, body: bytes) -> FormData:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise Malformed("the form has no boundary")
    reading = _Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks(), max_header_count=FIELD_HEADERS_MAX)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Malformed("the form is not multipart") from None
    if not reading.is_whole:
        raise Malformed("the form ends early")
    return FormData(reading.fields, reading.files)


@dataclass(slots=True)
class _Reading:
    """What the parser has come by so far."""

    fields: dict[str, list[bytes]] = field(default_factory=dict)
    files: list[FormFile] = field(default_factory=list)
    is_whole: bool = False
    headers: dict[bytes, bytes] = field(default_factory=dict)
    header: list[bytes] = field(default_factory=lambda: [b"", b""])
    content: list[bytes] = field(default_factory=list)
    count: int = 0

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self.content.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self.count += 1
        if self.count > FIELDS_MAX:
            raise _too_many()
        self.headers, self.content = {}, []

    def _add(self, place: int, piece: bytes) -> None:
        self.header[place] += piece

    def _end_header(self) -> None:
        self.headers[self.header[0].lower()] = self.header[1]
        self.header = [b"", b""]

    def _end(self) -> None:
        said = parse_options_header(self.headers.get(b"content-disposition", b""))[1]
        name = _text(said.get(b"name", b""))
        content = b"".join(self.content)
        self.content = []
        if b"filename" in said:
            kind = _text(self.headers.get(b"content-type", b""))
            self.files.append(FormFile(name, _text(said[b"filename"]), kind, content))
        else:
            self.fields.setdefault(name, []).append(content)

    def _finish(self) -> None:
        self.is_whole = True


def _text(value: bytes) -> str:
    """File names are UTF-8 (RFC 7578, 5.1); what is not is read as it was in the days before."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _too_many() -> Malformed:
    return Malformed(f"the form has more than {FIELDS_MAX} fields")
