"""Decisions about agents: what they can do, whether they are there, and who vouches for that."""

from __future__ import annotations

from dataclasses import replace

from services.routing.core.agents import Agent, Session
from services.routing.core.commands import (
    CloseSession,
    DefineAgent,
    ExpireGrace,
    ExpireLease,
    RemoveAgent,
    RenewLease,
    SetCapacities,
    SetPresence,
    SetSkills,
)
from services.routing.core.events import (
    AgentDefined,
    AgentRemoved,
    LeaseLost,
    LeaseRenewed,
    OfferRescinded,
    PresenceChanged,
    SessionEnded,
    SessionStated,
)
from services.routing.core.kinds import Hold, Presence
from services.routing.core.policies import SESSION_LEASE_MS
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.turn import Turn


def define(turn: Turn, command: DefineAgent) -> Rejection | None:
    """Add or change an agent. Nobody's capacity is cut below what they use."""
    profile = command.profile
    if not profile.channels:
        profile = replace(profile, channels=turn.draft.policy.channels)
    agent = turn.draft.agents.get(command.agent_id)
    if agent is not None:
        if (agent.profile, agent.display_name) == (profile, command.display_name):
            return None
        if profile.capacity < min(agent.used, agent.profile.capacity):
            return Rejection(Reason.CAPACITY_IN_USE, f"the agent uses {agent.used} of it")
    turn.add(AgentDefined(command.agent_id, command.display_name, profile, turn.now_ms))
    turn.settle(agents=[command.agent_id])
    turn.settle_absence()
    return None


def set_skills(turn: Turn, command: SetSkills) -> Rejection | None:
    """Change what an agent can do, and nothing else of them."""
    agent = turn.draft.agents.get(command.agent_id)
    if agent is None:
        return _unknown(command.agent_id)
    profile = replace(agent.profile, skills=command.skills)
    return define(turn, DefineAgent(agent.agent_id, agent.display_name, profile))


def set_capacities(turn: Turn, command: SetCapacities) -> Rejection | None:
    """Change which channels an agent serves and how much of them, and nothing else."""
    agent = turn.draft.agents.get(command.agent_id)
    if agent is None:
        return _unknown(command.agent_id)
    profile = replace(agent.profile, channels=command.channels, capacity=command.capacity)
    return define(turn, DefineAgent(agent.agent_id, agent.display_name, profile))


def remove(turn: Turn, command: RemoveAgent) -> Rejection | None:
    """Let an agent go who has no work, nor any to write up. Offers are taken back."""
    agent = turn.draft.agents.get(command.agent_id)
    if agent is None:
        return _unknown(command.agent_id)
    held = [e.work_id for e in agent.engagements if e.hold is not Hold.PENDING]
    if held:
        detail = f"the agent has {', '.join(held)}; transfer or complete it first"
        return Rejection(Reason.AGENT_HOLDS_WORK, detail)
    for session in agent.sessions:
        turn.add(SessionEnded(agent.agent_id, session.session_id, grace_until_ms=0))
    requeued = leave(turn, agent.agent_id, Presence.OFFLINE, "removed")
    turn.add(AgentRemoved(agent.agent_id, turn.now_ms))
    turn.settle_absence(requeued)
    return None


def state_presence(turn: Turn, command: SetPresence) -> Rejection | None:
    """Hear what a session says of its agent. The first statement of a session opens it."""
    agent = turn.draft.agents.get(command.agent_id)
    if agent is None:
        return _unknown(command.agent_id)
    here = Session(command.session_id, command.edge_id, command.sequence)
    if any(_is_later(s, here) for s in agent.sessions):
        return None
    if command.edge_id not in turn.draft.edges:
        turn.add(LeaseRenewed(command.edge_id, turn.now_ms + SESSION_LEASE_MS))
    turn.add(SessionStated(command.agent_id, command.session_id, command.edge_id, command.sequence))
    _become(turn, agent, command.presence, command.reason or "agent")
    return None


def close(turn: Turn, command: CloseSession) -> None:
    """End a session. The last one takes the agent offline: at once where they signed off."""
    agent = turn.draft.agents.get(command.agent_id)
    ended = (command.session_id, command.edge_id)
    if agent is None or all((s.session_id, s.edge_id) != ended for s in agent.sessions):
        return
    if len(agent.sessions) > 1:
        turn.add(SessionEnded(command.agent_id, command.session_id, grace_until_ms=0))
        return
    grace_ms = 0 if command.signed_off else turn.draft.policy.presence_grace_ms
    if grace_ms and agent.presence is not Presence.OFFLINE:
        until_ms = turn.now_ms + grace_ms
        turn.add(SessionEnded(command.agent_id, command.session_id, until_ms))
        turn.settle_absence()
        return
    turn.add(SessionEnded(command.agent_id, command.session_id, grace_until_ms=0))
    _become(turn, agent, Presence.OFFLINE, "signed_off" if command.signed_off else "session_lost")


def renew(turn: Turn, command: RenewLease) -> None:
    """Vouch for all sessions of an edge for another lease."""
    until_ms = turn.now_ms + SESSION_LEASE_MS
    edge = turn.draft.edges.get(command.edge_id)
    if edge is None or edge.lease_until_ms < until_ms:
        turn.add(LeaseRenewed(command.edge_id, until_ms))


def expire_lease(turn: Turn, command: ExpireLease) -> None:
    """End the sessions of an edge that nobody has heard of; their agents go offline."""
    edge = turn.draft.edges.get(command.edge_id)
    if edge is None or turn.now_ms < edge.lease_until_ms:
        return
    requeued: list[str] = []
    for session_id, agent_id in sorted(edge.sessions.items()):
        turn.add(SessionEnded(agent_id, session_id, grace_until_ms=0))
        if not turn.draft.agents[agent_id].sessions:
            requeued += leave(turn, agent_id, Presence.OFFLINE, "session_lost")
    turn.add(LeaseLost(edge.edge_id))
    turn.settle_absence(requeued)


def expire_grace(turn: Turn, command: ExpireGrace) -> None:
    """Take an agent offline who has not come back."""
    agent = turn.draft.agents.get(command.agent_id)
    if agent is not None and 0 < agent.grace_until_ms <= turn.now_ms:
        _become(turn, agent, Presence.OFFLINE, "session_lost")


def leave(turn: Turn, agent_id: str, after: Presence, reason: str) -> list[str]:
    """Stop asking an agent: open offers are taken back, accepted work stays. Returns that work."""
    agent = turn.draft.agents[agent_id]
    if agent.presence is not after:
        turn.add(PresenceChanged(agent_id, agent.presence, after, reason, turn.now_ms))
    pending = [e.work_id for e in agent.engagements if e.hold is Hold.PENDING]
    for work_id in pending:
        turn.add(OfferRescinded(turn.draft.work[work_id].offer_id, reason, turn.now_ms))
    return pending


def _unknown(agent_id: str) -> Rejection:
    return Rejection(Reason.AGENT_NOT_FOUND, f"no agent {agent_id}")


def _is_later(known: Session, stated: Session) -> bool:
    """Whether what is known of a session makes a statement of it old."""
    same = (known.session_id, known.edge_id) == (stated.session_id, stated.edge_id)
    return same and 0 < stated.sequence <= known.sequence


def _become(turn: Turn, agent: Agent, after: Presence, reason: str) -> None:
    """Change presence and match. `agent` is as it was before the turn."""
    if after is not Presence.AVAILABLE:
        requeued = leave(turn, agent.agent_id, after, reason)
        turn.settle_absence(requeued)
        return
    if agent.presence is not after:
        turn.add(PresenceChanged(agent.agent_id, agent.presence, after, reason, turn.now_ms))
    if not agent.is_ready:
        turn.settle(agents=[agent.agent_id])
