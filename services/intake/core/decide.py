"""Decides what a command does to one customer's dossier. Pure: the same inputs, the same events.

A command whose goal already holds yields no events, so a repeat is harmless wherever it comes from.
"""

from __future__ import annotations

from services.intake.core import (
    arrivals,
    attachments,
    calls,
    customers,
    early,
    linking,
    merging,
    receipts,
    turns,
)
from services.intake.core.call_model import NoteCall
from services.intake.core.commands import (
    Arrival,
    Command,
    ForgetEarly,
    JoinConversation,
    Linking,
    NoteProgress,
    ReceiveMessage,
    Regrouping,
    Report,
    Revision,
    SettleMedia,
    Statement,
)
from services.intake.core.events import Event
from services.intake.core.leftovers import Leftover, look_after
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection

Told = Arrival | Report | Revision | ForgetEarly


def decide(
    dossier: Dossier, command: Command, *, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    """The events that follow from `command`, none if its goal holds, or the reason why not."""
    decision = _decide(dossier, command, now_ms, policy)
    if not dossier.early or isinstance(decision, Rejection):
        return decision
    return early.followed(dossier, decision, now_ms)


def _decide(
    dossier: Dossier, command: Command, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    if isinstance(command, Told):
        return _told(dossier, command, now_ms, policy)
    if isinstance(command, Statement):
        return customers.state(dossier, command, now_ms, policy)
    if isinstance(command, Regrouping):
        return merging.regroup(dossier, command, now_ms)
    if isinstance(command, Linking):
        return linking.link_step(dossier, command, now_ms, policy)
    if isinstance(command, Leftover):
        return look_after(command)
    return turns.take(dossier, command, now_ms, policy)


def _told(
    dossier: Dossier, command: Told, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    """What comes from outside, or of our own calls to the outside."""
    match command:
        case ReceiveMessage():
            return arrivals.receive(dossier, command, now_ms, policy)
        case JoinConversation():
            return arrivals.join(dossier, command, now_ms, policy)
        case NoteProgress():
            return receipts.note(dossier, command, now_ms, policy)
        case SettleMedia():
            return attachments.settle(dossier, command)
        case NoteCall():
            return calls.note(dossier, command, now_ms)
        case ForgetEarly():
            return early.forget(dossier, command, now_ms)
        case _:
            return early.revise(dossier, command, now_ms)
