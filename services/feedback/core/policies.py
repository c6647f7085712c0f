"""When we ask, how long an answer is welcome, and which answers mean that we failed someone."""

from __future__ import annotations

from dataclasses import dataclass

from services.feedback.core.link import Links

DAY_MS = 86_400_000
SCORES = range(1, 6)
COMMENT_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules a survey is held to; all durations in milliseconds.

    `cooldown_ms` is counted per customer, over all conversations; 0 asks after every resolution.
    A customer in cooldown is not asked later: the survey is dropped, with its reason.
    """

    links: Links
    version: int = 1
    delay_ms: int = 0
    cooldown_ms: int = 30 * DAY_MS
    answer_within_ms: int = 7 * DAY_MS
    recover_at_most: int = 2
    silent_channels: frozenset[str] = frozenset({"VOICE"})

    def fails(self, score: int) -> bool:
        """Whether a score says that we failed the customer and owe them a recovery."""
        return score <= self.recover_at_most
