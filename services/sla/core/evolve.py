"""How events change what is known of a conversation. Total and silent."""

from __future__ import annotations

from dataclasses import replace

from services.sla.core.events import Event, FactRecorded
from services.sla.core.model import Clock, Conversation
from services.sla.core.timeline import insert


def evolve(conversation: Conversation, event: Event) -> Conversation:
    """The conversation after `event`."""
    if isinstance(event, FactRecorded):
        return replace(conversation, facts=insert(conversation.facts, event.fact))
    clocks = _with(conversation.clocks, event.clock)
    return replace(conversation, clocks=clocks, sequence=conversation.sequence + 1)


def _with(clocks: tuple[Clock, ...], changed: Clock) -> tuple[Clock, ...]:
    if any(clock.key == changed.key for clock in clocks):
        return tuple(changed if clock.key == changed.key else clock for clock in clocks)
    return (*clocks, changed)
