"""What a check is, and what running many of them gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that should hold. `run` gives None where it does, else what is wrong."""

    description: str
    hint: str
    """What to do where it doesn't."""
    run: Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Category:
    """Checks that belong together; where one fails the rest of the category is not tried."""

    name: str
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check ended; `error` is empty where it holds."""

    category: str
    description: str
    error: str = ""
    hint: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether the check was passed."""
        return not self.error


async def run(categories: Sequence[Category]) -> list[Outcome]:
    """Run all checks in order."""
    return [outcome for category in categories for outcome in await _run_category(category)]


async def _run_category(category: Category) -> list[Outcome]:
    outcomes = []
    for check in category.checks:
        error = await _error_of(check)
        hint = check.hint if error else ""
        outcomes.append(Outcome(category.name, check.description, error, hint))
        if error:
            break
    return outcomes


async def _error_of(check: Check) -> str:
    try:
        return await check.run() or ""
    except Exception as error:  # noqa: BLE001 - whatever a check meets is what it has to report
        return f"{type(error).__name__}: {error}"


def holding(condition: bool, otherwise: str) -> str | None:  # noqa: FBT001 - reads as a sentence
    """Give None where the condition holds, else the words."""
    return None if condition else otherwise
