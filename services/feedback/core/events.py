"""What has happened to a survey. Each event carries the survey as it stands after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.feedback.core.model import Survey


@dataclass(frozen=True, slots=True)
class SurveyScheduled:
    """The customer will be asked at `survey.send_at_ms`."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class TurnRequested:
    """The customer's cooldown has to be looked up before they are asked."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveySuppressed:
    """The customer is not asked, now or later, for `survey.reason`."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveySent:
    """The question with its link was handed to intake."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyCancelled:
    """The question was taken back before an answer came."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyAnswered:
    """The customer answered."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyExpired:
    """No answer came in time."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyUndelivered:
    """The question never reached the customer."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class CommentErased:
    """What was personal in an answer is gone; the score stays."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class RecoveryOpened:
    """The answer says that we failed someone: work to make it good is opened."""

    survey: Survey


Event = (
    SurveyScheduled
    | TurnRequested
    | SurveySuppressed
    | SurveySent
    | SurveyCancelled
    | SurveyAnswered
    | SurveyExpired
    | SurveyUndelivered
    | CommentErased
    | RecoveryOpened
)
SILENT = (TurnRequested, CommentErased)
"""Events that nobody outside is told of."""


class Refusal(StrEnum):
    """Why an answer was not taken."""

    UNKNOWN_SURVEY = "SURVEY_NOT_FOUND"
    INVALID_SCORE = "SCORE_OUT_OF_RANGE"
    COMMENT_TOO_LONG = "COMMENT_TOO_LONG"
    COMMENT_NOT_TEXT = "COMMENT_NOT_TEXT"
    NOT_SENT = "SURVEY_NOT_SENT"
    ALREADY_ANSWERED = "SURVEY_ALREADY_ANSWERED"
    EXPIRED = "SURVEY_EXPIRED"
    WITHDRAWN = "SURVEY_WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that changes nothing, and why."""

    refusal: Refusal
    detail: str
