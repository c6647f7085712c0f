"""Decisions about what people do to work by hand. Why, is weighed in `byhand`; here it is done.

What is given up or taken back is given up first, so that whoever is to have the work is looked at
as they are then. A refusal forgets the turn with all its events.
"""

from __future__ import annotations

from services.routing.core import ids
from services.routing.core.agents import Agent
from services.routing.core.byhand import Asked, Hand, HandInputs, target, weigh
from services.routing.core.commands import (
    AssignWork,
    CancelWork,
    ClaimWork,
    EscalateWork,
    ReprioritiseWork,
    TransferWork,
)
from services.routing.core.events import (
    OfferAccepted,
    Release,
    WorkAssigned,
    WorkMoved,
    WorkReprioritised,
)
from services.routing.core.explain import AgentView
from services.routing.core.kinds import Act, WorkState
from services.routing.core.placing import end, take_back, wrap_up_until
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.turn import Turn
from services.routing.core.work import Assignment, WorkItem


def assign(turn: Turn, command: AssignWork) -> Rejection | None:
    """Give work that nobody has to an agent. An offer that is out is taken back."""
    work = _wanted(turn, command.work_id)
    if isinstance(work, Rejection):
        return work
    if work.state is WorkState.ASSIGNED:
        return None if work.agent_id == command.agent_id else _taken(work)
    freed = take_back(turn, work, "assigned")
    asked = Asked(Act.ASSIGN, agent_id=command.agent_id, override=command.override)
    hand = _weighed(turn, work, asked)
    if isinstance(hand, Rejection):
        return hand
    _give(turn, hand)
    turn.settle(agents=freed)
    return None


def claim(turn: Turn, command: ClaimWork) -> Rejection | None:
    """Take work that waits. An offer of it to the same agent is accepted, one to another stands."""
    work = _wanted(turn, command.work_id)
    if isinstance(work, Rejection):
        return work
    if work.state is not WorkState.QUEUED:
        if work.agent_id != command.agent_id:
            return _taken(work)
        if work.state is WorkState.OFFERED:
            waited_ms = turn.now_ms - turn.draft.offers[work.offer_id].offered_ms
            turn.add(OfferAccepted(work.offer_id, waited_ms, turn.now_ms))
        return None
    hand = _weighed(turn, work, Asked(Act.CLAIM, agent_id=command.agent_id))
    if isinstance(hand, Rejection):
        return hand
    _give(turn, hand)
    return None


def transfer(turn: Turn, command: TransferWork) -> Rejection | None:
    """Pass work on. Whoever had it is done with it, and is not asked for it again at once."""
    work = _wanted(turn, command.work_id, held_by=command.held_by)
    if isinstance(work, Rejection):
        return work
    asked = Asked(
        act=Act.TRANSFER,
        reason=command.reason,
        agent_id=command.agent_id,
        pool=command.pool,
        skills=command.skills,
    )
    has_it = work.agent_id if work.state is WorkState.ASSIGNED else ""
    if has_it == command.agent_id:  # both empty: it waits, and goes on waiting
        if target(work.requirement, asked) == work.requirement:
            return None
        if has_it:
            return Rejection(Reason.WORK_TAKEN, f"{has_it} has it already; name another agent")
    return _move(turn, work, asked, "transferred")


def escalate(turn: Turn, command: EscalateWork) -> Rejection | None:
    """Move work up. Whoever had it is done with it, and is not asked for it again at once."""
    name = command.work_id or turn.draft.wanted.get(command.conversation_id, "")
    if not name:
        return Rejection(Reason.WORK_NOT_FOUND, "the conversation has no open work")
    work = _wanted(turn, name, held_by=command.held_by)
    if isinstance(work, Rejection):
        return work
    needs = work.requirement
    if command.level is needs.level and (command.skills or needs.skills) == needs.skills:
        return None
    asked = Asked(Act.ESCALATE, reason=command.reason, skills=command.skills, level=command.level)
    return _move(turn, work, asked, "escalated")


def reprioritise(turn: Turn, command: ReprioritiseWork) -> Rejection | None:
    """Give work another priority. Who has it or is asked for it is not disturbed."""
    work = _wanted(turn, command.work_id)
    if isinstance(work, Rejection):
        return work
    if work.priority == command.priority:
        return None
    hand = _weighed(turn, work, Asked(Act.REPRIORITISE, priority=command.priority))
    if isinstance(hand, Rejection):
        return hand
    turn.add(WorkReprioritised(work.work_id, hand, turn.now_ms))
    turn.settle(work=[work.work_id])
    return None


def cancel(turn: Turn, command: CancelWork) -> Rejection | None:
    """End work: unasked, with its offer taken back, or completed by whoever has it."""
    work = _wanted(turn, command.work_id)
    if isinstance(work, Rejection):
        return work
    hand = _weighed(turn, work, Asked(Act.WITHDRAW, reason=command.reason))
    if isinstance(hand, Rejection):
        return hand
    end(turn, work, command.reason, by_triage=False, hand=hand)
    return None


def _move(turn: Turn, work: WorkItem, asked: Asked, why: str) -> Rejection | None:
    """Let the work wait for something else, or give it to the agent who was named."""
    freed = take_back(turn, work, why)
    hand = _weighed(turn, work, asked)
    if isinstance(hand, Rejection):
        return hand
    release = _released(turn, work)
    turn.add(WorkMoved(work.work_id, release, hand, turn.now_ms))
    if asked.agent_id:
        _give(turn, hand)
    if release is not None and not release.wrap_up_until_ms:
        freed.append(release.agent_id)
    turn.settle(agents=freed, work=[work.work_id])
    return None


def _released(turn: Turn, work: WorkItem) -> Release | None:
    if work.state is not WorkState.ASSIGNED:
        return None
    return Release(
        assignment_id=work.assignment_id,
        agent_id=work.agent_id,
        wrap_up_until_ms=wrap_up_until(turn, work),
        rest=turn.rest_of(work.agent_id),
    )


def _give(turn: Turn, hand: Hand) -> None:
    """Put the work into the agent's hands, at the cost that it has for them."""
    work, agent = turn.draft.work[hand.work_id], turn.draft.agents[hand.verdict.agent_id]
    channel = work.requirement.channel
    turn.add(
        WorkAssigned(
            Assignment(
                assignment_id=ids.hand_assignment_id(work.work_id, hand.number),
                work_id=work.work_id,
                conversation_id=work.conversation_id,
                pool=work.requirement.pool,
                agent_id=agent.agent_id,
                channel=channel,
                cost=agent.profile.channels[channel].cost,
                asked_ms=turn.now_ms,
                assigned_ms=turn.now_ms,
                override=hand.verdict.passed_over is not None,
            ),
            hand,
        )
    )


def _weighed(turn: Turn, work: WorkItem, asked: Asked) -> Hand | Rejection:
    """The decision about the work, as it was when it was asked for. Counts nothing yet."""
    agent = _named(turn, asked.agent_id)
    if isinstance(agent, Rejection):
        return agent
    policy = turn.draft.policy
    inputs = HandInputs(
        asked=asked,
        requirement=work.requirement,
        priority=work.priority,
        holder_id=work.agent_id if work.state is WorkState.ASSIGNED else "",
        transfers=work.transfers,
        transfers_max=policy.max_transfers,
        agent=AgentView(agent.agent_id, agent.profile, agent.room, agent.idle) if agent else None,
        now_ms=turn.now_ms,
        policy_version=policy.version,
    )
    verdict = weigh(inputs)
    if isinstance(verdict, Rejection):
        return verdict
    number = work.hands + 1
    decision_id = ids.hand_decision_id(work.work_id, number)
    return Hand(decision_id, work.work_id, number, inputs, verdict)


def _named(turn: Turn, agent_id: str) -> Agent | Rejection | None:
    """The agent who is to have the work: of this domain, and here. None where nobody was named."""
    if not agent_id:
        return None
    agent = turn.draft.agents.get(agent_id)
    if agent is None:
        return Rejection(Reason.AGENT_NOT_FOUND, f"no agent {agent_id}")
    if not agent.is_here:
        return Rejection(Reason.AGENT_ABSENT, f"{agent_id} is {agent.presence} or not connected")
    return agent


def _wanted(turn: Turn, work_id: str, *, held_by: str = "") -> WorkItem | Rejection:
    work = turn.draft.work.get(work_id)
    if work is None or not work.is_wanted:
        return Rejection(Reason.WORK_ENDED, "the work is done or was withdrawn")
    if held_by and (work.state is not WorkState.ASSIGNED or work.agent_id != held_by):
        return Rejection(Reason.NOT_ASSIGNED, f"{held_by} does not have this work")
    return work


def _taken(work: WorkItem) -> Rejection:
    if work.state is WorkState.OFFERED:
        return Rejection(Reason.WORK_TAKEN, f"it is offered to {work.agent_id}")
    return Rejection(Reason.WORK_TAKEN, f"{work.agent_id} has it; transfer it instead")
