"""Decisions about what agents do with offers and work."""

from __future__ import annotations

from services.routing.core.commands import (
    AcceptOffer,
    CompleteWork,
    DeclineOffer,
    EndWrapUp,
    ExpireOffer,
    ExpireWrapUp,
)
from services.routing.core.events import (
    OfferAccepted,
    OfferDeclined,
    OfferTimedOut,
    WrapUpEnded,
)
from services.routing.core.kinds import Hold, Presence
from services.routing.core.placing import complete as complete_work
from services.routing.core.presence import leave
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.turn import Turn
from services.routing.core.work import Offer


def accept(turn: Turn, command: AcceptOffer) -> Rejection | None:
    """Take the work, if the offer is still open: a late answer changes nothing."""
    offer = _open_offer(turn, command.offer_id, command.agent_id)
    if isinstance(offer, Rejection):
        return offer
    turn.add(OfferAccepted(offer.offer_id, turn.now_ms - offer.offered_ms, turn.now_ms))
    return None


def decline(turn: Turn, command: DeclineOffer) -> Rejection | None:
    """Leave the work to somebody else."""
    offer = _open_offer(turn, command.offer_id, command.agent_id)
    if isinstance(offer, Rejection):
        return offer
    turn.add(
        OfferDeclined(offer.offer_id, command.reason, turn.rest_of(offer.agent_id), turn.now_ms)
    )
    turn.settle(agents=[offer.agent_id], work=[offer.work_id])
    return None


def expire(turn: Turn, command: ExpireOffer) -> None:
    """Go on without an answer. Who misses too many in a row is asked no more until they say so."""
    offer = turn.draft.offers.get(command.offer_id)
    if offer is None or turn.now_ms < offer.expires_ms:
        return
    agent = turn.draft.agents[offer.agent_id]
    missed = agent.missed + 1
    turn.add(OfferTimedOut(offer.offer_id, turn.rest_of(agent.agent_id), missed, turn.now_ms))
    if 0 < turn.draft.policy.max_missed_offers <= missed:
        requeued = leave(turn, agent.agent_id, Presence.NO_ANSWER, "missed_offers")
        turn.settle_absence([offer.work_id, *requeued])
    else:
        turn.settle(agents=[agent.agent_id], work=[offer.work_id])


def complete(turn: Turn, command: CompleteWork) -> Rejection | None:
    """Be done with it. Said again in wrap-up, nothing happens."""
    holds = _holds(turn, command.work_id, command.agent_id)
    if Hold.ASSIGNED in holds.values():
        complete_work(turn, command.work_id, command.reason, asked_by_triage=False)
    elif not holds:
        return _not_theirs(turn, command.work_id)
    return None


def end_wrap_up(turn: Turn, command: EndWrapUp) -> Rejection | None:
    """Be ready for more before the time is over."""
    holds = _holds(turn, command.work_id, command.agent_id)
    ended = [name for name, hold in holds.items() if hold is Hold.WRAP_UP]
    if not holds:
        return _not_theirs(turn, command.work_id)
    if not ended:
        return Rejection(Reason.NOT_IN_WRAP_UP, "the work is not completed yet")
    for assignment_id in ended:
        turn.add(WrapUpEnded(assignment_id, timed_out=False, at_ms=turn.now_ms))
    turn.settle(agents=[command.agent_id])
    return None


def expire_wrap_up(turn: Turn, command: ExpireWrapUp) -> None:
    """Be ready for more because the time is over."""
    assignment = turn.draft.assignments.get(command.assignment_id)
    if assignment is not None and 0 < assignment.wrap_up_until_ms <= turn.now_ms:
        turn.add(WrapUpEnded(assignment.assignment_id, timed_out=True, at_ms=turn.now_ms))
        turn.settle(agents=[assignment.agent_id])


def _open_offer(turn: Turn, offer_id: str, agent_id: str) -> Offer | Rejection:
    offer = turn.draft.offers.get(offer_id)
    if offer is None:
        return Rejection(Reason.OFFER_ENDED, "the offer is not open any more")
    if offer.agent_id != agent_id:
        return Rejection(Reason.OFFER_NOT_YOURS, "the offer was made to another agent")
    return offer


def _holds(turn: Turn, work_id: str, agent_id: str) -> dict[str, Hold]:
    """The agent's assignments of this work: the one they have, and those they write up."""
    agent = turn.draft.agents.get(agent_id)
    engagements = agent.engagements if agent is not None else ()
    mine = (e for e in engagements if e.work_id == work_id and e.hold is not Hold.PENDING)
    return {engagement.hold_id: engagement.hold for engagement in mine}


def _not_theirs(turn: Turn, work_id: str) -> Rejection:
    work = turn.draft.work.get(work_id)
    if work is None or not work.assignment_id:
        return Rejection(Reason.NOT_ASSIGNED, "nobody has this work, or it has ended")
    return Rejection(Reason.NOT_ASSIGNED, "another agent has this work")
