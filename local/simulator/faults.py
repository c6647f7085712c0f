"""Faults on demand: which of them a call meets is drawn from a seeded sequence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from random import Random
from typing import Any

CALL_FAULTS = ("throttle", "error_before", "error_after", "drop_before", "drop_after")


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities from 0 to 1; times in milliseconds.

    A creating call meets at most one of the five call faults, and may be slow besides.
    """

    seed: int = 0
    throttle: float = 0.0
    """Answered "too many", in the provider's own words; nothing happens."""
    error_before: float = 0.0
    """Answered with an error of the provider's, nothing happens."""
    error_after: float = 0.0
    """Answered with an error of the provider's although the message goes out."""
    drop_before: float = 0.0
    """Connection closed without an answer, nothing happens."""
    drop_after: float = 0.0
    """Connection closed without an answer although the message goes out."""
    slow: float = 0.0
    slow_ms: int = 2_000
    undeliverable: float = 0.0
    """The recipient can't be reached: the call is refused, or the message fails later."""
    receipt_lost: float = 0.0
    receipt_twice: float = 0.0
    receipt_late: float = 0.0
    late_ms: int = 5_000

    def __post_init__(self) -> None:
        """Refuse what is not a probability."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and not 0.0 <= value <= 1.0:
                raise ValueError(f"{field.name} must be from 0 to 1")
        if sum(getattr(self, name) for name in CALL_FAULTS) > 1.0:
            raise ValueError(f"{', '.join(CALL_FAULTS)} together must not exceed 1")


def parse(document: dict[str, Any]) -> Faults:
    """Read faults from JSON.

    Raises:
        ValueError: A name is unknown or a value is no probability.
    """
    known = {field.name for field in fields(Faults)}
    unknown = sorted(set(document) - known)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return Faults(**document)


class Dice:
    """Draws faults and counts those that were played."""

    def __init__(self, faults: Faults | None = None) -> None:
        """Start the seed's sequence from its beginning."""
        self.faults = faults or Faults()
        self.played: Counter[str] = Counter()
        self._random = Random(self.faults.seed)  # noqa: S311 - repeatable on purpose, no secret

    def call(self) -> str:
        """Draw the fault of one creating call, empty for none."""
        draw = self._random.random()
        for name in CALL_FAULTS:
            draw -= float(getattr(self.faults, name))
            if draw < 0:
                return self._count(name)
        return ""

    def happens(self, name: str) -> bool:
        """Draw whether one of the other faults happens."""
        if self._random.random() >= float(getattr(self.faults, name)):
            return False
        return bool(self._count(name))

    def _count(self, name: str) -> str:
        self.played[name] += 1
        return name
