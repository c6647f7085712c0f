"""A command becomes events, events become state and a journal. I/O is behind the ports."""

from __future__ import annotations

from services.intake.core.commands import Command
from services.intake.core.decide import decide
from services.intake.core.delivery.commands import Command as DeliveryCommand
from services.intake.core.delivery.decide import decide as decide_delivery
from services.intake.core.delivery.events import DispatchEvent, GateEvent, Queued
from services.intake.core.delivery.evolve import advance
from services.intake.core.delivery.evolve import evolve as evolve_lanes
from services.intake.core.delivery.model import Dispatch, Lanes
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.evolve import evolve
from services.intake.core.model import Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection
from services.intake.ports import DispatchJournal, ThreadJournal


def thread(
    dossier: Dossier,
    command: Command,
    *,
    now_ms: int,
    policy: ThreadingPolicy,
    journal: ThreadJournal,
) -> Dossier:
    """Apply a command to a customer's dossier; a refusal leaves it as it is."""
    decision = decide(dossier, command, now_ms=now_ms, policy=policy)
    if isinstance(decision, Rejection):
        journal.refuse(dossier, decision)
        return dossier
    for event in decision:
        dossier = evolve(dossier, event)
        journal.record(dossier, event)
    return dossier


def deliver(
    lanes: Lanes,
    command: DeliveryCommand,
    *,
    now_ms: int,
    policy: DeliveryPolicy,
    journal: DispatchJournal,
) -> Lanes:
    """Apply a command to a shard's lanes."""
    for event in decide_delivery(lanes, command, now_ms=now_ms, policy=policy):
        before, lanes = lanes, evolve_lanes(lanes, event)
        if isinstance(event, GateEvent):
            journal.turn(lanes.gates.get(event.account_id) or before.gates[event.account_id], event)
        else:
            journal.record(advance(_subject(before, event), event), event)
    return lanes


def _subject(lanes: Lanes, event: DispatchEvent) -> Dispatch:
    return event.dispatch if isinstance(event, Queued) else lanes.dispatches[event.message_id]
