"""Times that are drawn: how long a call takes, how long somebody waits, when the next one calls."""

from __future__ import annotations

import math
from random import Random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Mean = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Strict(BaseModel):
    """Part of a scenario: a misspelt key is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(Strict):
    """A mean and its coefficient of variation (deviation over mean)."""

    mean: Mean
    cv: Mean


class Duration(Strict):
    """Seconds by one distribution: `exponential: 180`, `uniform: [180, 420]`, and so on.

    Calls are closer to lognormal than to exponential (Brown et al., "Statistical Analysis of a
    Telephone Call Center", JASA 100, 2005, 4.1).
    """

    constant: Seconds | None = None
    exponential: Mean | None = None
    uniform: tuple[Seconds, Seconds] | None = None
    lognormal: Spread | None = None
    gamma: Spread | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Duration:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"name one of {', '.join(type(self).model_fields)}")
        if self.uniform is not None and self.uniform[0] > self.uniform[1]:
            raise ValueError("uniform goes from the shorter to the longer")
        return self

    def draw_ms(self, dice: Random) -> int:
        """One of them, in whole milliseconds."""
        return round(self._draw(dice) * 1000)

    def _draw(self, dice: Random) -> float:
        if self.exponential is not None:
            return dice.expovariate(1 / self.exponential)
        if self.uniform is not None:
            return dice.uniform(*self.uniform)
        if self.lognormal is not None:
            variance = math.log1p(self.lognormal.cv**2)
            return dice.lognormvariate(
                math.log(self.lognormal.mean) - variance / 2, math.sqrt(variance)
            )
        if self.gamma is not None:
            shape = 1 / self.gamma.cv**2
            return dice.gammavariate(shape, self.gamma.mean / shape)
        assert self.constant is not None
        return self.constant


class Phase(Strict):
    """From so many minutes on, so many an hour."""

    from_minutes: Annotated[float, Field(ge=0)]
    per_hour: Annotated[float, Field(ge=0, le=1_000_000)]


def arrivals_ms(phases: tuple[Phase, ...], length_ms: int, dice: Random) -> list[int]:
    """A Poisson process whose rate is constant within each phase: when each one comes."""
    found: list[int] = []
    ends = [*(phase.from_minutes * 60_000 for phase in phases[1:]), float(length_ms)]
    for phase, end in zip(phases, ends, strict=True):
        at = phase.from_minutes * 60_000
        while phase.per_hour > 0:
            at += dice.expovariate(phase.per_hour / 3_600_000)
            if at >= min(end, length_ms):
                break
            found.append(int(at))
    return found
