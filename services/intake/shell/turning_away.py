"""Turns requests away before anybody reads them: an answer in the time of a system call.

What a process refuses costs it as well. Through all layers a refusal takes as long as a request
that is served, so five times too many of them would leave no time for any. Here a gate sees the
first line of a request that came in one piece; what it refuses is answered 503 and forgotten. All
else goes its ordinary way, where it may be refused too.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RETRY_AFTER_SECONDS: Final = 2
_FIRST_LINE: Final = re.compile(rb"POST (/[^ ]*) HTTP/1\.1\r\n")
_LENGTH: Final = b"\r\ncontent-length:"
_CHUNKED: Final = b"\r\ntransfer-encoding:"
_CLOSING: Final = b"\r\nconnection: close\r\n"
_TEXT: Final = b"too much at once"
_HEAD: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"retry-after: %d\r\ncontent-length: %d\r\n" % (RETRY_AFTER_SECONDS, len(_TEXT))
)
_REFUSAL: Final = _HEAD + b"\r\n" + _TEXT
_LAST_REFUSAL: Final = _HEAD + b"connection: close\r\n\r\n" + _TEXT


class Gate(Protocol):
    """Who is turned away."""

    def is_open(self) -> bool:
        """Whether nobody is: asked for every request, so it is to be cheap."""

    def refuses(self, target: bytes) -> bool:
        """Whether a POST to `target`, a path with its query, is turned away; if so, it counts."""

    def note_passed(self) -> None:
        """Something goes its ordinary way; whoever serves it has not begun."""


class GatedProtocol(HttpToolsProtocol):
    """uvicorn's protocol behind a gate."""

    gate: Gate
    _between_requests = True

    def data_received(self, data: bytes) -> None:
        """Bytes of a connection: a whole request that the gate refuses is read no further."""
        if self.gate.is_open() or not self._is_refused(data):
            self.gate.note_passed()
            super().data_received(data)

    def on_message_begin(self) -> None:
        """The parser is within a request: what comes next belongs to it."""
        self._between_requests = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The parser has seen the end of a request."""
        super().on_message_complete()
        self._between_requests = True

    def _is_refused(self, data: bytes) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        first = _FIRST_LINE.match(data) if answered and self._between_requests else None
        if first is None:
            return False
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.lower() + b"\r\n"
        if not _is_whole(head, body) or not self.gate.refuses(first[1]):
            return False
        if _CLOSING in head:
            self.transport.write(_LAST_REFUSAL)
            self.transport.close()
        else:
            self.transport.write(_REFUSAL)
        return True


def gated(gate: Gate) -> type[GatedProtocol]:
    """The protocol behind one gate, for uvicorn to make its connections of."""
    return type("GatedProtocol", (GatedProtocol,), {"gate": gate})


def _is_whole(head: bytes, body: bytes) -> bool:
    """Whether the body is all that its head, in lower case, has announced, and nothing follows."""
    _, _, after = head.partition(_LENGTH)
    announced = after.partition(b"\r\n")[0].strip()
    if _LENGTH in after or _CHUNKED in head or not announced.isdigit():
        return False
    return int(announced) == len(body)
