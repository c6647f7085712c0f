"""The life of a conversation and of a delivery, as data. Nothing elsewhere branches on a status.

    inbound on      none        OPEN     PENDING   RESOLVED, in window   RESOLVED past it, CLOSED
    what happens    open one    join     reopen    reopen                close it, open a follow-up

CLOSED is final: no message opens such a conversation again. What nobody shall answer (an automatic
mail, a keyword of a carrier) joins what is there and moves nothing; alone it opens one that is
closed.
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
    (Status.CLOSED, True): Arrival.FOLLOWS_UP,
    (Status.CLOSED, False): Arrival.FOLLOWS_UP,
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


def arrival(found: Conversation | None, occurred_at_ms: int, policy: ThreadingPolicy) -> Arrival:
    """What a message that the customer wrote at `occurred_at_ms` does to the conversation."""
    if found is None:
        return Arrival.OPENS
    window_ms = policy.reopen_window_of(found.channel)
    in_window = occurred_at_ms - found.resolved_at_ms <= window_ms
    return _ARRIVALS[found.status, in_window]


def is_news(known: Progress, told: Progress) -> bool:
    """Whether `told` says more than is known already."""
    return _CERTAINTY[told] > _CERTAINTY[known]
