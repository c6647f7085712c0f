"""What each event of triage changes. Total and silent."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.routing.core.triage.model import (
    Case,
    Changed,
    Closed,
    CustomerWrote,
    Event,
    Requested,
    Withdrawn,
    WorkOver,
)


def evolve(case: Case | None, event: Event, *, tenant_id: str) -> Case | None:
    """The case after `event`; None where there is none and the event begins none."""
    if isinstance(event, Requested):
        name = event.work.conversation_id
        return Case(tenant_id, name, is_open=True, sequence=event.sequence, work=event.work)
    if case is None:
        return None
    match event:
        case Changed():
            return replace(case, work=event.work, sequence=event.sequence)
        case Withdrawn() | Closed():
            return replace(
                case, is_open=False, has_work=False, settles_ms=0, sequence=event.sequence
            )
        case WorkOver():
            return replace(case, work=event.work, has_work=False, settles_ms=event.settles_ms)
        case CustomerWrote():
            return replace(case, wrote_ms=event.at_ms, sequence=event.sequence)
        case _:
            assert_never(event)
