"""The faults in force at each provider, and their dice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from local.simulator.faults import Dice, Faults


class Weather:
    """One dice a provider, so that what one meets is repeatable whatever the others are asked."""

    def __init__(self, providers: Iterable[str]) -> None:
        """Begin without faults."""
        self._dice = {name: Dice() for name in providers}
        self._everywhere = Faults()

    def at(self, provider: str) -> Dice:
        """Give a provider's dice."""
        return self._dice[provider]

    def has(self, provider: str) -> bool:
        """Tell whether there is such a provider."""
        return provider in self._dice

    def set_everywhere(self, faults: Faults) -> None:
        """Replace all providers' faults; each seed's sequence starts anew."""
        self._everywhere = faults
        self._dice = {name: Dice(faults) for name in self._dice}

    def set_at(self, provider: str, faults: Faults) -> None:
        """Replace one provider's faults, until those of all are replaced."""
        self._dice[provider] = Dice(faults)

    def told(self) -> dict[str, Any]:
        """Give the faults for all, how often each was played, and both for each provider."""
        played = sum((dice.played for dice in self._dice.values()), Counter())
        return {
            "faults": asdict(self._everywhere),
            "played": dict(played),
            "providers": {name: self.told_of(name) for name in self._dice},
        }

    def told_of(self, provider: str) -> dict[str, Any]:
        """Give a provider's faults, and how often each was played."""
        dice = self._dice[provider]
        return {"faults": asdict(dice.faults), "played": dict(dice.played)}
