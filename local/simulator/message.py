"""What the providers keep: a message that we sent, and one that a customer wrote."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

OVER = frozenset({"sent", "delivered", "read"})
"""Statuses of what has left the provider."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that a provider accepted from us; times in unix milliseconds.

    `sid` is its id among the messages of all providers, `recipient` the address as we write it,
    `body` the text as the recipient reads it. `reference` is our own id of it, where the provider
    carries one. `refusal` is the code of the error it will end with, 0 for none. `facts` are what
    else its provider knows of it.
    """

    sid: str
    provider: str
    account_id: str
    sender: str
    recipient: str
    body: str
    created_ms: int
    reference: str = ""
    refusal: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    status: str = "queued"
    sent_ms: int = 0
    error_code: int = 0

    def moved(self, status: str, *, now_ms: int, error_code: int = 0) -> SentMessage:
        """Give the message in its next status."""
        sent_ms = self.sent_ms or (now_ms if status in OVER else 0)
        return replace(self, status=status, sent_ms=sent_ms, error_code=error_code)


@dataclass(frozen=True, slots=True)
class Written:
    """A message that a customer wrote to one of our accounts.

    `name` is the provider's id of it, with all that makes it unique within the account.
    """

    provider: str
    account_id: str
    person: str
    name: str
    text: str
    at_ms: int
    number: int = 0
    """Which of all that was written to the account it is, from 1 up."""
    called: str = ""
    """As the customer calls themselves."""


def now_ms() -> int:
    """Give the time in unix milliseconds."""
    return time.time_ns() // 1_000_000
