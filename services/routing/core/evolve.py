"""What each event changes. Total and silent: an event about something unknown changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from immutables import Map

from services.routing.core import events as ev
from services.routing.core.agents import Agent, Edge, Engagement, Session
from services.routing.core.domain import Domain, Draft
from services.routing.core.kinds import AssignmentState, Hold, OfferState, Presence, WorkState
from services.routing.core.work import Assignment, Offer, Rest


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
        draft.put_work(replace(work, state=WorkState.WITHDRAWN, changed_ms=event.at_ms))


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
    taken = Engagement(offer.work_id, Hold.PENDING, offer.channel, offer.cost, offer.offered_ms)
    engagements = sorted((*agent.engagements, taken), key=lambda each: each.work_id)
    draft.put_agent(replace(agent, engagements=tuple(engagements)))


def _offer_accepted(draft: Draft, event: ev.OfferAccepted) -> None:
    offer = draft.offers.get(event.offer_id)
    if offer is None:
        return
    at_ms = event.at_ms
    draft.put_offer(replace(offer, state=OfferState.ACCEPTED, ended_ms=at_ms))
    draft.put_assignment(
        Assignment(
            offer_id=offer.offer_id,
            work_id=offer.work_id,
            agent_id=offer.agent_id,
            channel=offer.channel,
            cost=offer.cost,
            offered_ms=offer.offered_ms,
            assigned_ms=at_ms,
        )
    )
    work = draft.work[offer.work_id]
    draft.put_work(replace(work, state=WorkState.ASSIGNED, rests=(), changed_ms=at_ms))
    agent = _held(draft.agents[offer.agent_id], offer.work_id, Hold.ASSIGNED)
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
    draft.put_agent(_released(draft.agents[offer.agent_id], offer.work_id))
    return offer


def _work_completed(draft: Draft, event: ev.WorkCompleted) -> None:
    assignment = draft.assignments.get(event.work_id)
    if assignment is None:
        return
    at_ms, until_ms = event.at_ms, event.wrap_up_until_ms
    work, agent = draft.work[event.work_id], draft.agents[assignment.agent_id]
    if until_ms:
        ended = replace(assignment, state=AssignmentState.WRAP_UP, wrap_up_until_ms=until_ms)
        agent = _held(agent, event.work_id, Hold.WRAP_UP)
    else:
        ended = replace(assignment, state=AssignmentState.COMPLETED, ended_ms=at_ms)
        agent = _released(agent, event.work_id)
    draft.put_assignment(replace(ended, reason=event.reason))
    state = WorkState.WRAP_UP if until_ms else WorkState.COMPLETED
    draft.put_work(replace(work, state=state, changed_ms=at_ms))
    draft.put_agent(replace(agent, idle_since_ms=at_ms))


def _wrap_up_ended(draft: Draft, event: ev.WrapUpEnded) -> None:
    assignment = draft.assignments.get(event.work_id)
    if assignment is None:
        return
    at_ms = event.at_ms
    draft.put_assignment(replace(assignment, state=AssignmentState.COMPLETED, ended_ms=at_ms))
    work, agent = draft.work[event.work_id], draft.agents[assignment.agent_id]
    draft.put_work(replace(work, state=WorkState.COMPLETED, changed_ms=at_ms))
    draft.put_agent(replace(_released(agent, event.work_id), idle_since_ms=at_ms))


def _agent_defined(draft: Draft, event: ev.AgentDefined) -> None:
    profile, name = event.profile, event.display_name
    agent = draft.agents.get(event.agent_id)
    if agent is None:
        draft.put_agent(Agent(event.agent_id, name, profile, profile.key, version=1))
        return
    draft.put_agent(
        replace(
            agent,
            display_name=name,
            profile=profile,
            bench=profile.key,
            version=agent.version + 1,
        )
    )


def _session_stated(draft: Draft, event: ev.SessionStated) -> None:
    agent = draft.agents.get(event.agent_id)
    if agent is None:
        return
    for session in agent.sessions:
        if session.session_id == event.session_id and session.edge_id != event.edge_id:
            _leave_edge(draft, session)
    edge = draft.edges.get(event.edge_id)
    if edge is not None and event.session_id not in edge.sessions:
        sessions = edge.sessions.set(event.session_id, event.agent_id)
        draft.put_edge(replace(edge, sessions=sessions))
    stated = Session(event.session_id, event.edge_id, event.sequence)
    others = tuple(s for s in agent.sessions if s.session_id != event.session_id)
    draft.put_agent(replace(agent, sessions=(*others, stated), grace_until_ms=0))


def _session_ended(draft: Draft, event: ev.SessionEnded) -> None:
    agent = draft.agents.get(event.agent_id)
    if agent is None:
        return
    for session in agent.sessions:
        if session.session_id == event.session_id:
            _leave_edge(draft, session)
    rest = tuple(s for s in agent.sessions if s.session_id != event.session_id)
    draft.put_agent(replace(agent, sessions=rest, grace_until_ms=event.grace_until_ms))


def _presence_changed(draft: Draft, event: ev.PresenceChanged) -> None:
    agent = draft.agents.get(event.agent_id)
    if agent is None:
        return
    begins = event.after is Presence.AVAILABLE
    draft.put_agent(
        replace(
            agent,
            presence=event.after,
            idle_since_ms=event.at_ms if begins else agent.idle_since_ms,
            missed=0,
            grace_until_ms=0 if event.after is Presence.OFFLINE else agent.grace_until_ms,
        )
    )


def _lease_renewed(draft: Draft, event: ev.LeaseRenewed) -> None:
    edge = draft.edges.get(event.edge_id)
    sessions: Map[str, str] = edge.sessions if edge is not None else Map()
    draft.put_edge(Edge(event.edge_id, event.lease_until_ms, sessions))


def _lease_lost(draft: Draft, event: ev.LeaseLost) -> None:
    if event.edge_id in draft.edges:
        draft.put_edge(Edge(event.edge_id, lease_until_ms=0))


def _leave_edge(draft: Draft, session: Session) -> None:
    edge = draft.edges.get(session.edge_id)
    if edge is not None and session.session_id in edge.sessions:
        draft.put_edge(replace(edge, sessions=edge.sessions.delete(session.session_id)))


def _held(agent: Agent, work_id: str, hold: Hold) -> Agent:
    engagements = (
        replace(each, hold=hold) if each.work_id == work_id else each for each in agent.engagements
    )
    return replace(agent, engagements=tuple(engagements))


def _released(agent: Agent, work_id: str) -> Agent:
    kept = tuple(e for e in agent.engagements if e.work_id != work_id)
    return replace(agent, engagements=kept)


_APPLY: dict[type[Any], Callable[[Draft, Any], None]] = {
    ev.WorkQueued: _work_queued,
    ev.WorkChanged: _work_changed,
    ev.WorkWithdrawn: _work_withdrawn,
    ev.OfferMade: _offer_made,
    ev.OfferAccepted: _offer_accepted,
    ev.OfferDeclined: _offer_declined,
    ev.OfferTimedOut: _offer_timed_out,
    ev.OfferRescinded: _offer_rescinded,
    ev.WorkCompleted: _work_completed,
    ev.WrapUpEnded: _wrap_up_ended,
    ev.AgentDefined: _agent_defined,
    ev.SessionStated: _session_stated,
    ev.SessionEnded: _session_ended,
    ev.PresenceChanged: _presence_changed,
    ev.LeaseRenewed: _lease_renewed,
    ev.LeaseLost: _lease_lost,
}
