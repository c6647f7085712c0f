"""Erlang's formulas: what a pool of equal agents comes to without a simulation.

Arrivals are Poisson, services exponential. In Erlang C nobody gives up; in Erlang A everybody does
after an exponential time (Palm 1946; Mandelbaum and Zeltyn, "The Palm/Erlang-A Queue", 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import exp
from typing import Final

NEGLIGIBLE: Final = 1e-15


@dataclass(frozen=True, slots=True)
class ErlangC:
    """`rate` a second, `service_s` seconds each. Of fewer agents than work, everybody waits."""

    rate: float
    service_s: float
    agents: int

    @property
    def load(self) -> float:
        """Erlangs."""
        return self.rate * self.service_s

    @property
    def waiting(self) -> float:
        """The share of customers who wait."""
        if self.load >= self.agents:
            return 1.0
        blocked = 1.0
        for number in range(1, self.agents + 1):
            blocked = self.load * blocked / (number + self.load * blocked)
        return blocked / (1 - self.load / self.agents * (1 - blocked))

    def service_level(self, target_s: float) -> float:
        """The share of customers who are served within so many seconds."""
        if self.load >= self.agents:
            return 0.0
        spare = (self.agents - self.load) / self.service_s
        return 1 - self.waiting * exp(-spare * target_s)

    @property
    def mean_wait_s(self) -> float:
        """Seconds that a customer waits; infinite where work piles up."""
        if self.load >= self.agents:
            return float("inf")
        return self.waiting * self.service_s / (self.agents - self.load)


@dataclass(frozen=True, slots=True)
class ErlangA:
    """As `ErlangC`, with customers who give up after `patience_s` seconds in the mean."""

    rate: float
    service_s: float
    patience_s: float
    agents: int

    @property
    def waiting(self) -> float:
        """The share of customers who wait."""
        shares = self._shares()
        return sum(shares[self.agents :])

    @property
    def abandonment(self) -> float:
        """The share of customers who give up."""
        return self._queue() / self.patience_s / self.rate

    @property
    def mean_wait_s(self) -> float:
        """Seconds that a customer waits, whatever becomes of it (Little's law)."""
        return self._queue() / self.rate

    def _queue(self) -> float:
        shares = self._shares()
        return sum(number * share for number, share in enumerate(shares[self.agents :]))

    def _shares(self) -> list[float]:
        """How often so many are there: a birth and death process, until what is left is nothing."""
        weights = [1.0]
        for number in count(1):
            served = min(number, self.agents) / self.service_s
            leaving = max(0, number - self.agents) / self.patience_s
            weights.append(weights[-1] * self.rate / (served + leaving))
            if number > self.agents and weights[-1] < NEGLIGIBLE * max(weights):
                break
        total = sum(weights)
        return [weight / total for weight in weights]
