"""What a set of answers says, and how sure we can be of it.

CSAT is the share of satisfied answers (4 or 5 of 5) among all answers, never a mean: every number
names its method, its n and its interval, and a handful of answers gives no number at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

CSAT_METHOD = "csat.top2.wilson95"
SATISFIED_FROM = 4
ENOUGH_ANSWERS = 5
_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Score:
    """A share with its 95 % Wilson interval, each 0 to 1; None where `answers` are too few."""

    answers: int
    satisfied: int
    share: float | None
    low: float | None
    high: float | None


def csat(counts: Mapping[int, int], *, enough: int = ENOUGH_ANSWERS) -> Score:
    """The score of `counts` (answers by score, 1 to 5); suppressed below `enough` answers."""
    answers = sum(counts.values())
    satisfied = sum(count for score, count in counts.items() if score >= SATISFIED_FROM)
    if answers < max(1, enough):
        return Score(answers, satisfied, None, None, None)
    low, high = wilson(satisfied, answers)
    return Score(answers, satisfied, satisfied / answers, low, high)


def wilson(successes: int, n: int, z: float = _Z_95) -> tuple[float, float]:
    """The Wilson score interval of `successes` among `n` > 0: right for small n and shares near 1.

    (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n), with p = successes / n.
    """
    share = successes / n
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    middle = share + z * z / (2 * n)
    scale = 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
