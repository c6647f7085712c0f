"""The frames of a chat socket: one JSON object each, flat, as text.

The widget says `hello`, `message`, `received`, `seen`, `earlier`; it hears `welcome`, `accepted`,
`message`, `earlier`, `alive`, `error`. docs/guides/web-chat.md is the contract.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.intake.core.model import Attachment, Kind
from services.intake.shell.channels.forms import json_object, storable
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.chat.lines import Line
from services.intake.shell.chat.sealing import TOKEN_CHARACTERS_MAX

FRAME_BYTES_MAX: Final = 64 * 1024
TEXT_CHARACTERS_MAX: Final = 10_000
CURSOR_MAX: Final = 2**53 - 1  # what a browser counts to
_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9-]{2,35}")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame. `after` is the last line that the widget has; None for a fresh one."""

    token: str
    after: int | None
    language: str


@dataclass(frozen=True, slots=True)
class Said:
    """The visitor wrote; `text` may be too long, which is theirs to hear of.

    `files` are what the upload of each has given.
    """

    id: str
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progressed:
    """Lines up to `cursor` have arrived in the widget, or were on display if they are `seen`."""

    cursor: int
    seen: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """The visitor wants lines from before `before`."""

    before: int


Frame = Hello | Said | Progressed | Earlier


def parse(text: str) -> Frame:
    """What the widget says. Raises `Malformed`."""
    said = json_object(text.encode())
    read = _READERS.get(str(said.get("type")))
    if read is None:
        raise Malformed("type is none of ours")
    return read(said)


def _hello(said: Mapping[str, Any]) -> Hello:
    language = _text(said, "language") if "language" in said else ""
    return Hello(
        token=_text(said, "token", most=TOKEN_CHARACTERS_MAX),
        after=_cursor(said, "after") if "after" in said else None,
        language=language if _LANGUAGE.fullmatch(language) else "",
    )


def _said(said: Mapping[str, Any]) -> Said:
    named = _text(said, "id")
    if not _ID.fullmatch(named):
        raise Malformed("id is not 8 to 64 letters, digits, dots, dashes")
    text = storable(_text(said, "text", most=FRAME_BYTES_MAX)).strip()
    files = said.get("files", [])
    if not isinstance(files, list) or not all(isinstance(each, str) for each in files):
        raise Malformed("files is no list of texts")
    return Said(named, text, tuple(files))


def _text(said: Mapping[str, Any], name: str, *, most: int = 200) -> str:
    found = said.get(name)
    if not isinstance(found, str) or len(found) > most:
        raise Malformed(f"{name} is no text of at most {most} characters")
    return found


def _cursor(said: Mapping[str, Any], name: str) -> int:
    found = said.get(name)
    if type(found) is not int or not 0 <= found <= CURSOR_MAX:
        raise Malformed(f"{name} is no cursor")
    return found


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Frame]]] = {
    "hello": _hello,
    "message": _said,
    "received": lambda said: Progressed(_cursor(said, "cursor"), seen=False),
    "seen": lambda said: Progressed(_cursor(said, "cursor"), seen=True),
    "earlier": lambda said: Earlier(_cursor(said, "before")),
}


def welcome(*, token: str, seen: int, now_ms: int, file_bytes_max: int, files_max: int) -> str:
    """The session is open. `token`, if any, replaces the widget's; `seen` is the last line read.

    `file_bytes_max` is 0 where visitors send no files.
    """
    fields: dict[str, Any] = {"seen": seen, "now_ms": now_ms}
    if token:
        fields["token"] = token
    if file_bytes_max:
        fields |= {"file_bytes_max": file_bytes_max, "files_max": files_max}
    return _frame("welcome", fields)


def accepted(said: Said, message_id: str) -> str:
    """The message is durable, under our id."""
    return _frame("accepted", {"id": said.id, "message_id": message_id})


def message(line: Line, urls: Sequence[str | None]) -> str:
    """One line of the conversation; `urls` are where its files are, if they are ours."""
    files = [_file(each, url) for each, url in zip(line.attachments, urls, strict=True)]
    shown = {
        "cursor": line.number,
        "message_id": line.message_id,
        "from": _FROM.get(line.kind, "system"),
        "text": line.text,
        "at_ms": line.at_ms,
        "attachments": files,
    }
    return _frame("message", shown | ({"id": line.client_id} if line.client_id else {}))


def _file(attachment: Attachment, url: str | None) -> dict[str, Any]:
    shown = {
        "name": attachment.file_name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
    }
    return shown | ({"url": url} if url else {})


def earlier(*, more: bool) -> str:
    """The lines from before that were asked for have been shown; whether there are more."""
    return _frame("earlier", {"more": more})


def alive(now_ms: int) -> str:
    """Nothing is new; the connection lives."""
    return _frame("alive", {"now_ms": now_ms})


def error(code: str, *, id: str = "", retry_after_ms: int = 0) -> str:  # noqa: A002 - the frame's own name
    """What could not be done. Without `retry_after_ms` it never can."""
    about = {"id": id} if id else {}
    again = {"retry_after_ms": retry_after_ms} if retry_after_ms else {}
    return _frame("error", {"code": code} | about | again)


_FROM: Final[Mapping[Kind, str]] = {Kind.INBOUND: "visitor", Kind.REPLY: "agent"}


def _frame(kind: str, fields: Mapping[str, Any]) -> str:
    return orjson.dumps({"type": kind} | dict(fields)).decode()
