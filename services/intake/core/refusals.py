"""A business "no": a value, with a reason that callers can branch on and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a command was refused."""

    CONVERSATION_NOT_FOUND = "CONVERSATION_NOT_FOUND"
    CONVERSATION_CLOSED = "CONVERSATION_CLOSED"
    TRANSITION_NOT_ALLOWED = "TRANSITION_NOT_ALLOWED"
    MESSAGE_NOT_FOUND = "MESSAGE_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that changes nothing, and why."""

    reason: Reason
    detail: str
