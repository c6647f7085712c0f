"""Applies an event to the lanes: total, silent, and the only place where they change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from immutables import Map

from services.intake.core.delivery.events import (
    Attempted,
    DispatchEvent,
    Doubted,
    Event,
    Forgotten,
    GateEvent,
    LookedUp,
    NotSeen,
    Postponed,
    Queued,
    Recognised,
    Settled,
    Woken,
)
from services.intake.core.delivery.gates import evolve_gate
from services.intake.core.delivery.model import Dispatch, Gate, Lanes, Phase


def evolve(lanes: Lanes, event: Event) -> Lanes:
    """The lanes after `event`."""
    if isinstance(event, GateEvent):
        return _turn(lanes, event)
    if isinstance(event, Queued):
        return enqueue(lanes, event.dispatch)
    before = lanes.dispatches[event.message_id]
    after = advance(before, event)
    if isinstance(event, Forgotten):
        return replace(lanes, dispatches=lanes.dispatches.delete(event.message_id))
    if isinstance(event, Settled):
        return _settle(lanes, before, after)
    return _align(lanes, _hold(lanes, after), after)


def advance(dispatch: Dispatch, event: DispatchEvent) -> Dispatch:
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
                dispatch,
                phase=Phase.WAITING,
                not_before_ms=event.due_ms,
                reason=event.reason,
                forgiven=event.forgiven,
                maybe_sent=event.maybe_sent,
            )
        case Doubted():
            return replace(
                dispatch,
                phase=Phase.IN_DOUBT,
                doubted_at_ms=event.at_ms,
                not_before_ms=event.due_ms,
                reason=event.reason,
                maybe_sent=dispatch.maybe_sent or event.maybe_sent,
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


def lanes_of(dispatches: Iterable[Dispatch], gates: Iterable[Gate] = ()) -> Lanes:
    """The lanes of a shard from what is stored of it, as they stood when it was left."""
    lanes = Lanes(gates=Map({gate.account_id: gate for gate in gates}))
    for dispatch in sorted(dispatches, key=lambda d: d.position):
        waits = dispatch.phase is not Phase.UNCERTAIN
        lanes = enqueue(lanes, dispatch) if waits else _hold(lanes, dispatch)
    return lanes


def enqueue(lanes: Lanes, dispatch: Dispatch) -> Lanes:
    """Put a dispatch behind what its lane holds already."""
    queue = (*lanes.queues.get(dispatch.lane, ()), dispatch.message_id)
    queued = replace(lanes, queues=lanes.queues.set(dispatch.lane, queue))
    return _align(lanes, _hold(queued, dispatch), dispatch)


def _turn(lanes: Lanes, event: GateEvent) -> Lanes:
    gate = evolve_gate(lanes.gates.get(event.account_id), event)
    if gate is not None:
        return replace(lanes, gates=lanes.gates.set(event.account_id, gate))
    if event.account_id not in lanes.gates:
        return lanes
    return replace(lanes, gates=lanes.gates.delete(event.account_id))


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
    """Bring what is kept of each account in line with the head of the one lane that has changed."""
    was, head = before.head(of.lane), after.head(of.lane)
    if was is head:
        return after
    return replace(
        after,
        ready=_listed(after.ready, of, was, head, Phase.WAITING),
        doubtful=_listed(after.doubtful, of, was, head, Phase.IN_DOUBT),
        attempting=_counted(after.attempting, of, was, head, Phase.ATTEMPTING),
        asking=_counted(after.asking, of, was, head, Phase.LOOKING_UP),
    )


def _listed(
    listed: Map[str, tuple[str, ...]],
    of: Dispatch,
    was: Dispatch | None,
    head: Dispatch | None,
    phase: Phase,
) -> Map[str, tuple[str, ...]]:
    """The lanes of each account whose head is in `phase` and wants a call."""
    wants = head is not None and head.phase is phase and head.wants_call
    if wants == (was is not None and was.phase is phase and was.wants_call):
        return listed
    lanes = listed.get(of.account_id, ())
    lanes = (*lanes, of.lane) if wants else tuple(key for key in lanes if key != of.lane)
    return listed.set(of.account_id, lanes)


def _counted(
    counts: Map[str, int], of: Dispatch, was: Dispatch | None, head: Dispatch | None, phase: Phase
) -> Map[str, int]:
    """How many heads of each account are in `phase`."""
    started = (head is not None and head.phase is phase) - (was is not None and was.phase is phase)
    return counts.set(of.account_id, counts.get(of.account_id, 0) + started) if started else counts
