"""Decides what a conversation asks of the matcher: while it is open, exactly one piece of work."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.routing.core import ids
from services.routing.core.policies import RoutingPolicy
from services.routing.core.triage.model import (
    Case,
    Changed,
    Closed,
    Command,
    CustomerWrote,
    EndWork,
    Event,
    Observe,
    Requested,
    Settle,
    Withdrawn,
    WorkOver,
)
from services.routing.core.triage.rules import Placement, place
from services.routing.core.work import WorkItem

SETTLE_MS = 1_000
"""How long a conversation may stay open without work after its agent was done.

The agent resolves it through intake and completes the work through routing: two topics, and either
may be the first to be read. Asking at once would offer work that is settled already.
"""


def decide(
    case: Case | None, command: Command, *, now_ms: int, policy: RoutingPolicy
) -> tuple[Event, ...]:
    """The events that follow; none where the goal holds or the command is old."""
    match command:
        case Observe():
            if case is not None and command.sequence <= case.sequence:
                return ()
            return _observe(case, command, now_ms, policy)
        case EndWork():
            if case is None or not case.has_work or case.work.work_id != command.work_id:
                return ()
            asks_anew = case.is_open and not _is_put_to_rest(case, command)
            left = _left(case.work, command.left)
            return (WorkOver(left, now_ms + SETTLE_MS if asks_anew else 0),)
        case Settle():
            if case is None or case.has_work or not case.is_open:
                return ()
            return (_again(case, now_ms),) if 0 < case.settles_ms <= now_ms else ()
        case _:
            assert_never(command)


def _observe(
    case: Case | None, command: Observe, now_ms: int, policy: RoutingPolicy
) -> tuple[Event, ...]:
    if not command.is_open:
        if case is None:
            return ()
        if case.has_work:
            return (Withdrawn(case.work.work_id, command.reason, command.sequence),)
        return (Closed(command.sequence),) if case.is_open else ()
    placement = place(policy, command.conversation)
    if case is None or not case.is_open:
        return (_request(command, placement, now_ms),)
    if command.customer_wrote and not case.has_work and not case.settles_ms:
        return (_request(command, placement, now_ms),)
    events: list[Event] = []
    placed = _placed(case.work, command, placement)
    if placed != case.work:
        events.append(Changed(replace(placed, changed_ms=now_ms), command.sequence))
    if command.customer_wrote:
        events.append(CustomerWrote(now_ms, command.sequence))
    return tuple(events)


def _is_put_to_rest(case: Case, ended: EndWork) -> bool:
    """Whether a supervisor ended the work, and the customer has not written since.

    Both times are of a log, and what was written in the same moment counts as written after it.
    """
    return ended.withdrawn_ms > 0 and case.wrote_ms < ended.withdrawn_ms


def _left(work: WorkItem, left: WorkItem | None) -> WorkItem:
    """`work` with what people have set while the matcher had it."""
    if left is None or not left.set_by_hand:
        return work
    requirement, priority = left.heeding(work.requirement, work.priority)
    return replace(
        work,
        requirement=requirement,
        line=requirement.key,
        priority=priority,
        set_by_hand=left.set_by_hand,
    )


def _request(command: Observe, placement: Placement, now_ms: int) -> Requested:
    of = command.conversation
    work = WorkItem(
        work_id=ids.work_id(of.conversation_id, command.sequence),
        conversation_id=of.conversation_id,
        customer_id=of.customer_id,
        home_id=of.home_id,
        tier=of.tier,
        language=of.language,
        requirement=placement.requirement,
        line=placement.requirement.key,
        priority=placement.priority,
        # A sender's clock that runs ahead must not push its customer back in the line.
        arrived_ms=min(command.occurred_ms, now_ms),
        policy_version=placement.policy_version,
        decision_id=ids.triage_decision_id(of.conversation_id, command.sequence),
        changed_ms=now_ms,
    )
    return Requested(work, placement, command.sequence)


def _again(case: Case, now_ms: int) -> Requested:
    """Ask anew for what was asked for last. Its customer has waited since the first time."""
    again = replace(case.work, work_id=ids.next_work_id(case.work.work_id), changed_ms=now_ms)
    return Requested(again, None, case.sequence)


def _placed(work: WorkItem, command: Observe, placement: Placement) -> WorkItem:
    requirement, priority = work.heeding(placement.requirement, placement.priority)
    return replace(
        work,
        customer_id=command.conversation.customer_id,
        tier=command.conversation.tier,
        language=command.conversation.language,
        requirement=requirement,
        line=requirement.key,
        priority=priority,
        policy_version=placement.policy_version,
    )
