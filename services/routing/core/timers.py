"""Which timers a domain needs: for everything that is open and ends by itself, one.

A timer follows from the state of its entity, so it is never forgotten: whoever writes an entity
sets its timer, and after a restart the rows say the same as the timers do.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.routing.core import commands as do
from services.routing.core.agents import Agent, Edge
from services.routing.core.domain import Changes
from services.routing.core.kinds import AssignmentState, OfferState, WorkState
from services.routing.core.work import Assignment, Offer, WorkItem

Timer = tuple[str, str, int]  # kind, id of the entity, due (unix ms; 0: none is needed)


def of(changes: Changes, now_ms: int) -> Iterator[Timer]:
    """The timers of everything that changed."""
    for offer in changes.offers.values():
        yield of_offer(offer)
    for assignment in changes.assignments.values():
        yield of_assignment(assignment)
    for agent in (*changes.agents.values(), *changes.removed.values()):
        yield of_agent(agent)
    for edge in changes.edges.values():
        yield of_edge(edge)
    for work in changes.work.values():
        yield of_work(work, now_ms)


def of_offer(offer: Offer) -> Timer:
    """An open offer times out."""
    return ("offer", offer.offer_id, offer.expires_ms if offer.state is OfferState.PENDING else 0)


def of_assignment(assignment: Assignment) -> Timer:
    """A wrap-up ends."""
    wraps_up = assignment.state is AssignmentState.WRAP_UP
    return ("wrap_up", assignment.assignment_id, assignment.wrap_up_until_ms if wraps_up else 0)


def of_agent(agent: Agent) -> Timer:
    """An agent whose connection broke goes offline."""
    return ("grace", agent.agent_id, agent.grace_until_ms)


def of_edge(edge: Edge) -> Timer:
    """A lease runs out."""
    return ("lease", edge.edge_id, edge.lease_until_ms)


def of_work(work: WorkItem, now_ms: int) -> Timer:
    """Somebody who declined waiting work may be asked again: alone first, then with others."""
    due_ms = 0
    if work.state is WorkState.QUEUED:
        ends = (ms for rest in work.rests for ms in (rest.alone_ms, rest.until_ms) if ms > now_ms)
        due_ms = min(ends, default=0)
    return ("rest", work.work_id, due_ms)


def command_of(kind: str, entity_id: str) -> do.Command:
    """What a timer asks for. Raises `ValueError` for a kind that was never set."""
    match kind:
        case "offer":
            return do.ExpireOffer(entity_id)
        case "wrap_up":
            return do.ExpireWrapUp(entity_id)
        case "grace":
            return do.ExpireGrace(entity_id)
        case "lease":
            return do.ExpireLease(entity_id)
        case "rest":
            return do.EndRest(entity_id)
    raise ValueError(f"no timer is of kind {kind!r}")
