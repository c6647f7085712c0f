"""Decides what becomes of outbound messages. Pure.

A call is made only after `Attempted` is committed. From then on nothing but the provider's own
word (its answer, a look-up, a receipt) says whether it happened; without one the message ends as
UNCERTAIN and is never sent a second time, unless its provider executes a repeat only once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import assert_never

from services.intake.core.delivery.commands import (
    Command,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Wake,
    WakeAccount,
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
from services.intake.core.delivery.gates import is_forgiven, on_contact, on_wake
from services.intake.core.delivery.model import Dispatch, Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.delivery.verdicts import expired, on_attempt, on_lookup, on_receipt

Events = tuple[Event, ...]


def decide(lanes: Lanes, command: Command, *, now_ms: int, policy: DeliveryPolicy) -> Events:
    """The events that follow from `command`, with the calls that may begin because of them."""
    if isinstance(command, WakeAccount):
        account_id = command.account_id
        direct: Events = on_wake(lanes.gates.get(account_id), now_ms)
    else:
        subject = _subject(lanes, command)
        if subject is None:
            return ()  # settled for good, so its goal holds
        account_id = subject.account_id
        direct = _direct(lanes, subject, command, now_ms, policy)
    after = reduce(evolve, direct, lanes)
    return direct + _begin_calls(after, account_id, now_ms, policy)


MessageCommand = Deliver | ReportAttempt | ReportLookup | NoteReceipt | Wake


def _subject(lanes: Lanes, command: MessageCommand) -> Dispatch | None:
    """The message; none where what is told is of an account that it has left since."""
    if isinstance(command, Deliver):
        return command.dispatch
    found = lanes.dispatches.get(command.message_id)
    if found is None or isinstance(command, Wake):
        return found
    return found if command.account_id in {"", found.account_id} else None


def _direct(
    lanes: Lanes, subject: Dispatch, command: MessageCommand, now_ms: int, policy: DeliveryPolicy
) -> Events:
    match command:
        case Deliver(dispatch):
            return () if dispatch.message_id in lanes.dispatches else (Queued(dispatch),)
        case ReportAttempt():
            return _on_attempt(lanes, subject, command, now_ms, policy)
        case ReportLookup():
            return on_lookup(subject, command, now_ms, policy)
        case NoteReceipt():
            return on_receipt(subject, command, now_ms)
        case Wake():
            return _on_wake(subject, now_ms)
        case _:
            assert_never(command)


def _on_attempt(
    lanes: Lanes, subject: Dispatch, command: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> Events:
    """What the end of a call means for its account, and then for its message."""
    under_way = subject.phase is Phase.ATTEMPTING and command.attempt == subject.attempts
    gate = lanes.gates.get(subject.account_id)
    turns = on_contact(gate, subject, command, now_ms, policy) if under_way else ()
    gate = reduce(evolve, turns, lanes).gates.get(subject.account_id)
    if is_forgiven(gate, command):
        subject = replace(subject, forgiven=subject.forgiven + 1)
    return turns + on_attempt(subject, command, now_ms, policy)


def _on_wake(subject: Dispatch, now_ms: int) -> Events:
    if subject.not_before_ms == 0 or now_ms < subject.not_before_ms:
        return ()
    if subject.phase is Phase.UNCERTAIN:
        return (Forgotten(subject.message_id),)
    return (Woken(subject.message_id),)


def _begin_calls(lanes: Lanes, account_id: str, now_ms: int, policy: DeliveryPolicy) -> Events:
    """As many calls as the account has free places, look-ups first, then first come first.

    What has expired takes no place and lets the next of its lane act, hence the loop.
    """
    begun: Events = ()
    while heads := _next(lanes, account_id, policy):
        step = tuple(_begin(lanes, head, now_ms, policy) for head in heads)
        begun, lanes = begun + step, reduce(evolve, step, lanes)
    return begun


def _next(lanes: Lanes, account_id: str, policy: DeliveryPolicy) -> list[Dispatch]:
    """Whose turn it is now. A look-up ends a doubt, so it goes first, and past the gate."""
    free = max(0, policy.calls_per_account_max - lanes.calling(account_id))
    doubtful = lanes.doubtful.get(account_id, ())[:free]
    free = min(free - len(doubtful), _let_through(lanes, account_id, policy))
    chosen = doubtful + lanes.ready.get(account_id, ())[:free]
    return [head for lane in chosen if (head := lanes.head(lane)) is not None]


def _let_through(lanes: Lanes, account_id: str, policy: DeliveryPolicy) -> int:
    """How many more attempts the account's gate lets begin."""
    gate = lanes.gates.get(account_id)
    if gate is None or not (gate.is_shut or gate.is_ajar):
        return policy.calls_per_account_max
    return 0 if gate.is_shut else max(0, 1 - lanes.attempting.get(account_id, 0))


def _begin(lanes: Lanes, head: Dispatch, now_ms: int, policy: DeliveryPolicy) -> Event:
    if head.phase is Phase.IN_DOUBT:
        return LookedUp(head.message_id, head.lookups + 1, now_ms)
    if policy.deadline_ms(head.channel, head.queued_at_ms, head.expires_at_ms) <= now_ms:
        return expired(head, lanes.gates.get(head.account_id), now_ms, policy)
    return Attempted(head.message_id, head.attempts + 1, now_ms)
