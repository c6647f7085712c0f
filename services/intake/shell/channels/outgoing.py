"""What a message of ours says where its files cannot go along: text, and links to the files.

One message is one call. So a provider gets a file only where it takes file and text at once; all
other files are addresses in the text, which its customer opens (`shell/attachment_links.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.intake.core.delivery.model import Dispatch
from services.intake.core.model import Attachment
from services.intake.shell.attachment_links import printable
from services.intake.shell.channels.protocol import Link

TEXT_TOO_LONG: Final = "text_too_long"
"""The reason of what failed because its provider takes no text of that length."""
NO_FILE: Final = "attachment_unavailable"
"""The reason of what failed because nobody could fetch a file of it."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message, and where its provider or its customer can fetch it."""

    attachment: Attachment
    url: str

    @property
    def kind(self) -> str:
        """Its media type, without parameters."""
        return self.attachment.media_type.partition(";")[0].strip().lower()

    @property
    def name(self) -> str:
        """Its name on one line; may be empty."""
        return printable(self.attachment.file_name)

    def fits(self, kinds: Iterable[str], bytes_max: int) -> bool:
        """Whether it is of one of the kinds, and known to be no larger."""
        return self.kind in kinds and 0 < self.attachment.size_bytes <= bytes_max


def files_of(dispatch: Dispatch, link: Link) -> tuple[File, ...] | None:
    """The files of a message in order; None where one of them cannot be fetched by anybody."""
    found = [(each, link(dispatch, each)) for each in dispatch.attachments]
    files = tuple(File(attachment, url) for attachment, url in found if url is not None)
    return files if len(files) == len(found) else None


def with_links(text: str, files: Sequence[File], *, named: bool = True) -> str:
    """The text, and below it a line for each file."""
    lines = [f"{file.name}: {file.url}" if named and file.name else file.url for file in files]
    return "\n\n".join(part for part in (text, "\n".join(lines)) if part)


def utf16_length(text: str) -> int:
    """How long a text is for providers that count UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
