"""What a run is asked to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.demo.people import DOORS, Door
from local.errors import StackError

AGENTS_MIN = 10
AGENTS_PER_MESSAGE_A_SECOND = 0.8


@dataclass(frozen=True, slots=True)
class Order:
    """So many inbound messages a second, for so long; the seed decides who writes what, where."""

    rate: float
    seconds: float
    seed: int = 1
    doors: tuple[Door, ...] = DOORS

    @property
    def messages(self) -> int:
        """Give how many messages that makes."""
        return max(1, round(self.rate * self.seconds))

    @property
    def agents(self) -> int:
        """Give how many agents it takes."""
        return max(AGENTS_MIN, round(self.rate * AGENTS_PER_MESSAGE_A_SECOND))


def doors_of(channels: Sequence[str]) -> tuple[Door, ...]:
    """Give the doors of channels; all for none.

    Raises:
        StackError: The demo's customers have no such channel.
    """
    known = {door.channel: door for door in DOORS}
    unknown = [name for name in channels if name not in known]
    if unknown:
        raise StackError(f"--channels takes {', '.join(known)}, not {', '.join(unknown)}.")
    return tuple(known[name] for name in known if name in channels) or DOORS
