"""What each happening counts. The only place that knows; whoever wants a number looks here."""

from __future__ import annotations

from services.insights.core.model import Counts

NOTHING: Counts = {}

NEW_WORK = "requested"
"""The reason of a `Queued` that is no return: work declined or timed out waits on, uncounted."""

GAVE_UP = "abandoned"
"""The one reason of an `Abandoned` that a customer gives; withdrawn work is not held against us."""

SATISFIED_FROM = 4
"""CSAT counts answers of 4 and 5 of 5 as satisfied, as most do; never the sum over the maximum."""


def opened() -> Counts:
    """A conversation began."""
    return {"opened": 1}


def inbound() -> Counts:
    """The customer wrote."""
    return {"inbound": 1}


def replied(*, by_agent: bool) -> Counts:
    """We wrote; surveys and automatic answers are no replies."""
    return {"replies": 1} if by_agent else NOTHING


def status_changed(*, before: str, after: str) -> Counts:
    """A conversation moved."""
    if after == "RESOLVED":
        return {"resolved": 1}
    return {"reopened": 1} if before == "RESOLVED" and after == "OPEN" else NOTHING


def queued(*, reason: str) -> Counts:
    """Work waits."""
    return {"queued": 1} if reason == NEW_WORK else NOTHING


def assigned(*, number: int, waited_ms: int, goal_ms: int) -> Counts:
    """An agent took work that had waited since its original arrival, by its `number`th assignment.

    Only the first ends a wait: who was passed on has been served before, not kept waiting.
    """
    if number > 1:
        return NOTHING
    return {
        "assigned": 1,
        "wait_ms_sum": waited_ms,
        "wait_ms_max": waited_ms,
        "within_goal": int(waited_ms <= goal_ms),
    }


def completed(*, handled_ms: int) -> Counts:
    """Work is done."""
    return {"completed": 1, "handle_ms_sum": handled_ms}


def abandoned(*, reason: str) -> Counts:
    """Work ended before an agent had it."""
    return {"abandoned": 1} if reason == GAVE_UP else NOTHING


def clock_met(*, after_breach: bool) -> Counts:
    """A clock was fulfilled; one that was breached before stays a breach."""
    return NOTHING if after_breach else {"clocks_met": 1}


def clock_corrected(*, before: str, after: str) -> Counts:
    """A late fact took back what had been said of a clock, and with it what was counted."""
    counts = dict.fromkeys(_CLOCK_COUNTS.values(), 0)
    if before in _CLOCK_COUNTS:
        counts[_CLOCK_COUNTS[before]] -= 1
    if after in _CLOCK_COUNTS:
        counts[_CLOCK_COUNTS[after]] += 1
    return {name: number for name, number in counts.items() if number}


_CLOCK_COUNTS = {"MET": "clocks_met", "BREACHED": "clocks_breached"}


def survey_answered(*, kind: str, score: int) -> Counts:
    """The customer answered."""
    if kind != "CSAT":
        return {"surveys_answered": 1}
    satisfied = int(score >= SATISFIED_FROM)
    return {"surveys_answered": 1, "csat_answers": 1, "csat_satisfied": satisfied}
