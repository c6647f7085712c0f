"""Decides what a command does to one customer's dossier. Pure: the same inputs, the same events.

A command whose goal already holds yields no events, so a repeat is harmless wherever it comes from.
"""

from __future__ import annotations

from services.intake.core import (
    arrivals,
    attachments,
    customers,
    early,
    linking,
    merging,
    receipts,
    turns,
)
from services.intake.core.commands import (
    Command,
    ForgetEarly,
    JoinConversation,
    Linking,
    NoteProgress,
    ReceiveMessage,
    Regrouping,
    Revision,
    SettleMedia,
    Statement,
)
from services.intake.core.events import Event
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection


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
    if isinstance(command, ReceiveMessage):
        return arrivals.receive(dossier, command, now_ms, policy)
    if isinstance(command, JoinConversation):
        return arrivals.join(dossier, command, now_ms, policy)
    if isinstance(command, NoteProgress):
        return receipts.note(dossier, command)
    if isinstance(command, SettleMedia):
        return attachments.settle(dossier, command)
    if isinstance(command, Revision):
        return early.revise(dossier, command, now_ms)
    if isinstance(command, ForgetEarly):
        return early.forget(dossier, command, now_ms)
    if isinstance(command, Statement):
        return customers.state(dossier, command, now_ms, policy)
    if isinstance(command, Regrouping):
        return merging.regroup(dossier, command, now_ms)
    if isinstance(command, Linking):
        return linking.link_step(dossier, command, now_ms, policy)
    return turns.take(dossier, command, now_ms, policy)
