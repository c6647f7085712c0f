"""Ledgers: JSON lines, one write a line, so that kill -9 loses no line and mixes none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson


class Ledger:
    """An append-only file of JSON objects.

    Each line is one `write` to a file opened with O_APPEND: once `append` returns, the kernel has
    the line, and a killed process doesn't take it along. (A machine that loses power may.)
    """

    def __init__(self, path: Path) -> None:
        """Open the file for appending; a last line that was cut off is closed first."""
        path.parent.mkdir(parents=True, exist_ok=True)
        cut_off = _ends_in_the_middle(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if cut_off:
            os.write(self._file, b"\n")

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one line."""
        os.write(self._file, orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Give the ledger's entries in order, none if there is no file; a torn line is passed over."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def _ends_in_the_middle(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
