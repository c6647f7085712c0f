"""The providers' book: every message and what became of it, on disk and in memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from local import jsonl
from local.simulator.message import SentMessage, Written

_SENT_FIELDS = frozenset(each.name for each in fields(SentMessage))
_WRITTEN_FIELDS = frozenset(each.name for each in fields(Written))
_EARLIER = {"provider": "twilio", "account_id": ""}
"""What the lines of a book lack that was begun when there was one provider."""


class Book:
    """Messages by id and in order of acceptance; survives kill -9 by its ledger."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left, then append."""
        self._messages: dict[str, SentMessage] = {}
        self._order: list[str] = []
        self._sent_to: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._written_by: dict[tuple[str, str], list[Written]] = defaultdict(list)
        self._written: dict[str, dict[str, Written]] = defaultdict(dict)
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

    def write(self, written: Written) -> None:
        """Keep what a customer wrote."""
        self._ledger.append({"kind": "written", **asdict(written)})
        self._keep(written)

    def note(self, kind: str, **facts: str | int) -> None:
        """Keep a fact that changes no message: a receipt's answer, a fault that was played."""
        self._ledger.append({"kind": kind, **facts})

    def get(self, sid: str) -> SentMessage | None:
        """Give one message."""
        return self._messages.get(sid)

    def all(self) -> Iterator[SentMessage]:
        """Give every message, the first accepted first."""
        return (self._messages[sid] for sid in self._order)

    def latest_first(self) -> Iterator[SentMessage]:
        """Give every message, the last accepted first."""
        return (self._messages[sid] for sid in reversed(self._order))

    def sent_to(self, account_id: str, person: str) -> Sequence[SentMessage]:
        """Give what an account sent to somebody, in order."""
        return [self._messages[sid] for sid in self._sent_to.get((account_id, person), ())]

    def written_by(self, account_id: str, person: str) -> Sequence[Written]:
        """Give what somebody wrote to an account, in order."""
        return self._written_by.get((account_id, person), ())

    def written_as(self, account_id: str, name: str) -> Written | None:
        """Give what was written to an account under a name."""
        return self._written[account_id].get(name)

    def count_written(self, account_id: str) -> int:
        """Give how much was written to an account."""
        return len(self._written[account_id])

    def people(self, account_id: str) -> set[str]:
        """Give those whom an account has written to, or has heard of."""
        known = self._sent_to.keys() | self._written_by.keys()
        return {person for owner, person in known if owner == account_id}

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
        self._sent_to[message.account_id, message.recipient].append(message.sid)

    def _keep(self, written: Written) -> None:
        self._written_by[written.account_id, written.person].append(written)
        self._written[written.account_id][written.name] = written

    def _replay(self, entry: Mapping[str, Any]) -> None:
        kind = entry.get("kind")
        if kind == "accepted":
            known = {name: value for name, value in entry.items() if name in _SENT_FIELDS}
            self._remember(SentMessage(**_EARLIER | known))
        elif kind == "written":
            known = {name: value for name, value in entry.items() if name in _WRITTEN_FIELDS}
            self._keep(Written(**known))
        elif kind == "moved":
            self._messages[entry["sid"]] = self._messages[entry["sid"]].moved(
                entry["status"], now_ms=entry["at_ms"], error_code=entry["error_code"]
            )
