"""Makes readable text of html: lines, lists, links with their addresses, quotes marked with `>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

import nh3

from services.intake.shell.mail.html import HIDDEN, LINKED, TAGS
from services.intake.shell.mail.texts import words

QUOTE_MARKS_MAX: Final = 20

Attributes = list[tuple[str, str | None]]

_SECTIONS: Final = words("address article aside figure footer header main nav section")
_LINES: Final = words("caption center dd div dt hr li tr") | _SECTIONS
_APART: Final = words("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul")  # by an empty line
_CELLS: Final = words("td th")
_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
# What mailers call the part of a reply that they have added. OWA puts x_ before names of others,
# which are then further in.
_QUOTE_MARKS: Final = re.compile(
    r"(?:^|\s)(?:gmail_quote|gmail_attr|gmail_quote_container|yahoo_quoted|moz-cite-prefix|"
    r"protonmail_quote|tutanota_quote|zmail_extra|appendonsend|divRplyFwdMsg|OLK_SRC_BODY_SECTION|"
    r"OutlookMessageHeader|mail-editor-reference-message-container|reply-intro|isReplyContent)(?:\s|$)"
)


@dataclass(frozen=True, slots=True)
class Readable:
    """Text, and the numbers of the lines at which the mailer says that its quote begins."""

    text: str
    quote_lines: tuple[int, ...] = ()


def readable(html: str) -> Readable:
    """The text that somebody sees who is shown `html`."""
    walker = _Walker()
    walker.feed(_regular(html))
    walker.close()
    return walker.result()


def _regular(html: str) -> str:
    """Html without faults, so that the walker meets none: on some html.parser takes very long."""
    return nh3.clean(
        html,
        tags=set(TAGS | _SECTIONS),
        clean_content_tags=set(HIDDEN),
        attributes={
            "*": {"class", "id"},
            "a": {"href"},
            "blockquote": {"cite", "type"},
            "img": {"alt"},
            "li": {"value"},
            "ol": {"start"},
        },
        url_schemes=set(LINKED),
        link_rel=None,
    )


class _Walker(HTMLParser):
    """Writes lines while it reads tags. White space counts as html has it: runs of it are one."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._gap = 0  # empty lines that the next text wants before it
        self._gap_depth = 0
        self._depth = 0  # of quotes
        self._quotes: list[bool] = []  # of blockquotes: whether they quote
        self._pre = 0
        self._lists: list[int | None] = []  # the next number, None for those without
        self._item = ""  # what the next text wants before it
        self._links: list[tuple[str, list[str]]] = []
        self._marks: list[int] = []
        self._is_marked = False

    def result(self) -> Readable:
        """What has been read."""
        self._break(0)
        return Readable("\n".join(self._lines), tuple(dict.fromkeys(self._marks)))

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """A tag opens."""
        given = {name: value or "" for name, value in attrs}
        self._open_block(tag)
        if _QUOTE_MARKS.search(f"{given.get('class', '')} {given.get('id', '')}"):
            self._is_marked = True
        if tag == "br":
            self._end_line()
        elif tag == "blockquote":
            self._open_quote(given)
        elif tag == "img":
            self._write(given.get("alt", "").strip())
        elif tag == "a":
            self._links.append((given.get("href", ""), []))
        elif tag in {"ol", "ul"}:
            self._lists.append(_number(given.get("start", "1")) if tag == "ol" else None)
        elif tag == "li":
            self._open_item(given)

    def handle_endtag(self, tag: str) -> None:
        """A tag closes; nh3 has closed each where it belongs."""
        if tag == "a" and self._links:
            self._close_link()
        self._close_block(tag)
        if tag == "blockquote" and self._quotes:
            self._depth -= self._quotes.pop()
        elif tag in {"ol", "ul"} and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if self._pre:
            head, *rest = data.split("\n")
            self._write(head, exact=True)
            for line in rest:
                self._end_line()
                self._write(line, exact=True)
        else:
            self._write(_SPACE.sub(" ", data))

    def _open_block(self, tag: str) -> None:
        if tag in _APART:
            self._break(1)
        elif tag in _LINES:
            self._break(0)
        elif tag in _CELLS and self._line:
            self._write(" ")
        self._pre += tag == "pre"

    def _close_block(self, tag: str) -> None:
        if tag in _APART:
            self._break(1)
        elif tag in _LINES:
            self._break(0)
        self._pre -= tag == "pre"

    def _open_quote(self, given: dict[str, str]) -> None:
        """A blockquote without signs of a quote is a mailer's way to indent."""
        is_quote = (
            given.get("type") == "cite" or "cite" in given or "quote" in given.get("class", "")
        )
        self._is_marked = self._is_marked or (is_quote and not self._depth)
        self._quotes.append(is_quote)
        self._depth += is_quote

    def _open_item(self, given: dict[str, str]) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._item = "- "
            return
        number = _number(given["value"]) if "value" in given else number
        self._item = f"{number}. "
        self._lists[-1] = number + 1

    def _close_link(self) -> None:
        href, written = self._links.pop()
        shown = "".join(written).strip()
        bare = href.removeprefix("mailto:").removeprefix("tel:")
        if bare and bare.rstrip("/") != shown.rstrip("/"):
            self._write(f" <{bare}>" if shown else f"<{bare}>", exact=True)

    def _write(self, text: str, *, exact: bool = False) -> None:
        if not exact and (not self._line or self._line[-1].endswith(" ")):
            text = text.lstrip(" ")
        if not text:
            return
        if not self._line:
            self._begin_line()
        self._line.append(text)
        for _, written in self._links[-1:]:
            written.append(text)

    def _begin_line(self) -> None:
        if self._lines:
            outer = min(self._gap_depth, self._depth)
            self._lines.extend([_mark(outer).rstrip()] * self._gap)
        self._gap = 0
        if self._is_marked:
            self._marks.append(len(self._lines))
            self._is_marked = False
        if self._item:
            self._line.append(self._item)
            self._item = ""

    def _break(self, empty_lines: int) -> None:
        """Begin the next text in a line of its own, after as many empty ones at least."""
        if self._line:
            self._end_line()
        if empty_lines > self._gap:
            self._gap, self._gap_depth = empty_lines, self._depth

    def _end_line(self) -> None:
        """End this line, though it be empty."""
        if not self._line:
            self._begin_line()
        text = "".join(self._line).replace("\xa0", " ").rstrip()
        self._lines.append((_mark(self._depth) + text).rstrip())
        self._line = []


def _mark(depth: int) -> str:
    return ">" * min(depth, QUOTE_MARKS_MAX) + " " if depth else ""


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"-?[0-9]{1,6}", written) else 1
