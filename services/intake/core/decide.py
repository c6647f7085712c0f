"""Decides what a command does to one customer's dossier. Pure: the same inputs, the same events.

A command whose goal already holds yields no events, so a repeat is harmless wherever it comes from.
"""

from __future__ import annotations

from typing import assert_never

from services.intake.core import arrivals, customers, receipts, turns
from services.intake.core.commands import (
    CloseExpired,
    Command,
    NoteProgress,
    ReceiveMessage,
    Say,
    SetStatus,
    UpsertCustomer,
)
from services.intake.core.events import Event
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection


def decide(
    dossier: Dossier, command: Command, *, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    """The events that follow from `command`, none if its goal holds, or the reason why not."""
    match command:
        case ReceiveMessage():
            return arrivals.receive(dossier, command, now_ms, policy)
        case Say():
            return turns.say(dossier, command, now_ms)
        case SetStatus():
            return turns.set_status(dossier, command, now_ms)
        case CloseExpired():
            return turns.close_expired(dossier, command, now_ms, policy)
        case NoteProgress():
            return receipts.note(dossier, command)
        case UpsertCustomer():
            return customers.upsert(dossier, command, now_ms, policy)
        case _:
            assert_never(command)
