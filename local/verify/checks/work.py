"""Invariants 2 and 3: one open work item an open conversation, one holder, capacity kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from local.verify.finding import Finding, doubled, violation
from local.verify.holding import ENDED, OPEN, WRAP_UP, Replay
from local.verify.world import RoutingFact, World

NEEDS_AGENT = "OPEN"


def replay(facts: Iterable[RoutingFact]) -> tuple[Replay, list[Finding]]:
    """Replay one domain in its own order; gives the end, and what was wrong with the order."""
    ordered = sorted(facts, key=lambda fact: fact.sequence)
    findings = []
    state = Replay()
    last = None
    for fact in ordered:
        if fact.sequence == last:
            detail = f"event {fact.sequence} of {fact.domain} is there twice"
            findings.append(doubled("routing event", f"{fact.domain}/{fact.sequence}", detail))
            continue
        last = fact.sequence
        state.apply(fact)
    return state, findings


def check_holding(state: Replay) -> Iterator[Finding]:
    """Invariant 3: find work with two holders, and agents with more than they can bear."""
    for what, found_id, detail in state.wrong:
        yield violation(what, found_id, detail)


def check_open(world: World, states: Iterable[Replay]) -> Iterator[Finding]:
    """Invariant 2: find open conversations without one open work item, and orphaned work.

    Where a supervisor withdrew the last work of an open conversation, none is asked for.
    """
    states = list(states)
    work_of, withdrawn = _open_work(states), _withdrawn(states)
    for conversation in world.conversations.values():
        held = work_of.get(conversation.conversation_id, [])
        wanted = 1 if conversation.status == NEEDS_AGENT else 0
        if not held and conversation.conversation_id in withdrawn:
            continue
        if len(held) != wanted:
            detail = f"is {conversation.status} and has {len(held)} open work items {held}"
            yield violation("open work", conversation.conversation_id, detail)
    for conversation_id in work_of.keys() - world.conversations.keys():
        yield violation("open work", conversation_id, "work for a conversation nobody knows")


def check_table(states: Iterable[Replay], rows: Mapping[str, str]) -> Iterator[Finding]:
    """Compare open work of the log with the table's (work id: state, in lower case)."""
    log = {
        each.work_id: each.phase
        for state in states
        for each in state.work.values()
        if each.phase not in {ENDED, WRAP_UP}
    }
    for work_id in sorted(log.keys() | rows.keys()):
        if log.get(work_id) != rows.get(work_id):
            detail = (
                f"log says {log.get(work_id, 'ended')}, table says {rows.get(work_id, 'ended')}"
            )
            yield violation("work state", work_id, detail)


def _withdrawn(states: Iterable[Replay]) -> frozenset[str]:
    """Conversations whose last work a supervisor withdrew."""
    last = {
        work.conversation_id: work.withdrawn for state in states for work in state.work.values()
    }
    return frozenset(name for name, is_withdrawn in last.items() if is_withdrawn)


def _open_work(states: Iterable[Replay]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for state in states:
        for work in state.work.values():
            if work.phase in OPEN:
                found[work.conversation_id].append(work.work_id)
    return found
