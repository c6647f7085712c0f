"""What the handlers need of the shell. Small, and each with one real and one test form."""

from __future__ import annotations

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
