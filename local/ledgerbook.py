"""Writes the outside's ledgers, in the form that the reconciler reads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from local.jsonl import Ledger
from local.verify.ledgers import (
    AGENTS,
    CUSTOMERS,
    SENDERS,
    Accepted,
    Answered,
    Scored,
    SeenOffer,
    Sent,
)

_KINDS: Mapping[type, str] = {SeenOffer: "offer", Accepted: "accepted", Answered: "replied"}


class Book:
    """The ledgers of senders, agents and customers of one data folder."""

    def __init__(self, folder: Path) -> None:
        """Open all three for appending."""
        self._senders = Ledger(folder / SENDERS)
        self._agents = Ledger(folder / AGENTS)
        self._customers = Ledger(folder / CUSTOMERS)

    def sent(self, entry: Sent) -> None:
        """Keep what became of a message that was sent in."""
        self._senders.append(asdict(entry))

    def agent(self, entry: SeenOffer | Accepted | Answered) -> None:
        """Keep what an agent saw or was told."""
        self._agents.append({"kind": _KINDS[type(entry)], **asdict(entry)})

    def scored(self, entry: Scored) -> None:
        """Keep an answer that was confirmed to a customer."""
        self._customers.append(asdict(entry))

    def close(self) -> None:
        """Close the files."""
        for ledger in (self._senders, self._agents, self._customers):
            ledger.close()


def now_ms() -> int:
    """Give the time in unix milliseconds."""
    return time.time_ns() // 1_000_000
