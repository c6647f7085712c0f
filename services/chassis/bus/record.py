"""What travels on the bus, seen from a reader."""

from __future__ import annotations

from dataclasses import dataclass

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic partition, as the log holds it."""

    topic: str
    partition: int
    offset: int
    append_ms: int  # LogAppendTime, unix milliseconds: the only clock a processor sees
    key: bytes
    value: bytes
    headers: tuple[Header, ...] = ()

    def header(self, name: str) -> bytes | None:
        """The first header called `name`, or None."""
        return next((value for key, value in self.headers if key == name), None)
