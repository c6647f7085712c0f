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
    CUSTOMER_NOT_FOUND = "CUSTOMER_NOT_FOUND"
    CUSTOMER_ERASED = "CUSTOMER_ERASED"
    CUSTOMERS_DIFFER = "CUSTOMERS_DIFFER"
    ALREADY_MERGED = "ALREADY_MERGED"
    NOT_MERGED = "NOT_MERGED"
    NOTHING_TO_SPLIT = "NOTHING_TO_SPLIT"
    IDENTIFIED_ELSEWHERE = "IDENTIFIED_ELSEWHERE"
    IDENTITY_NOT_FOUND = "IDENTITY_NOT_FOUND"
    LAST_IDENTITY = "LAST_IDENTITY"
    UNLINK_OTHERS_FIRST = "UNLINK_OTHERS_FIRST"
    OPTED_OUT = "OPTED_OUT"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that changes nothing, and why."""

    reason: Reason
    detail: str
