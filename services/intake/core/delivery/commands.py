"""What may be asked of delivery, and what comes back from the calls that it had made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Detour


class Answer(StrEnum):
    """What a provider call told us.

    ACCEPTED and REFUSED are final. NOT_ACCEPTED: certainly without effect, such as a refused
    connection or 429. UNKNOWN: the call may have had its effect. REPEATABLE: it may, and the
    provider executes a repeat only if it has not.
    """

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    UNKNOWN = "UNKNOWN"
    REPEATABLE = "REPEATABLE"


class Contact(StrEnum):
    """What a call showed of the provider itself, whatever became of its message."""

    ANSWERED = "ANSWERED"
    THROTTLED = "THROTTLED"  # it asked the whole account to wait
    UNREACHABLE = "UNREACHABLE"  # no connection, no answer in time, or an error of its own
    NOT_CALLED = "NOT_CALLED"


class Sighting(StrEnum):
    """What a look-up told us. ABSENT is no proof: providers list late. UNAVAILABLE: no answer."""

    FOUND = "FOUND"
    ABSENT = "ABSENT"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Deliver:
    """Bring this message to its recipient."""

    dispatch: Dispatch


@dataclass(frozen=True, slots=True)
class ReportAttempt:
    """The call of attempt `attempt` (from 1) has ended. `contact` is None where nobody knows.

    `account_id` is the account that was called from; what names none is of whichever the message
    has. `detour` is the other account that this one names for what may not be said over it.
    """

    message_id: str
    attempt: int
    answer: Answer
    provider_message_id: str = ""
    reason: str = ""
    retry_after_ms: int = 0
    contact: Contact | None = None
    provider: str = ""
    account_id: str = ""
    detour: Detour | None = None


@dataclass(frozen=True, slots=True)
class ReportLookup:
    """Look-up `lookup` (from 1) has ended.

    `if_unseen` is what the account counts a message as that is never seen: UNCERTAIN, FAILED, SENT.
    """

    message_id: str
    lookup: int
    sighting: Sighting
    provider_message_id: str = ""
    if_unseen: Phase = Phase.UNCERTAIN
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class NoteReceipt:
    """The provider has spoken of this message, so it has it."""

    message_id: str
    provider_message_id: str
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Wake:
    """A time that this dispatch was waiting for has come."""

    message_id: str


@dataclass(frozen=True, slots=True)
class WakeAccount:
    """The time until which an account was to make no attempts has come."""

    account_id: str


Command = Deliver | ReportAttempt | ReportLookup | NoteReceipt | Wake | WakeAccount
