"""Taking an answer: the first one stands, and a bad one opens a recovery."""

from __future__ import annotations

from dataclasses import replace

from services.feedback.core.commands import RecordAnswer
from services.feedback.core.events import (
    Event,
    RecoveryOpened,
    Refusal,
    Rejection,
    SurveyAnswered,
)
from services.feedback.core.model import Answer, State, Survey, recovery_id_of
from services.feedback.core.policies import COMMENT_MAX, SCORES, Policy

_CLOSED: dict[State, tuple[Refusal, str]] = {
    State.SCHEDULED: (Refusal.NOT_SENT, "the question has not been asked yet"),
    State.ANSWERED: (Refusal.ALREADY_ANSWERED, "the first answer stands"),
    State.EXPIRED: (Refusal.EXPIRED, "the time to answer is over"),
    State.CANCELLED: (Refusal.WITHDRAWN, "the question was taken back"),
    State.UNDELIVERED: (Refusal.WITHDRAWN, "the question never arrived"),
    State.SUPPRESSED: (Refusal.WITHDRAWN, "the question was never asked"),
}


def answer(
    survey: Survey | None, command: RecordAnswer, now_ms: int, policy: Policy
) -> tuple[Event, ...] | Rejection:
    """The answer and what it sets in motion, or why it is not taken."""
    if survey is None or survey.recipient.tenant_id != command.tenant_id:
        return Rejection(Refusal.UNKNOWN_SURVEY, "there is no such survey")
    if survey.state in _CLOSED:
        return Rejection(*_CLOSED[survey.state])
    if survey.expires_at_ms is not None and now_ms >= survey.expires_at_ms:
        return Rejection(*_CLOSED[State.EXPIRED])
    if command.score not in SCORES:
        return Rejection(Refusal.INVALID_SCORE, f"the score must be {SCORES[0]} to {SCORES[-1]}")
    if "\0" in command.comment:
        return Rejection(Refusal.COMMENT_NOT_TEXT, "a comment holds no NUL")
    if len(command.comment) > COMMENT_MAX:
        return Rejection(Refusal.COMMENT_TOO_LONG, f"at most {COMMENT_MAX} characters")
    return _taken(survey, command, now_ms, policy)


def _taken(survey: Survey, command: RecordAnswer, now_ms: int, policy: Policy) -> tuple[Event, ...]:
    failed = policy.fails(command.score)
    answered = replace(
        survey,
        state=State.ANSWERED,
        ended_at_ms=now_ms,
        answer=Answer(
            score=command.score,
            comment=command.comment,
            source=command.source,
            answered_at_ms=now_ms,
        ),
        recovery_id=recovery_id_of(survey.survey_id) if failed else "",
    )
    taken = SurveyAnswered(answered)
    return (taken, RecoveryOpened(answered)) if failed else (taken,)
