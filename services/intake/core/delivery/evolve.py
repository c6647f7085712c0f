"""Applies an event to the lanes: total, silent, and the only place where they change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from services.intake.core.delivery.events import (
    Attempted,
    Doubted,
    Event,
    Forgotten,
    LookedUp,
    NotSeen,
    Postponed,
    Queued,
    Recognised,
    Settled,
    Woken,
)
from services.intake.core.delivery.model import Dispatch, Lanes, Phase


def evolve(lanes: Lanes, event: Event) -> Lanes:
    """The lanes after `event`."""
    if isinstance(event, Queued):
        return enqueue(lanes, event.dispatch)
    before = lanes.dispatches[event.message_id]
    after = advance(before, event)
    if isinstance(event, Forgotten):
        return replace(lanes, dispatches=lanes.dispatches.delete(event.message_id))
    if isinstance(event, Settled):
        return _settle(lanes, before, after)
    return _align(lanes, _hold(lanes, after), after)


def advance(dispatch: Dispatch, event: Event) -> Dispatch:
    """The dispatch itself after `event`."""
    match event:
        case Queued():
            return event.dispatch
        case Attempted():
            return replace(
                dispatch,
                phase=Phase.ATTEMPTING,
                attempts=event.attempt,
                attempted_at_ms=event.at_ms,
            )
        case LookedUp():
            return replace(dispatch, phase=Phase.LOOKING_UP, lookups=event.lookup)
        case Recognised():
            return replace(dispatch, provider_message_id=event.provider_message_id)
        case Woken():
            return replace(dispatch, not_before_ms=0)
        case Forgotten():
            return dispatch
        case Postponed() | Doubted() | NotSeen() | Settled():
            return _ended(dispatch, event)
        case _:
            assert_never(event)


def _ended(dispatch: Dispatch, event: Postponed | Doubted | NotSeen | Settled) -> Dispatch:
    """The dispatch after a call for it has ended, or has been given up."""
    match event:
        case Postponed():
            return replace(
                dispatch, phase=Phase.WAITING, not_before_ms=event.due_ms, reason=event.reason
            )
        case Doubted():
            return replace(
                dispatch,
                phase=Phase.IN_DOUBT,
                doubted_at_ms=event.at_ms,
                not_before_ms=event.due_ms,
                reason=event.reason,
            )
        case NotSeen():
            return replace(
                dispatch,
                phase=Phase.IN_DOUBT,
                not_before_ms=event.due_ms,
                absences=dispatch.absences + event.absent,
            )
        case Settled():
            return replace(
                dispatch,
                phase=event.phase,
                provider_message_id=event.provider_message_id,
                reason=event.reason,
                not_before_ms=event.forget_at_ms,
                settled_at_ms=event.at_ms,
            )
        case _:
            assert_never(event)


def lanes_of(dispatches: Iterable[Dispatch]) -> Lanes:
    """The lanes of a shard from its stored dispatches, as they stood when it was left."""
    lanes = Lanes()
    for dispatch in sorted(dispatches, key=lambda d: d.position):
        waits = dispatch.phase is not Phase.UNCERTAIN
        lanes = enqueue(lanes, dispatch) if waits else _hold(lanes, dispatch)
    return lanes


def enqueue(lanes: Lanes, dispatch: Dispatch) -> Lanes:
    """Put a dispatch behind what its lane holds already."""
    queue = (*lanes.queues.get(dispatch.lane, ()), dispatch.message_id)
    queued = replace(lanes, queues=lanes.queues.set(dispatch.lane, queue))
    return _align(lanes, _hold(queued, dispatch), dispatch)


def _settle(lanes: Lanes, before: Dispatch, after: Dispatch) -> Lanes:
    """Let the next of its lane act; keep at hand only what evidence may still change."""
    if after.phase is Phase.UNCERTAIN:
        settled = _hold(lanes, after)
    else:
        settled = replace(lanes, dispatches=lanes.dispatches.delete(after.message_id))
    if before.phase is Phase.UNCERTAIN:
        return settled  # its lane went on without it long ago
    rest = lanes.queues[after.lane][1:]
    queues = lanes.queues.set(after.lane, rest) if rest else lanes.queues.delete(after.lane)
    return _align(lanes, replace(settled, queues=queues), after)


def _hold(lanes: Lanes, dispatch: Dispatch) -> Lanes:
    return replace(lanes, dispatches=lanes.dispatches.set(dispatch.message_id, dispatch))


def _align(before: Lanes, after: Lanes, of: Dispatch) -> Lanes:
    """Bring `ready` and `calling` in line with the head of the one lane that has changed."""
    was, head = before.head(of.lane), after.head(of.lane)
    started = (head is not None and head.is_calling) - (was is not None and was.is_calling)
    wanted, wants = was is not None and was.wants_call, head is not None and head.wants_call
    if started:
        calls = after.calling.get(of.account_id, 0) + started
        after = replace(after, calling=after.calling.set(of.account_id, calls))
    if wanted == wants:
        return after
    ready = after.ready.get(of.account_id, ())
    lanes = (*ready, of.lane) if wants else tuple(key for key in ready if key != of.lane)
    return replace(after, ready=after.ready.set(of.account_id, lanes))
