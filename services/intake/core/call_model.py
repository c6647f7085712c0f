"""What intake knows of a telephone call, and what may be told of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CallState(StrEnum):
    """How far a call has come, in Twilio's words, from which other providers differ in spelling."""

    QUEUED = "QUEUED"
    RINGING = "RINGING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Forwarding(StrEnum):
    """What became of connecting the caller with a person; NOBODY: the account names none."""

    NOBODY = "NOBODY"
    ANSWERED = "ANSWERED"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Call:
    """A call, as far as anyone has told. Its message has the same id.

    A call that was answered by a machine is `COMPLETED` too: `forwarding` says whether a person
    was reached; None until that is told. `talk_ms` is how long they talked. A caller who left a
    voice message has a `recording_url`; `transcript` is what is said in it.
    """

    message_id: str
    account_id: str
    provider_call_id: str
    state: CallState
    forwarding: Forwarding | None = None
    duration_ms: int = 0
    talk_ms: int = 0
    recording_url: str = ""
    recording_ms: int = 0
    transcript: str = ""


@dataclass(frozen=True, slots=True)
class NoteCall:
    """A provider tells of a call: `call` holds what it tells, and nothing else."""

    tenant_id: str
    home_id: str
    call: Call
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class CallNoted:
    """More is known of a call than before."""

    tenant_id: str
    call: Call
