"""How much the doors of one process take at a time, and who waits first when it is too much.

A process that takes more than it can publish answers everybody late, and then too late. So it
counts what is under way and turns the rest away at once, by what a delay costs (Meta's guidance for
webhooks, as 360dialog quotes it: a median of 250 ms). Receipts go first. Then providers that come
back for hours. Last those that ask once or twice: what they are refused may be lost (Twilio's
default is one retry).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from services.intake.metrics import IntakeMetrics


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
        self._metrics = metrics
        self._open = 0

    @contextmanager
    def enter(self, priority: Priority) -> Iterator[None]:
        """Hold a place while a request is under way. Raises `Overloaded`."""
        if self._open >= self._most[priority]:
            self._metrics.shed.labels(priority.lower()).inc()
            raise Overloaded
        self._open += 1
        self._metrics.open.set(self._open)
        try:
            yield
        finally:
            self._open -= 1
            self._metrics.open.set(self._open)
