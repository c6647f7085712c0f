"""A business "no": a value, with a reason that callers can branch on and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a command was refused."""

    AGENT_ABSENT = "AGENT_ABSENT"
    AGENT_HOLDS_WORK = "AGENT_HOLDS_WORK"
    AGENT_NOT_FOUND = "AGENT_NOT_FOUND"
    CAPACITY_IN_USE = "CAPACITY_IN_USE"
    LEVEL_BELOW = "LEVEL_BELOW"
    LEVEL_IS_LAST = "LEVEL_IS_LAST"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    NO_CAPACITY = "NO_CAPACITY"
    OFFER_ENDED = "OFFER_ENDED"
    OFFER_NOT_YOURS = "OFFER_NOT_YOURS"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    NOT_IN_WRAP_UP = "NOT_IN_WRAP_UP"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    TRANSFER_LIMIT = "TRANSFER_LIMIT"
    WORK_ENDED = "WORK_ENDED"
    WORK_NOT_FOUND = "WORK_NOT_FOUND"
    WORK_TAKEN = "WORK_TAKEN"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that changes nothing, and why."""

    reason: Reason
    detail: str
