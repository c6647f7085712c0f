"""Decisions about work: it comes, it changes, it is needed no more, somebody may be asked again."""

from __future__ import annotations

from dataclasses import replace

from services.routing.core.byhand import Hand
from services.routing.core.commands import ChangeWork, EndRest, RequestWork, WithdrawWork
from services.routing.core.events import (
    OfferRescinded,
    WorkChanged,
    WorkCompleted,
    WorkQueued,
    WorkWithdrawn,
)
from services.routing.core.kinds import WorkState
from services.routing.core.turn import Turn
from services.routing.core.work import WorkItem


def request(turn: Turn, command: RequestWork) -> None:
    """Queue the work, and ask somebody at once if there is anybody."""
    work = command.work
    if work.work_id in turn.draft.work:
        return
    turn.add(WorkQueued(work))
    turn.settle(work=[work.work_id])


def change(turn: Turn, command: ChangeWork) -> None:
    """Ask for something else, but for what people have set. Who has the work is not disturbed."""
    work = turn.draft.work.get(command.work_id)
    if work is None:
        return
    requirement, priority = work.heeding(command.requirement, command.priority)
    command = replace(command, requirement=requirement, priority=priority)
    changed = _changed(work, command)
    if not changed:
        return
    turn.add(
        WorkChanged(
            work_id=work.work_id,
            requirement=command.requirement,
            priority=command.priority,
            tier=command.tier,
            language=command.language,
            changed=changed,
            at_ms=turn.now_ms,
        )
    )
    turn.settle(work=[work.work_id])


def _changed(work: WorkItem, command: ChangeWork) -> tuple[str, ...]:
    before, after = work.requirement, command.requirement
    differs = {
        "pool": before.pool != after.pool,
        "channel": before.channel is not after.channel,
        "language": work.language != command.language or before.language != after.language,
        "skills": before.skills != after.skills,
        "level": before.level is not after.level,
        "priority": work.priority != command.priority,
        "tier": work.tier is not command.tier,
    }
    return tuple(name for name, is_different in differs.items() if is_different)


def withdraw(turn: Turn, command: WithdrawWork) -> None:
    """End the work: unasked, with its offer taken back, or completed by whoever has it."""
    work = turn.draft.work.get(command.work_id)
    if work is not None and work.is_wanted:
        end(turn, work, command.reason, by_triage=True)


def end(
    turn: Turn, work: WorkItem, reason: str, *, by_triage: bool, hand: Hand | None = None
) -> None:
    """End work that is not done: `by_triage`, or by the hand of a supervisor."""
    if work.state is WorkState.ASSIGNED:
        complete(turn, work.work_id, reason, asked_by_triage=by_triage, hand=hand)
        return
    freed = take_back(turn, work, "withdrawn")
    turn.add(WorkWithdrawn(work.work_id, reason, turn.now_ms, hand))
    turn.settle(agents=freed)


def take_back(turn: Turn, work: WorkItem, reason: str) -> list[str]:
    """Take back the offer of the work, if one is open; gives who has room again."""
    if work.state is not WorkState.OFFERED:
        return []
    turn.add(OfferRescinded(work.offer_id, reason, turn.now_ms, goes_on=True))
    return [work.agent_id]


def complete(
    turn: Turn, work_id: str, reason: str, *, asked_by_triage: bool, hand: Hand | None = None
) -> None:
    """End assigned work, into wrap-up where its pool has one; the agent has room after that."""
    work = turn.draft.work[work_id]
    until_ms = wrap_up_until(turn, work)
    turn.add(
        WorkCompleted(
            work_id=work_id,
            assignment_id=work.assignment_id,
            reason=reason,
            wrap_up_until_ms=until_ms,
            asked_by_triage=asked_by_triage,
            at_ms=turn.now_ms,
            hand=hand,
        )
    )
    if not until_ms:
        turn.settle(agents=[work.agent_id])


def wrap_up_until(turn: Turn, work: WorkItem) -> int:
    """Until when whoever has the work writes up if they are done with it now; 0: not at all."""
    wrap_up_ms = turn.draft.policy.wrap_up_of(work.requirement.pool)
    return turn.now_ms + wrap_up_ms if wrap_up_ms else 0


def end_rest(turn: Turn, command: EndRest) -> None:
    """Ask again, now that somebody who had declined may be asked."""
    turn.settle(work=[command.work_id])
