"""Decides what a command does to a domain. Pure: the same inputs, the same events.

A command whose goal already holds yields no events, so a repeat is harmless wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.routing.core import answering, intervening, placing, presence
from services.routing.core import commands as do
from services.routing.core.domain import Changes, Domain
from services.routing.core.events import Event
from services.routing.core.refusals import Rejection
from services.routing.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Decided:
    """What a command led to: the events, the domain after them, and every entity they changed."""

    events: tuple[Event, ...]
    domain: Domain
    changes: Changes


def advance(domain: Domain, command: do.Command, *, now_ms: int) -> Decided | Rejection:
    """Decide and evolve in one go: matching needs the state between its own events anyway."""
    turn = Turn(domain, now_ms)
    rejection = _DECIDE[type(command)](turn, command)
    if rejection is not None:
        return rejection
    if not turn.events:
        return Decided((), domain, Changes())
    return Decided(tuple(turn.events), turn.draft.freeze(), turn.draft.changes)


def decide(domain: Domain, command: do.Command, *, now_ms: int) -> tuple[Event, ...] | Rejection:
    """The events that follow from `command`, none if its goal holds, or the reason why not."""
    decided = advance(domain, command, now_ms=now_ms)
    return decided if isinstance(decided, Rejection) else decided.events


_DECIDE: dict[type[Any], Callable[[Turn, Any], Rejection | None]] = {
    do.RequestWork: placing.request,
    do.ChangeWork: placing.change,
    do.WithdrawWork: placing.withdraw,
    do.EndRest: placing.end_rest,
    do.AssignWork: intervening.assign,
    do.ClaimWork: intervening.claim,
    do.TransferWork: intervening.transfer,
    do.EscalateWork: intervening.escalate,
    do.ReprioritiseWork: intervening.reprioritise,
    do.CancelWork: intervening.cancel,
    do.DefineAgent: presence.define,
    do.SetSkills: presence.set_skills,
    do.SetCapacities: presence.set_capacities,
    do.RemoveAgent: presence.remove,
    do.SetPresence: presence.state_presence,
    do.CloseSession: presence.close,
    do.RenewLease: presence.renew,
    do.ExpireLease: presence.expire_lease,
    do.ExpireGrace: presence.expire_grace,
    do.AcceptOffer: answering.accept,
    do.DeclineOffer: answering.decline,
    do.ExpireOffer: answering.expire,
    do.CompleteWork: answering.complete,
    do.EndWrapUp: answering.end_wrap_up,
    do.ExpireWrapUp: answering.expire_wrap_up,
}
