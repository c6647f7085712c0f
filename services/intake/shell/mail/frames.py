"""How mails cross the pipe between a process and its workers: JSON, and bytes after it.

Nothing of it can be run. A frame is eight bytes that say how long its two parts are, an object, and
the contents of files one after the other; the object says how long each is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from struct import Struct
from typing import Any, Final

import orjson

from services.intake.shell.mail.mail import Automatic, Mail, MailFile

PREFIX: Final = Struct(">II")
EXIT_MEMORY: Final = 71
"""How a worker ends that has no memory left to say so."""

PART_BYTES_MAX: Final = 128 * 1024 * 1024

Json = dict[str, Any]

_TUPLES: Final = ("to", "cc", "in_reply_to", "delivered_to")


class BadFrame(ValueError):
    """What came through the pipe is no frame, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An object, and contents that JSON cannot hold."""

    head: Json
    contents: Sequence[bytes] = ()

    def chunks(self) -> Iterator[bytes]:
        """The frame as it is written."""
        sizes = [len(content) for content in self.contents]
        head = orjson.dumps({**self.head, "sizes": sizes})
        yield PREFIX.pack(len(head), sum(sizes)) + head
        yield from self.contents


def lengths(prefix: bytes) -> tuple[int, int]:
    """How long the object and the contents after a prefix are. Raises `BadFrame`."""
    head, contents = PREFIX.unpack(prefix)
    if max(head, contents) > PART_BYTES_MAX:
        raise BadFrame("a frame is too large")
    return head, contents


def frame(head: bytes, contents: bytes) -> Frame:
    """The frame of these two parts. Raises `BadFrame`."""
    try:
        said = orjson.loads(head)
        sizes = said.pop("sizes")
        is_whole = sum(sizes) == len(contents) and min(sizes, default=0) >= 0
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise BadFrame("a frame is not an object with the sizes of its contents") from None
    if not is_whole:
        raise BadFrame("a frame is not as long as it says")
    return Frame(said, list(_cut(contents, sizes)))


def _cut(contents: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    begin = 0
    for size in sizes:
        yield contents[begin : begin + size]
        begin += size


def of_files(files: Iterable[MailFile]) -> list[Json]:
    """Files without their contents."""
    names = [each.name for each in fields(MailFile) if each.name != "content"]
    return [{name: getattr(file, name) for name in names} for file in files]


def files_of(said: Iterable[Mapping[str, Any]], contents: Iterable[bytes]) -> tuple[MailFile, ...]:
    """Files with their contents."""
    return tuple(
        MailFile(**file, content=content) for file, content in zip(said, contents, strict=True)
    )


def of_mail(mail: Mail) -> Frame:
    """A mail on its way."""
    head = {each.name: getattr(mail, each.name) for each in fields(Mail)}
    return Frame({**head, "files": of_files(mail.files)}, [file.content for file in mail.files])


def mail_of(arrived: Frame) -> Mail:
    """A mail at its end. Raises `BadFrame`."""
    try:
        head = {**arrived.head, "automatic": Automatic(arrived.head["automatic"])}
        head |= {name: tuple(head[name]) for name in _TUPLES}
        head["files"] = files_of(head["files"], arrived.contents)
        return Mail(**head)
    except (KeyError, TypeError, ValueError):
        raise BadFrame("a frame holds no mail") from None
