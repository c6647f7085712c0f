"""What the surveys show of themselves, counted once what they count is committed."""

from __future__ import annotations

from services.chassis.telemetry.metrics import Catalogue
from services.feedback.core import events as said

_WORDS = {
    said.SurveyScheduled: "scheduled",
    said.SurveySuppressed: "suppressed",
    said.SurveySent: "sent",
    said.SurveyCancelled: "cancelled",
    said.SurveyAnswered: "answered",
    said.SurveyExpired: "expired",
    said.SurveyUndelivered: "undelivered",
    said.RecoveryOpened: "recovery_opened",
}


class Metrics:
    """A listener of the engine."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._surveys = catalogue.counter(
            "feedback_surveys_total",
            "what happened to surveys",
            labels={"event": "eight events", "reason": "why, for those that have one"},
        )
        self._answers = catalogue.counter(
            "feedback_answers_total", "answers taken", labels={"score": "1 to 5"}
        )
        self._refused = catalogue.counter(
            "feedback_answers_refused_total",
            "answers not taken",
            labels={"reason": "the core's refusals"},
        )

    def hear(self, fact: object) -> None:
        """Count an event of the surveys; anything else is somebody else's."""
        if isinstance(fact, said.Rejection):
            self._refused.labels(fact.refusal).inc()
            return
        word = _WORDS.get(type(fact))
        if word is None or not isinstance(fact, said.Event):
            return
        self._surveys.labels(word, fact.survey.reason or "").inc()
        if isinstance(fact, said.SurveyAnswered) and fact.survey.answer is not None:
            self._answers.labels(fact.survey.answer.score).inc()
