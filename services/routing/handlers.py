"""Playing one command: decide, evolve, and write down what follows."""

from __future__ import annotations

from services.routing.core import commands as do
from services.routing.core.decide import advance
from services.routing.core.domain import Domain
from services.routing.core.policies import RoutingPolicy
from services.routing.core.refusals import Rejection
from services.routing.core.triage import decide as triage
from services.routing.core.triage.evolve import evolve
from services.routing.core.triage.model import Case
from services.routing.core.triage.model import Command as TriageCommand
from services.routing.ports import MatcherJournal, TriageJournal


def match(domain: Domain, command: do.Command, *, now_ms: int, journal: MatcherJournal) -> Domain:
    """The domain after `command` at log time `now_ms`; a repeat and a refusal change nothing."""
    decided = advance(domain, command, now_ms=now_ms)
    if isinstance(decided, Rejection):
        journal.refuse(domain, decided)
        return domain
    after = decided.domain
    for event in decided.events:
        after = journal.announce(after, decided.changes, event)
    if decided.events:
        journal.keep(after, decided.changes)
    if isinstance(command, do.EndRest) and command.work_id in after.resting:
        journal.rest(after.work[command.work_id])
    return after


def examine(
    case: Case | None,
    command: TriageCommand,
    *,
    tenant_id: str,
    now_ms: int,
    policy: RoutingPolicy,
    journal: TriageJournal,
) -> Case | None:
    """The case after `command`; None once nothing can follow from it any more."""
    for event in triage.decide(case, command, now_ms=now_ms, policy=policy):
        case = evolve(case, event, tenant_id=tenant_id)
        if case is not None:
            journal.announce(case, event)
            journal.keep(case)
    return case if case is not None and case.is_live else None
