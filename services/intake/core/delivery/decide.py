"""Decides what becomes of outbound messages. Pure.

A call is made only after `Attempted` is committed. From then on nothing but the provider's own
word (its answer, a look-up, a receipt) says whether it happened; without one the message ends as
UNCERTAIN and is never sent a second time.
"""

from __future__ import annotations

from functools import reduce
from typing import assert_never

from services.intake.core.delivery.commands import (
    Command,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Wake,
)
from services.intake.core.delivery.events import (
    Attempted,
    Event,
    Forgotten,
    LookedUp,
    Queued,
    Woken,
)
from services.intake.core.delivery.evolve import evolve
from services.intake.core.delivery.model import Dispatch, Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.delivery.verdicts import failed, on_attempt, on_lookup, on_receipt

Events = tuple[Event, ...]


def decide(lanes: Lanes, command: Command, *, now_ms: int, policy: DeliveryPolicy) -> Events:
    """The events that follow from `command`, with the calls that may begin because of them."""
    subject = _subject(lanes, command)
    if subject is None:
        return ()  # settled for good, so its goal holds
    direct = _direct(lanes, subject, command, now_ms, policy)
    after = reduce(evolve, direct, lanes)
    return direct + _begin_calls(after, subject.account_id, now_ms, policy)


def _subject(lanes: Lanes, command: Command) -> Dispatch | None:
    if isinstance(command, Deliver):
        return command.dispatch
    return lanes.dispatches.get(command.message_id)


def _direct(
    lanes: Lanes, subject: Dispatch, command: Command, now_ms: int, policy: DeliveryPolicy
) -> Events:
    match command:
        case Deliver(dispatch):
            return () if dispatch.message_id in lanes.dispatches else (Queued(dispatch),)
        case ReportAttempt():
            return on_attempt(subject, command, now_ms, policy)
        case ReportLookup():
            return on_lookup(subject, command, now_ms, policy)
        case NoteReceipt():
            return on_receipt(subject, command, now_ms)
        case Wake():
            return _on_wake(subject, now_ms)
        case _:
            assert_never(command)


def _on_wake(subject: Dispatch, now_ms: int) -> Events:
    if subject.not_before_ms == 0 or now_ms < subject.not_before_ms:
        return ()
    if subject.phase is Phase.UNCERTAIN:
        return (Forgotten(subject.message_id),)
    return (Woken(subject.message_id),)


def _begin_calls(lanes: Lanes, account_id: str, now_ms: int, policy: DeliveryPolicy) -> Events:
    """As many calls as the account has free places, first come first.

    What has expired takes no place and lets the next of its lane act, hence the loop.
    """
    begun: Events = ()
    while True:
        free = policy.calls_per_account_max - lanes.calling.get(account_id, 0)
        ready = lanes.ready.get(account_id, ())[: max(free, 0)]
        if not ready:
            return begun
        heads = (lanes.head(lane) for lane in ready)
        step = tuple(_begin(head, now_ms) for head in heads if head is not None)
        begun, lanes = begun + step, reduce(evolve, step, lanes)


def _begin(head: Dispatch, now_ms: int) -> Event:
    if head.phase is Phase.IN_DOUBT:
        return LookedUp(head.message_id, head.lookups + 1, now_ms)
    if 0 < head.expires_at_ms <= now_ms:
        return failed(head, "expired", now_ms)
    return Attempted(head.message_id, head.attempts + 1, now_ms)
