"""The words of feedback: surveys, the case they belong to, and the customer's patience."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

_SURVEYS = uuid.UUID("6f0d7c5c-8a55-5a0b-9d0e-2b1f6c1c7a31")
_ANSWERS = uuid.UUID("d4c1f0a2-7d39-5c86-9f0e-5a1b8e62f3d7")
_RECOVERIES = uuid.UUID("b0a4a6b4-0b52-5d0e-8a5d-5d3e3a6f9c12")


class State(StrEnum):
    """Where a survey stands. All but the first two are ends."""

    SCHEDULED = "SCHEDULED"
    SENT = "SENT"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SUPPRESSED = "SUPPRESSED"
    UNDELIVERED = "UNDELIVERED"


TERMINAL = frozenset(State) - {State.SCHEDULED, State.SENT}


class Reason(StrEnum):
    """Why a survey was not sent, or was taken back."""

    COOLDOWN = "cooldown"
    CHANNEL = "channel"
    REOPENED = "reopened"
    MERGED = "merged"
    ERASED = "erased"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a survey goes to, as the resolution's event told it.

    `home_id` is the key of intake's mailbox; the agent is the one who resolved, whoever holds the
    conversation later. `language` is BCP 47, empty if unknown.
    """

    tenant_id: str
    conversation_id: str
    customer_id: str
    home_id: str
    channel: str
    account_id: str
    tier: str
    language: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer said: 1 (very bad) to 5 (very good), and why. The comment is PII."""

    score: int
    comment: str
    source: str
    answered_at_ms: int


@dataclass(frozen=True, slots=True)
class Survey:
    """One CSAT question about one resolution.

    Times are unix milliseconds of log time, but for `resolved_at_ms`, the event time of the
    resolution. Of the link that was sent, only the hash is kept.
    """

    survey_id: str
    resolution_id: str
    recipient: Recipient
    policy_version: int
    state: State
    resolved_at_ms: int
    scheduled_at_ms: int
    send_at_ms: int
    sent_at_ms: int | None = None
    expires_at_ms: int | None = None
    ended_at_ms: int | None = None
    reason: Reason | None = None
    answer: Answer | None = None
    recovery_id: str = ""
    link_sha256: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it may still be sent or answered."""
        return self.state not in TERMINAL


def in_order(survey: Survey) -> tuple[int, str]:
    """Where a survey stands among those of its conversation, wherever they were read from."""
    return survey.scheduled_at_ms, survey.survey_id


@dataclass(frozen=True, slots=True)
class Case:
    """The surveys of one conversation, `in_order`.

    `sequence` counts what was announced of them.
    """

    conversation_id: str
    surveys: tuple[Survey, ...] = ()
    sequence: int = 0

    def survey(self, survey_id: str) -> Survey | None:
        """The survey of that id, or None."""
        return next((survey for survey in self.surveys if survey.survey_id == survey_id), None)


@dataclass(frozen=True, slots=True)
class Contact:
    """When a customer was last granted a survey, over all their conversations."""

    tenant_id: str
    customer_id: str
    granted_at_ms: int | None = None
    survey_id: str = ""


def survey_id_of(conversation_id: str, resolution_id: str) -> str:
    """The one survey of a resolution: the same id however often the resolution is told."""
    return str(uuid.uuid5(_SURVEYS, f"{conversation_id}/{resolution_id}"))


def answer_id_of(survey_id: str, answered_at_ms: int) -> str:
    """The one request that tells of an answer: told again it is the same, changed it is another."""
    return str(uuid.uuid5(_ANSWERS, f"{survey_id}/{answered_at_ms}"))


def recovery_id_of(survey_id: str) -> str:
    """The one recovery that a bad answer to this survey opens."""
    return str(uuid.uuid5(_RECOVERIES, survey_id))
