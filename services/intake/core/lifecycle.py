"""The life of a conversation and of a delivery, as data. Nothing elsewhere branches on a status.

    inbound on      none        OPEN     PENDING   RESOLVED, in window   RESOLVED, past it
    what happens    open one    join     reopen    reopen                close it, open a follow-up

CLOSED is final: such a conversation is not live, so to an inbound message there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.intake.core.model import Conversation, Progress, Status
from services.intake.core.policies import ThreadingPolicy


class Arrival(StrEnum):
    """What an inbound message does to its customer's live conversation."""

    OPENS = "OPENS"
    JOINS = "JOINS"
    REOPENS = "REOPENS"
    FOLLOWS_UP = "FOLLOWS_UP"


_ARRIVALS: Mapping[tuple[Status, bool], Arrival] = {
    # by status and whether the message came inside the reopen window
    (Status.OPEN, True): Arrival.JOINS,
    (Status.OPEN, False): Arrival.JOINS,
    (Status.PENDING, True): Arrival.REOPENS,
    (Status.PENDING, False): Arrival.REOPENS,
    (Status.RESOLVED, True): Arrival.REOPENS,
    (Status.RESOLVED, False): Arrival.FOLLOWS_UP,
}

SETTABLE: Mapping[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.PENDING, Status.RESOLVED, Status.CLOSED}),
    Status.PENDING: frozenset({Status.OPEN, Status.RESOLVED, Status.CLOSED}),
    Status.RESOLVED: frozenset({Status.OPEN, Status.CLOSED}),
    Status.CLOSED: frozenset(),
}

_CERTAINTY: Mapping[Progress, int] = {
    # Receipts come late, twice and out of order: only a more certain one is news. FAILED yields to
    # DELIVERED, because a carrier that reports both has shown the message to the customer.
    Progress.QUEUED: 0,
    Progress.UNCERTAIN: 1,
    Progress.SENT: 2,
    Progress.FAILED: 3,
    Progress.DELIVERED: 4,
    Progress.READ: 5,
}


def arrival(live: Conversation | None, occurred_at_ms: int, policy: ThreadingPolicy) -> Arrival:
    """What a message that the customer wrote at `occurred_at_ms` does to `live`."""
    if live is None:
        return Arrival.OPENS
    in_window = occurred_at_ms - live.resolved_at_ms <= policy.reopen_window_ms
    return _ARRIVALS[live.status, in_window]


def is_news(known: Progress, told: Progress) -> bool:
    """Whether `told` says more than is known already."""
    return _CERTAINTY[told] > _CERTAINTY[known]
