"""How much the doors of one process take at a time, and who waits first when it is too much.

A process that takes more than it can publish answers everybody late, and then too late. So it
counts what is under way and turns the rest away at once, by what a delay costs (Meta's guidance for
webhooks, as 360dialog quotes it: a median of 250 ms). Receipts go first. Then providers that come
back for hours. Last those that ask once or twice: what they are refused may be lost (Twilio's
default is one retry).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.intake.metrics import IntakeMetrics
from services.intake.shell.one_of import alternatives


class Priority(StrEnum):
    """What a request brings; the first of these is turned away first."""

    RECEIPT = "RECEIPT"
    PATIENT = "PATIENT"
    MESSAGE = "MESSAGE"


_SHARE: Final[Mapping[Priority, float]] = {
    Priority.RECEIPT: 0.5,
    Priority.PATIENT: 0.75,
    Priority.MESSAGE: 1.0,
}


class Overloaded(Exception):
    """Too much is under way; the provider shall come back."""


class Admission:
    """Counts the requests under way."""

    def __init__(self, most: int, metrics: IntakeMetrics) -> None:
        self._most = {priority: int(most * share) for priority, share in _SHARE.items()}
        self._shed = {each: metrics.shed.labels(each.lower()) for each in Priority}
        self._open = 0
        metrics.open.set_function(lambda: self._open)

    def has_room(self, coming: int) -> bool:
        """Whether nobody is turned away, where so many come in beside those under way."""
        return self._open + coming < self._most[Priority.RECEIPT]

    def refuses(self, priority: Priority, coming: int = 0) -> bool:
        """Whether there is no place for such a request; if so, it is counted."""
        if self._open + coming < self._most[priority]:
            return False
        self._shed[priority].inc()
        return True

    @contextmanager
    def enter(self, priority: Priority) -> Iterator[None]:
        """Hold a place while a request is under way. Raises `Overloaded`."""
        if self.refuses(priority):
            raise Overloaded
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


@dataclass(frozen=True, slots=True)
class Doorway:
    """A path with `{account_id}` in it that requests of one provider come to."""

    path: str
    provider: str
    priority: Priority


class WebhookGate:
    """Turns webhooks away unread, by where they want to go.

    What is read from many connections in one turn of the loop begins in the next, so what comes in
    is counted until then.
    """

    def __init__(
        self, admission: Admission, doorways: Sequence[Doorway], metrics: IntakeMetrics
    ) -> None:
        self._admission = admission
        self._doorways = [
            (doorway.priority, metrics.requests.labels(doorway.provider, 503))
            for doorway in doorways
        ]
        self._paths = alternatives(doorway.path for doorway in doorways)
        self._coming = 0

    def is_open(self) -> bool:
        """Whether nobody is turned away."""
        return self._admission.has_room(self._coming)

    def note_passed(self) -> None:
        """Something comes in."""
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._coming += 1

    def _begin_turn(self) -> None:
        self._coming = 0

    def refuses(self, target: bytes) -> bool:
        """Whether a webhook to `target` finds no place; if so, it is counted as answered 503."""
        found = self._paths.fullmatch(target.partition(b"?")[0].decode("latin-1"))
        if found is None or found.lastindex is None:
            return False
        priority, answered = self._doorways[found.lastindex - 1]
        refused = self._admission.refuses(priority, self._coming)
        if refused:
            answered.inc()
        return refused
