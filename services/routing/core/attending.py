"""What events about agents and their sessions change; part of `evolve`, as total and silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from immutables import Map

from services.routing.core import events as ev
from services.routing.core.agents import Agent, Edge, Session
from services.routing.core.domain import Draft
from services.routing.core.kinds import Presence


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


def _agent_removed(draft: Draft, event: ev.AgentRemoved) -> None:
    agent = draft.agents.get(event.agent_id)
    if agent is not None:
        draft.drop_agent(replace(agent, version=agent.version + 1))


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


APPLY: dict[type[Any], Callable[[Draft, Any], None]] = {
    ev.AgentDefined: _agent_defined,
    ev.AgentRemoved: _agent_removed,
    ev.SessionStated: _session_stated,
    ev.SessionEnded: _session_ended,
    ev.PresenceChanged: _presence_changed,
    ev.LeaseRenewed: _lease_renewed,
    ev.LeaseLost: _lease_lost,
}
