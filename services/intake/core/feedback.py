"""What a customer answered in a survey: the last answer is kept beside whatever they write next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FeedbackKind(StrEnum):
    """What was asked for: satisfaction, effort, or recommendation."""

    CSAT = "CSAT"
    CES = "CES"
    NPS = "NPS"


@dataclass(frozen=True, slots=True)
class Feedback:
    """An answer: `score` as it was given, from `score_min` to `score_max`. The comment is PII."""

    survey_id: str
    conversation_id: str
    kind: FeedbackKind
    score: int
    score_min: int
    score_max: int
    comment: str
    answered_at_ms: int

    @property
    def order(self) -> tuple[int, str]:
        """The later answer is the last one; of two within a millisecond always the same."""
        return self.answered_at_ms, self.survey_id


def last_of(one: Feedback | None, other: Feedback | None) -> Feedback | None:
    """The later of two answers, in whatever order they become known; `one` where both are it."""
    if one is None or other is None:
        return one or other
    return other if other.order > one.order else one
