"""What has changed since somebody last looked. Nothing is queued: who looks seldom sees less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from services.console.core.model import Change, View

K = TypeVar("K")
R = TypeVar("R")


def difference(before: View, after: View) -> Change | None:
    """How to come from one view to the other; None if they show the same.

    Windows that fell out of the hour are not named: whoever keeps them drops them by their age.
    """
    if before == after:
        return None
    known = {line.event_id for line in before.lines}
    return Change(
        queues=_changed(before.queues, after.queues),
        agents=_changed(before.agents, after.agents),
        clocks=_changed(before.clocks, after.clocks),
        windows=_changed(before.windows, after.windows),
        lines=tuple(line for line in after.lines if line.event_id not in known),
        sources=_changed(before.sources, after.sources),
        indicators=after.indicators if after.indicators != before.indicators else (),
        totals=after.totals if after.totals != before.totals else None,
        removed_agent_ids=_removed(before.agents, after.agents),
        removed_clock_ids=_removed(before.clocks, after.clocks),
    )


def _changed(before: Mapping[K, R], after: Mapping[K, R]) -> tuple[R, ...]:
    return tuple(row for key, row in after.items() if before.get(key) != row)


def _removed(before: Mapping[K, object], after: Mapping[K, object]) -> tuple[K, ...]:
    return tuple(key for key in before if key not in after)
