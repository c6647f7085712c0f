"""What each event changes. Total and silent: an event about something unknown changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.routing.core import attending
from services.routing.core import events as ev
from services.routing.core.agents import Agent, Engagement
from services.routing.core.byhand import Hand
from services.routing.core.domain import Domain, Draft
from services.routing.core.kinds import (
    Act,
    AssignmentState,
    Hold,
    OfferState,
    WorkState,
)
from services.routing.core.work import PRIORITY, Assignment, Offer, Rest, WorkItem


def evolve(domain: Domain, event: ev.Event) -> Domain:
    """The domain after `event`."""
    draft = Draft(domain)
    apply(draft, event)
    return draft.freeze()


def apply(draft: Draft, event: ev.Event) -> None:
    """Change `draft` as `event` says."""
    _APPLY[type(event)](draft, event)


def _work_queued(draft: Draft, event: ev.WorkQueued) -> None:
    draft.put_work(event.work)


def _work_changed(draft: Draft, event: ev.WorkChanged) -> None:
    work = draft.work.get(event.work_id)
    if work is None:
        return
    draft.put_work(
        replace(
            work,
            requirement=event.requirement,
            line=event.requirement.key,
            priority=event.priority,
            tier=event.tier,
            language=event.language,
            changed_ms=event.at_ms,
        )
    )


def _work_withdrawn(draft: Draft, event: ev.WorkWithdrawn) -> None:
    work = draft.work.get(event.work_id)
    if work is not None:
        work = _decided(work, event.hand)
        draft.put_work(replace(work, state=WorkState.WITHDRAWN, changed_ms=event.at_ms))


def _work_assigned(draft: Draft, event: ev.WorkAssigned) -> None:
    given, hand = event.assignment, event.hand
    work, agent = draft.work.get(given.work_id), draft.agents.get(given.agent_id)
    if work is None or agent is None:
        return
    draft.put_assignment(given)
    draft.put_work(
        replace(
            _decided(work, hand),
            state=WorkState.ASSIGNED,
            rests=(),
            agent_id=given.agent_id,
            assignment_id=given.assignment_id,
            assignments=work.assignments + 1,
            changed_ms=given.assigned_ms,
        )
    )
    taken = Engagement(
        hold_id=given.assignment_id,
        work_id=given.work_id,
        hold=Hold.ASSIGNED,
        channel=given.channel,
        cost=given.cost,
        asked_ms=given.asked_ms,
        override=given.override,
    )
    missed = 0 if hand.inputs.asked.act is Act.CLAIM else agent.missed
    agent = replace(_engaged(agent, taken), idle_since_ms=given.assigned_ms, missed=missed)
    draft.put_agent(agent)


def _work_moved(draft: Draft, event: ev.WorkMoved) -> None:
    work, release, at_ms = draft.work.get(event.work_id), event.release, event.at_ms
    if work is None:
        return
    if release is not None:
        words = event.hand.inputs.asked.reason
        _let_go(draft, release.assignment_id, release.wrap_up_until_ms, words, at_ms)
    needs = event.hand.verdict.requirement
    gone = release.agent_id if release is not None else ""
    rests = tuple(r for r in work.rests if r.until_ms > at_ms and r.agent_id != gone)
    draft.put_work(
        replace(
            _decided(work, event.hand),
            state=WorkState.QUEUED,
            requirement=needs,
            line=needs.key,
            rests=(*rests, release.rest) if release is not None else rests,
            agent_id="",
            offer_id="",
            assignment_id="",
            transfers=work.transfers + (event.hand.inputs.asked.act is Act.TRANSFER),
            changed_ms=at_ms,
        )
    )


def _work_reprioritised(draft: Draft, event: ev.WorkReprioritised) -> None:
    work = draft.work.get(event.work_id)
    if work is not None:
        priority = event.hand.verdict.priority
        work = _decided(work, event.hand)
        draft.put_work(replace(work, priority=priority, changed_ms=event.at_ms))


def _decided(work: WorkItem, hand: Hand | None) -> WorkItem:
    """`work` with a decision by hand counted, and what it set marked as such."""
    if hand is None:
        return work
    asked = hand.inputs.asked
    named = {
        "pool": bool(asked.pool),
        "skills": bool(asked.skills),
        "level": asked.act is Act.ESCALATE,
        PRIORITY: asked.act is Act.REPRIORITISE,
    }
    now = {name for name, is_set in named.items() if is_set}
    marks = tuple(sorted(now.union(work.set_by_hand)))
    return replace(work, hands=hand.number, set_by_hand=marks)


def _offer_made(draft: Draft, event: ev.OfferMade) -> None:
    offer = event.offer
    work, agent = draft.work.get(offer.work_id), draft.agents.get(offer.agent_id)
    if work is None or agent is None:
        return
    draft.put_offer(offer)
    draft.put_work(
        replace(
            work,
            state=WorkState.OFFERED,
            agent_id=offer.agent_id,
            offer_id=offer.offer_id,
            offers=work.offers + 1,
            changed_ms=offer.offered_ms,
        )
    )
    taken = Engagement(
        offer.offer_id, offer.work_id, Hold.PENDING, offer.channel, offer.cost, offer.offered_ms
    )
    draft.put_agent(_engaged(agent, taken))


def _offer_accepted(draft: Draft, event: ev.OfferAccepted) -> None:
    offer = draft.offers.get(event.offer_id)
    if offer is None:
        return
    at_ms, work = event.at_ms, draft.work[offer.work_id]
    draft.put_offer(replace(offer, state=OfferState.ACCEPTED, ended_ms=at_ms))
    draft.put_assignment(
        Assignment(
            assignment_id=offer.offer_id,
            work_id=offer.work_id,
            conversation_id=work.conversation_id,
            pool=work.requirement.pool,
            agent_id=offer.agent_id,
            channel=offer.channel,
            cost=offer.cost,
            asked_ms=offer.offered_ms,
            assigned_ms=at_ms,
            offer_id=offer.offer_id,
        )
    )
    draft.put_work(
        replace(
            work,
            state=WorkState.ASSIGNED,
            rests=(),
            assignment_id=offer.offer_id,
            assignments=work.assignments + 1,
            changed_ms=at_ms,
        )
    )
    agent = _held(draft.agents[offer.agent_id], offer.offer_id, Hold.ASSIGNED)
    draft.put_agent(replace(agent, idle_since_ms=at_ms, missed=0))


def _offer_declined(draft: Draft, event: ev.OfferDeclined) -> None:
    offer = _offer_failed(
        draft, event.offer_id, OfferState.DECLINED, event.at_ms, event.reason, event.rest
    )
    if offer is not None:
        draft.put_agent(replace(draft.agents[offer.agent_id], missed=0))


def _offer_timed_out(draft: Draft, event: ev.OfferTimedOut) -> None:
    offer = _offer_failed(draft, event.offer_id, OfferState.TIMED_OUT, event.at_ms, "", event.rest)
    if offer is not None:
        agent = draft.agents[offer.agent_id]
        draft.put_agent(replace(agent, missed=event.missed))


def _offer_rescinded(draft: Draft, event: ev.OfferRescinded) -> None:
    _offer_failed(draft, event.offer_id, OfferState.RESCINDED, event.at_ms, event.reason, None)


def _offer_failed(
    draft: Draft, offer_id: str, state: OfferState, at_ms: int, reason: str, rest: Rest | None
) -> Offer | None:
    """End an offer; its work waits again at its old place, its agent has the room back."""
    offer = draft.offers.get(offer_id)
    if offer is None:
        return None
    draft.put_offer(replace(offer, state=state, ended_ms=at_ms, reason=reason))
    work = draft.work[offer.work_id]
    rests = tuple(r for r in work.rests if r.until_ms > at_ms and r.agent_id != offer.agent_id)
    draft.put_work(
        replace(
            work,
            state=WorkState.QUEUED,
            rests=(*rests, rest) if rest is not None else rests,
            agent_id="",
            offer_id="",
            changed_ms=at_ms,
        )
    )
    draft.put_agent(_released(draft.agents[offer.agent_id], offer.offer_id))
    return offer


def _work_completed(draft: Draft, event: ev.WorkCompleted) -> None:
    work = draft.work.get(event.work_id)
    if work is None or event.assignment_id not in draft.assignments:
        return
    at_ms, until_ms = event.at_ms, event.wrap_up_until_ms
    _let_go(draft, event.assignment_id, until_ms, event.reason, at_ms)
    state = WorkState.WRAP_UP if until_ms else WorkState.COMPLETED
    draft.put_work(replace(_decided(work, event.hand), state=state, changed_ms=at_ms))


def _let_go(
    draft: Draft, assignment_id: str, wrap_up_until_ms: int, reason: str, at_ms: int
) -> None:
    """End an assignment, or let its agent write up; either way their idle time begins anew."""
    assignment = draft.assignments[assignment_id]
    agent = draft.agents[assignment.agent_id]
    if wrap_up_until_ms:
        state = AssignmentState.WRAP_UP
        ended = replace(assignment, state=state, wrap_up_until_ms=wrap_up_until_ms)
        agent = _held(agent, assignment_id, Hold.WRAP_UP)
    else:
        ended = replace(assignment, state=AssignmentState.COMPLETED, ended_ms=at_ms)
        agent = _released(agent, assignment_id)
    draft.put_assignment(replace(ended, reason=reason))
    draft.put_agent(replace(agent, idle_since_ms=at_ms))


def _wrap_up_ended(draft: Draft, event: ev.WrapUpEnded) -> None:
    assignment = draft.assignments.get(event.assignment_id)
    if assignment is None:
        return
    name, at_ms = assignment.assignment_id, event.at_ms
    draft.put_assignment(replace(assignment, state=AssignmentState.COMPLETED, ended_ms=at_ms))
    work, agent = draft.work.get(assignment.work_id), draft.agents[assignment.agent_id]
    if work is not None and (work.state, work.assignment_id) == (WorkState.WRAP_UP, name):
        draft.put_work(replace(work, state=WorkState.COMPLETED, changed_ms=at_ms))
    draft.put_agent(replace(_released(agent, name), idle_since_ms=at_ms))


def _engaged(agent: Agent, taken: Engagement) -> Agent:
    both = sorted((*agent.engagements, taken), key=lambda each: (each.work_id, each.hold_id))
    return replace(agent, engagements=tuple(both))


def _held(agent: Agent, hold_id: str, hold: Hold) -> Agent:
    engagements = (
        replace(each, hold=hold) if each.hold_id == hold_id else each for each in agent.engagements
    )
    return replace(agent, engagements=tuple(engagements))


def _released(agent: Agent, hold_id: str) -> Agent:
    kept = tuple(e for e in agent.engagements if e.hold_id != hold_id)
    return replace(agent, engagements=kept)


_APPLY: dict[type[Any], Callable[[Draft, Any], None]] = {
    ev.WorkQueued: _work_queued,
    ev.WorkChanged: _work_changed,
    ev.WorkWithdrawn: _work_withdrawn,
    ev.WorkAssigned: _work_assigned,
    ev.WorkMoved: _work_moved,
    ev.WorkReprioritised: _work_reprioritised,
    ev.OfferMade: _offer_made,
    ev.OfferAccepted: _offer_accepted,
    ev.OfferDeclined: _offer_declined,
    ev.OfferTimedOut: _offer_timed_out,
    ev.OfferRescinded: _offer_rescinded,
    ev.WorkCompleted: _work_completed,
    ev.WrapUpEnded: _wrap_up_ended,
    **attending.APPLY,
}
