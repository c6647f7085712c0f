"""Indicators: each a quotient of sums, named, with its formula, its n and its interval.

Vendors give one name to different formulas (a service level with or without the abandoned, a CSAT
as share or as mean), so a number without its formula says nothing. Both service levels are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.insights.core.model import Counts

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: two-sided 95 %."""


class Unit(StrEnum):
    """What an indicator's value counts."""

    RATIO = "RATIO"
    MILLISECONDS = "MILLISECONDS"


@dataclass(frozen=True, slots=True)
class Formula:
    """`over` divided by `under`, both sums of counts."""

    name: str
    unit: Unit
    over: str
    under: tuple[str, ...]

    @property
    def text(self) -> str:
        """The formula in the names of the counts."""
        below = " + ".join(self.under)
        return f"{self.over} / {below if len(self.under) == 1 else f'({below})'}"


@dataclass(frozen=True, slots=True)
class Indicator:
    """A formula's value over some windows; None where there was nothing to divide by.

    `low` and `high` bound the share with 95 % confidence (Wilson), None for means.
    """

    formula: Formula
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None


FORMULAS = (
    Formula("service_level", Unit.RATIO, "within_goal", ("assigned",)),
    Formula("service_level_offered", Unit.RATIO, "within_goal", ("assigned", "abandoned")),
    Formula("average_wait", Unit.MILLISECONDS, "wait_ms_sum", ("assigned",)),
    Formula("average_handle", Unit.MILLISECONDS, "handle_ms_sum", ("completed",)),
    Formula("abandon_rate", Unit.RATIO, "abandoned", ("assigned", "abandoned")),
    Formula("offer_acceptance", Unit.RATIO, "accepted", ("offered",)),
    Formula("clocks_kept", Unit.RATIO, "clocks_met", ("clocks_met", "clocks_breached")),
    Formula("csat", Unit.RATIO, "csat_satisfied", ("csat_answers",)),
    Formula("survey_response", Unit.RATIO, "surveys_answered", ("surveys_sent",)),
    Formula("reopen_rate", Unit.RATIO, "reopened", ("resolved",)),
)


def indicators(counts: Counts) -> tuple[Indicator, ...]:
    """Every indicator over the given sums, in the order of `FORMULAS`."""
    return tuple(_evaluate(formula, counts) for formula in FORMULAS)


def _evaluate(formula: Formula, counts: Counts) -> Indicator:
    over = counts.get(formula.over, 0)
    n = sum(counts.get(name, 0) for name in formula.under)
    if n <= 0:
        return Indicator(formula, None, max(n, 0))
    if formula.unit is Unit.MILLISECONDS or not 0 <= over <= n:
        return Indicator(formula, over / n, n)  # cases of one period may end in another
    return Indicator(formula, over / n, n, *wilson(over, n))


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of k of n (Wilson 1927, JASA 22:209); n at least 1.

    Unlike the usual p ± z·√(p(1−p)/n) it holds for small n and never leaves 0 to 1.
    """
    share = k / n
    spread = Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * (share * (1 - share) / n + spread / (4 * n)) ** 0.5
    # At its ends the interval is exactly 0 or 1, where arithmetic is a hair off.
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)
