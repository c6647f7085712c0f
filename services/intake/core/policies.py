"""What an installation may choose about threading. Chosen once, handed to every decision."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.model import Tier

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ThreadingPolicy:
    """How long a resolved conversation takes its customer back, and who a stranger is.

    The window of 72 hours follows the field: automatic close after four days is the most common
    default, a day the shortest (Zendesk and Zaapi).
    """

    reopen_window_ms: int = 72 * _HOUR_MS
    default_tier: Tier = Tier.BASIC
    default_language: str = "en"
