"""What a scenario comes to: figures of each day, their means, and how sure these are.

Days are independent, so a mean has a confidence interval by Student's t. Two scenarios with one
seed meet the same customers, so their difference is taken day by day (common random numbers: Law,
"Simulation Modeling and Analysis", 11.2), which needs far fewer days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean, stdev
from typing import Final

from local.scenarios.center import Customer, Day

CONFIDENCE: Final = 0.95
ALL: Final = "all"
Figures = Mapping[tuple[str, str], float]
"""By what it is of (work, a group of agents, `all`) and what it is called."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over days, and half of its confidence interval."""

    mean: float
    half: float

    @property
    def is_certain(self) -> bool:
        """Whether it differs from 0."""
        return abs(self.mean) > self.half

    def holds(self, value: float) -> bool:
        """Whether a value lies within the interval."""
        return abs(self.mean - value) <= self.half


def of(day: Day) -> Figures:
    """The figures of one day. Of what there was nothing, there is no figure."""
    found: dict[tuple[str, str], float] = {}
    names = dict.fromkeys(customer.demand.name for customer in day.customers)
    for name in names:
        theirs = [each for each in day.customers if each.demand.name == name]
        found |= {(name, what): value for what, value in _of_customers(theirs).items()}
    if len(names) > 1:
        found |= {(ALL, what): value for what, value in _of_customers(day.customers).items()}
    found |= {(group, "occupancy"): share for group, share in day.occupancy.items()}
    return found


def estimates(days: Sequence[Figures]) -> dict[tuple[str, str], Estimate]:
    """The mean of each figure that every day has."""
    return {
        key: _estimate([day[key] for day in days])
        for key in days[0]
        if all(key in day for day in days)
    }


def differences(
    before: Sequence[Figures], after: Sequence[Figures]
) -> dict[tuple[str, str], Estimate]:
    """`after` less `before`, of each figure that both have, day by day."""
    pairs = list(zip(before, after, strict=True))
    return {
        key: _estimate([there[key] - here[key] for here, there in pairs])
        for key in before[0]
        if all(key in here and key in there for here, there in pairs)
    }


def _of_customers(customers: Sequence[Customer]) -> dict[str, float]:
    served = [each for each in customers if each.outcome == "served"]
    gone = [each for each in customers if each.outcome == "abandoned"]
    waits_s = sorted(each.waited_ms / 1000 for each in served)
    within = sum(_is_within(each) for each in served)
    short = sum(_is_within(each) for each in gone)
    found = {
        "arrived": float(len(customers)),
        "served": float(len(served)),
        "abandoned": float(len(gone)),
        "abandonment": len(gone) / len(customers),
        "service_level": within / len(customers),
        "retrials": float(sum(each.tries - 1 for each in customers)),
        "waiting": fmean(each.waited_ms > 0 for each in customers),
    }
    if short < len(customers):
        found["service_level_short_excluded"] = within / (len(customers) - short)
    if waits_s:
        found["mean_wait_s"] = fmean(waits_s)
        found["p90_wait_s"] = waits_s[min(len(waits_s) - 1, int(len(waits_s) * 0.9))]
    return found


def _is_within(customer: Customer) -> bool:
    return customer.waited_ms <= customer.demand.target_seconds * 1000


def _estimate(values: Iterable[float]) -> Estimate:
    found = list(values)
    half = _t(len(found) - 1) * stdev(found) / sqrt(len(found))
    return Estimate(fmean(found), half)


def _t(freedom: int) -> float:
    """Student's t of `CONFIDENCE`, from the normal's quantile (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    if freedom < len(_FEW):
        return _FEW[freedom]
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    tail: float = sum(term / freedom**power for power, term in enumerate(terms, start=1))
    return z + tail


_FEW: Final = (float("inf"), 12.7062, 4.3027, 3.1824, 2.7764, 2.5706)
"""The first of them, of which the series is not good enough."""
