"""What a run counts while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Figures:
    """Counts as the outside sees them."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    retried: int = 0
    offered: int = 0
    declined: int = 0
    ignored: int = 0
    assigned: int = 0
    replied: int = 0
    resolved: int = 0
    surveyed: int = 0
    answered: int = 0
    withdrawn: int = 0
    """Surveys whose link had ended when it was opened: the customer had written again."""
    problems: dict[str, int] = field(default_factory=dict)
    """What went wrong at the doors, by its name, for people to read."""

    def problem(self, name: str) -> None:
        """Count something that went wrong."""
        self.problems[name] = self.problems.get(name, 0) + 1


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the smallest value that at least this share of the values doesn't exceed."""
    if not values:
        return None
    ordered = sorted(values)
    rank = max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)
    return ordered[min(rank, len(ordered) - 1)]
