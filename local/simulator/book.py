"""The provider's book: every message it took and what became of it, on disk and in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path

from local import jsonl
from local.simulator.message import FINAL, SentMessage


class Book:
    """Messages by id and in order of acceptance; survives kill -9 by its ledger."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left, then append."""
        self._messages: dict[str, SentMessage] = {}
        self._order: list[str] = []
        for entry in jsonl.read(path):
            self._replay(entry)
        self._ledger = jsonl.Ledger(path)
        self._grown = asyncio.Event()

    def add(self, message: SentMessage) -> None:
        """Take a message: from here on it will reach its recipient."""
        self._ledger.append({"kind": "accepted", **asdict(message)})
        self._remember(message)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def move(self, sid: str, status: str, *, now_ms: int, error_code: int = 0) -> SentMessage:
        """Set a message's status; gives the message as it is now."""
        moved = self._messages[sid].moved(status, now_ms=now_ms, error_code=error_code)
        self._ledger.append(
            {
                "kind": "moved",
                "sid": sid,
                "status": status,
                "at_ms": now_ms,
                "error_code": error_code,
            }
        )
        self._messages[sid] = moved
        return moved

    def note(self, kind: str, **facts: str | int) -> None:
        """Keep a fact that changes no message: a receipt's answer, a fault that was played."""
        self._ledger.append({"kind": kind, **facts})

    def get(self, sid: str) -> SentMessage | None:
        """Give one message."""
        return self._messages.get(sid)

    def unfinished(self) -> list[SentMessage]:
        """Give the messages that have not reached their end."""
        return [each for each in self._messages.values() if each.status not in FINAL]

    def latest_first(self) -> Iterator[SentMessage]:
        """Give all messages, the last accepted first."""
        return (self._messages[sid] for sid in reversed(self._order))

    async def follow(self, after: int) -> AsyncIterator[tuple[int, SentMessage]]:
        """Give every message past the first `after`, then each new one as it is accepted."""
        number = after
        while True:
            grown = self._grown
            while number < len(self._order):
                number += 1
                yield number, self._messages[self._order[number - 1]]
            await grown.wait()

    def _remember(self, message: SentMessage) -> None:
        self._messages[message.sid] = message
        self._order.append(message.sid)

    def _replay(self, entry: dict[str, object]) -> None:
        kind = entry.pop("kind", "")
        if kind == "accepted":
            self._remember(SentMessage(**entry))  # type: ignore[arg-type] # asdict wrote it
        elif kind == "moved":
            sid = str(entry["sid"])
            self._messages[sid] = self._messages[sid].moved(
                str(entry["status"]),
                now_ms=int(str(entry["at_ms"])),
                error_code=int(str(entry["error_code"])),
            )
