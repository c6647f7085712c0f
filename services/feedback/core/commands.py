"""What the surveys of a conversation can be told."""

from __future__ import annotations

from dataclasses import dataclass

from services.feedback.core.model import Reason, Recipient


@dataclass(frozen=True, slots=True)
class Resolve:
    """The conversation was resolved; `resolution_id` is the id of the event that says so."""

    recipient: Recipient
    resolution_id: str
    resolved_at_ms: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The matter goes on (reopened) or goes elsewhere (merged): nobody is to be asked about it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Send:
    """The delay after the resolution is over."""

    survey_id: str


@dataclass(frozen=True, slots=True)
class Settle:
    """The customer's cooldown was looked up: may they be asked?"""

    survey_id: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Expire:
    """The time to answer is over."""

    survey_id: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The customer was erased: ask nothing more, and keep nothing personal."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The question did not and will not reach the customer."""

    survey_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """The customer answers."""

    tenant_id: str
    survey_id: str
    score: int
    comment: str
    source: str


Command = Resolve | Withdraw | Send | Settle | Expire | Forget | GiveUp | RecordAnswer
