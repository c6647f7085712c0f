"""The words of insights: facts, windows, and the parts that windows are made of.

A *fact* counts something at a moment. A *window* is a minute of one tenant, pool and channel. No
process sees all facts of a window, so each topic partition is read into a *part*; the sum of the
parts is the window. A part is a function of the log alone: of the records its partition holds below
the *cursor*. So everything may be dropped, read again, and comes out the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Counts = Mapping[str, int]
"""Name to number, the names of `KpiWindow`'s fields; what is not there is 0."""

COUNTS = frozenset(
    {
        *("opened", "resolved", "reopened", "inbound", "replies"),
        *("queued", "offered", "accepted", "declined", "timed_out", "assigned", "completed"),
        *("abandoned", "escalated", "transferred", "within_goal"),
        *("wait_ms_sum", "wait_ms_max", "handle_ms_sum"),
        *("clocks_met", "clocks_warned", "clocks_breached"),
        *("surveys_sent", "surveys_suppressed", "surveys_answered"),
        *("csat_satisfied", "csat_answers", "recoveries"),
    }
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something countable happened. `pool` and `channel` are empty where the fact has none."""

    tenant_id: str
    pool: str
    channel: str
    occurred_at_ms: int
    counts: Counts


@dataclass(frozen=True, slots=True, order=True)
class WindowKey:
    """One minute of one tenant, pool and channel; `start_ms` is a whole minute."""

    tenant_id: str
    start_ms: int
    pool: str
    channel: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A topic partition; `shard` is its number."""

    topic: str
    shard: int


@dataclass(frozen=True, slots=True, order=True)
class PartKey:
    """What one topic partition gives to a window."""

    place: Place
    window: WindowKey


@dataclass(frozen=True, slots=True)
class Part:
    """Counts so far, and the offset past the last record in them, which serves as their version."""

    next_offset: int = 0
    counts: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """The sum of a window's parts. Of two of one key, the one of the higher revision holds."""

    key: WindowKey
    counts: Counts
    revision: int
    updated_at_ms: int
