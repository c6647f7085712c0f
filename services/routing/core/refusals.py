"""A business "no": a value, with a reason that callers can branch on and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a command was refused."""

    AGENT_NOT_FOUND = "AGENT_NOT_FOUND"
    CAPACITY_IN_USE = "CAPACITY_IN_USE"
    OFFER_ENDED = "OFFER_ENDED"
    OFFER_NOT_YOURS = "OFFER_NOT_YOURS"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    NOT_IN_WRAP_UP = "NOT_IN_WRAP_UP"
    NOT_SUPPORTED = "NOT_SUPPORTED"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A command that changes nothing, and why."""

    reason: Reason
    detail: str
