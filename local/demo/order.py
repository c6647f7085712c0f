"""What a run is asked to be."""

from __future__ import annotations

from dataclasses import dataclass

AGENTS_MIN = 10
AGENTS_PER_MESSAGE_A_SECOND = 0.8


@dataclass(frozen=True, slots=True)
class Order:
    """So many inbound messages a second, for so long; the seed decides who writes what."""

    rate: float
    seconds: float
    seed: int = 1

    @property
    def messages(self) -> int:
        """Give how many messages that makes."""
        return max(1, round(self.rate * self.seconds))

    @property
    def agents(self) -> int:
        """Give how many agents it takes."""
        return max(AGENTS_MIN, round(self.rate * AGENTS_PER_MESSAGE_A_SECOND))
