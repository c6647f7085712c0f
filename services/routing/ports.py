"""What the handlers and the doors need of the outside."""

from __future__ import annotations

from typing import Protocol

from services.routing.core.domain import Changes, Domain
from services.routing.core.events import Event
from services.routing.core.refusals import Rejection
from services.routing.core.triage.model import Case
from services.routing.core.triage.model import Event as TriageEvent
from services.routing.core.work import WorkItem


class MatcherJournal(Protocol):
    """Where the consequences of one command are written, all of them or none."""

    def keep(self, after: Domain, changes: Changes) -> None:
        """Keep every entity that changed, and its timer. `after` is the domain as it is now."""

    def announce(self, after: Domain, changes: Changes, event: Event) -> Domain:
        """Tell the world; returns the domain with its events counted."""

    def rest(self, work: WorkItem) -> None:
        """Look at waiting work again when somebody's rest ends."""

    def refuse(self, domain: Domain, rejection: Rejection) -> None:
        """Tell whoever asked, and those who watch."""


class TriageJournal(Protocol):
    """Where the consequences of one command are written, all of them or none."""

    def keep(self, case: Case) -> None:
        """Keep the case and its timer."""

    def announce(self, case: Case, event: TriageEvent) -> None:
        """Ask the matcher. `case` is as after the event."""
