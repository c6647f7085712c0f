"""Adding facts up. The order of parts does not matter, and neither does how they are batched."""

from __future__ import annotations

from collections.abc import Iterable

from services.insights.core.model import Counts, Fact, Part, WindowKey

WINDOW_MS = 60_000
EARLY_MS = 60_000
LATE_MS = 7 * 86_400_000
"""How far an event's own time may be from the time it was appended at. A sender's clock that is
further off is not believed: the fact counts at the nearest time that is."""


def window_of(fact: Fact, *, appended_at_ms: int) -> WindowKey:
    """The window a fact counts in, by event time. Depends on the log alone."""
    at_ms = min(
        max(fact.occurred_at_ms, appended_at_ms - LATE_MS),
        appended_at_ms + EARLY_MS,
    )
    return WindowKey(fact.tenant_id, at_ms - at_ms % WINDOW_MS, fact.pool, fact.channel)


def fold(part: Part, facts: Iterable[tuple[int, Counts]]) -> Part:
    """The part with the counts of these (offset, counts) added; offsets rise."""
    next_offset, counts = part.next_offset, part.counts
    for offset, more in facts:
        next_offset, counts = offset + 1, add(counts, more)
    return Part(next_offset, counts)


def add(counts: Counts, more: Counts) -> Counts:
    """The sum, name by name; of a `_max` the larger."""
    total = dict(counts)
    for name, number in more.items():
        known = total.get(name, 0)
        total[name] = max(known, number) if name.endswith("_max") else known + number
    return total


def total(parts: Iterable[Counts]) -> Counts:
    """The sum of any number of counts."""
    result: Counts = {}
    for counts in parts:
        result = add(result, counts)
    return result
