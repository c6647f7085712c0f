"""What every benchmark prints: a table for people, and as its last line one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that was measured, and the bound it is held against."""

    name: str
    value: float
    goal: float
    at_most: bool = field(default=False, kw_only=True)

    @property
    def met(self) -> bool:
        """Whether the value is on the right side of its bound."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings, columns aligned."""
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(headings))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    print()


def finish(bench: str, goals: Sequence[Goal], **figures: object) -> None:
    """Print each goal and the closing line; exits 1 where a goal is missed."""
    for goal in goals:
        bound = "at most" if goal.at_most else "at least"
        verdict = "met" if goal.met else "MISSED"
        print(f"{verdict:>6}  {goal.name}: {goal.value:.2f} ({bound} {goal.goal})")
    listed = [
        {"name": g.name, "value": round(g.value, 3), "goal": g.goal, "met": g.met} for g in goals
    ]
    print(json.dumps({"bench": bench, "goals": listed, **figures}), flush=True)
    sys.exit(0 if all(goal.met for goal in goals) else 1)
