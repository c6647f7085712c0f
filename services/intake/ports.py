"""What the handlers need of the shell. Small, and each with one real and one test form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from services.intake.core.account import Account
from services.intake.core.delivery.commands import ReportAttempt, ReportLookup
from services.intake.core.delivery.events import DispatchEvent, GateEvent
from services.intake.core.delivery.model import Dispatch, Gate
from services.intake.core.events import Event
from services.intake.core.model import Dossier
from services.intake.core.refusals import Rejection


class ThreadJournal(Protocol):
    """Writes down what the threader decides: rows, events for others, timers."""

    def record(self, after: Dossier, event: Event) -> None:
        """`event` has happened, and the dossier is `after` now."""

    def refuse(self, dossier: Dossier, rejection: Rejection) -> None:
        """The command was refused; nothing has happened."""


class DispatchJournal(Protocol):
    """Writes down what delivery decides: rows, results for the threader, timers, calls to make."""

    def record(self, after: Dispatch, event: DispatchEvent) -> None:
        """`event` has happened, and the dispatch is `after` now."""

    def turn(self, gate: Gate, event: GateEvent) -> None:
        """`event` has happened to the gate of an account; `gate` is as it is now, or last was."""


class Sender(Protocol):
    """A provider's way out. Both calls return what is known and never raise for its failings."""

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """Make the one call of `dispatch.attempts`."""

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Ask the provider for the message; `known_ids` belong to other messages of the lane."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A kept file. `chunks` may be read once, at any pace: nothing is held between two of them."""

    size_bytes: int
    chunks: AsyncIterator[bytes]


class BlobStore(Protocol):
    """Keeps files of a tenant by the SHA-256 of their content (`core/blobs.py`).

    A file is kept for as long as a message names it, and for a day without: then it is swept
    (`shell/blobs/sweeping.py`, which knows all places where files are named). Every call raises
    the chassis' `StoreUnavailable` while the store is away, reading chunks too.
    """

    async def put(self, tenant_id: str, content: bytes) -> str:
        """Keep a file; gives its digest. A repeat is the same file, kept for a day from now."""

    async def hold(self, tenant_id: str, digest: str) -> bool:
        """Keep a file that is about to be named for a day from now; whether there is one."""

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        """A file of this tenant; None where there is none."""

    async def delete(self, tenant_id: str, digest: str) -> None:
        """Forget a file at once, if it is there, whoever names it."""
