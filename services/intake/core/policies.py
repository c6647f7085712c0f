"""What an installation may choose about threading. Chosen once, handed to every decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.intake.core.model import Channel, Tier

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ThreadingPolicy:
    """How long conversations take their customers back, and who a stranger is.

    The window of 72 hours follows the field: automatic close after four days is the most common
    default, a day the shortest (Zendesk and Zaapi). `reopen_windows_ms` names channels that differ.
    Within `same_matter_window_ms` a person who changes the channel is taken to go on with what they
    were talking about. Links of two addresses that are less sure than `link_confidence_min` are not
    made.
    """

    reopen_window_ms: int = 72 * _HOUR_MS
    reopen_windows_ms: Mapping[Channel, int] = field(default_factory=dict)
    same_matter_window_ms: int = 24 * _HOUR_MS
    link_confidence_min: float = 0.9
    default_tier: Tier = Tier.BASIC
    default_language: str = "en"

    def reopen_window_of(self, channel: Channel) -> int:
        """How long a resolved conversation on the channel takes its customer back."""
        return self.reopen_windows_ms.get(channel, self.reopen_window_ms)
