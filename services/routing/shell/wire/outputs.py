"""What the matcher says: events of the domain as `routing.events.v1` and to triage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import events_pb2 as pb

from services.routing.core import events as ev
from services.routing.core.domain import Changes, Domain
from services.routing.core.kinds import Act, OfferState, WorkState
from services.routing.core.work import Assignment, Offer, WorkItem
from services.routing.shell.wire.inputs import WITHDRAWN
from services.routing.shell.wire.names import CHANNELS, LEVELS, PRESENCES, WORK_STATES
from services.routing.shell.wire.nouns import (
    Place,
    agent_message,
    assignment_message,
    offer_message,
    work_message,
)

Said: TypeAlias = Iterator[pb.RoutingEvent]


def messages(event: ev.Event, domain: Domain, changes: Changes) -> Said:
    """What an event of the domain is told as, nothing for what concerns nobody else.

    `changes` has every entity that the event is about, as it is after the whole turn.
    """
    say = _SAY.get(type(event))
    return say(event, domain, changes) if say is not None else iter(())


def work_ended(event: ev.Event, domain: Domain, changes: Changes) -> asks.TriageInput | None:
    """To triage: the agent was done, or a supervisor withdrew it. None for all that it knows."""
    if not isinstance(event, ev.WorkCompleted | ev.WorkWithdrawn):
        return None
    if event.hand is None and (isinstance(event, ev.WorkWithdrawn) or event.asked_by_triage):
        return None
    work = changes.work[event.work_id]
    message = asks.TriageInput(
        tenant_id=domain.tenant_id,
        occurred_at_ms=event.at_ms,
        actor="service/routing.matcher",
    )
    message.work_ended.CopyFrom(
        asks.WorkEnded(
            conversation_id=work.conversation_id,
            work_id=work.work_id,
            reason=WITHDRAWN if event.hand is not None else "completed",
            agent_id=work.agent_id,
            arrived_at_ms=work.arrived_ms,
            work=work_message(work, _place(domain)),
        )
    )
    return message


def command_rejected(domain: Domain, command: str, reason: str, agent_id: str) -> pb.RoutingEvent:
    """A command was refused and changed nothing."""
    message = pb.RoutingEvent(tenant_id=domain.tenant_id, domain=domain.domain_id)
    message.command_rejected.CopyFrom(
        pb.CommandRejected(command=command, reason=reason, agent_id=agent_id)
    )
    return message


def key_of(message: pb.RoutingEvent) -> str:
    """The key of an event: its conversation, or the agent of a fact about agents."""
    if message.conversation_id:
        return message.conversation_id
    match message.WhichOneof("kind"):
        case "agent_changed":
            return message.agent_changed.agent.agent_id
        case "agent_presence_changed":
            return message.agent_presence_changed.agent_id
        case _:
            return message.command_rejected.agent_id


def _about(work: WorkItem, domain: Domain, at_ms: int) -> pb.RoutingEvent:
    return pb.RoutingEvent(
        tenant_id=domain.tenant_id,
        domain=domain.domain_id,
        occurred_at_ms=at_ms,
        work_id=work.work_id,
        conversation_id=work.conversation_id,
        pool=work.requirement.pool,
        channel=CHANNELS.to_wire(work.requirement.channel),
    )


def _place(domain: Domain) -> Place:
    return Place(domain.tenant_id, domain.domain_id)


def _queued(work: WorkItem, domain: Domain, at_ms: int, reason: str) -> pb.RoutingEvent:
    """It waits, whatever has become of it later in the turn."""
    message = _about(work, domain, at_ms)
    described = work_message(work, _place(domain))
    described.state = WORK_STATES.to_wire(WorkState.QUEUED)
    described.agent_id = described.offer_id = ""
    message.queued.CopyFrom(pb.Queued(work=described, reason=reason))
    return message


def _work_queued(event: ev.WorkQueued, domain: Domain, _: Changes) -> Said:
    yield _queued(event.work, domain, event.work.changed_ms, "requested")


def _work_changed(event: ev.WorkChanged, domain: Domain, changes: Changes) -> Said:
    work = changes.work[event.work_id]
    message = _about(work, domain, event.at_ms)
    message.work_updated.CopyFrom(
        pb.WorkUpdated(work=work_message(work, _place(domain)), changed=event.changed)
    )
    yield message


def _work_withdrawn(event: ev.WorkWithdrawn, domain: Domain, changes: Changes) -> Said:
    work = changes.work[event.work_id]
    message = _about(work, domain, event.at_ms)
    ended = pb.Abandoned(reason=event.reason, waited_ms=event.at_ms - work.arrived_ms)
    if event.hand is not None:
        ended.reason, ended.note = WITHDRAWN, event.reason
    message.abandoned.CopyFrom(ended)
    yield message


def _work_assigned(event: ev.WorkAssigned, domain: Domain, changes: Changes) -> Said:
    given = event.assignment
    work = changes.work[given.work_id]
    yield _assigned(given, work, domain, event.hand.decision_id)


def _assigned(
    given: Assignment, work: WorkItem, domain: Domain, decision_id: str
) -> pb.RoutingEvent:
    message = _about(work, domain, given.assigned_ms)
    message.assigned.CopyFrom(
        pb.Assigned(
            assignment=assignment_message(given),
            decision_id=decision_id,
            waited_ms=given.assigned_ms - work.arrived_ms,
            number=work.assignments,
        )
    )
    return message


def _work_moved(event: ev.WorkMoved, domain: Domain, changes: Changes) -> Said:
    work, hand, release = changes.work[event.work_id], event.hand, event.release
    before, after, asked = hand.inputs.requirement, hand.verdict.requirement, hand.inputs.asked
    message = _about(work, domain, event.at_ms)
    message.pool = before.pool  # those who watch that queue see it go
    had, wraps_up_ms = (release.agent_id, release.wrap_up_until_ms) if release else ("", 0)
    if asked.act is Act.ESCALATE:
        message.escalated.CopyFrom(
            pb.Escalated(
                from_level=LEVELS.to_wire(before.level),
                to_level=LEVELS.to_wire(after.level),
                reason=asked.reason,
                agent_id=had,
                wrap_up_ends_at_ms=wraps_up_ms,
                decision_id=hand.decision_id,
            )
        )
    else:
        message.transferred.CopyFrom(
            pb.Transferred(
                from_pool=before.pool,
                to_pool=after.pool,
                from_agent_id=had,
                to_agent_id=asked.agent_id,
                reason=asked.reason,
                wrap_up_ends_at_ms=wraps_up_ms,
                decision_id=hand.decision_id,
                number=work.transfers,
            )
        )
    yield message
    why = "escalated" if asked.act is Act.ESCALATE else "transferred"
    yield _queued(work, domain, event.at_ms, why)


def _work_reprioritised(event: ev.WorkReprioritised, domain: Domain, changes: Changes) -> Said:
    work = changes.work[event.work_id]
    message = _about(work, domain, event.at_ms)
    described = work_message(work, _place(domain))
    message.work_updated.CopyFrom(pb.WorkUpdated(work=described, changed=["priority"]))
    yield message


def _offer_made(event: ev.OfferMade, domain: Domain, changes: Changes) -> Said:
    offer, work = event.offer, changes.work[event.offer.work_id]
    message = _about(work, domain, offer.offered_ms)
    message.offered.CopyFrom(
        pb.Offered(offer=offer_message(offer, work), waited_ms=offer.offered_ms - work.arrived_ms)
    )
    yield message


def _offer_accepted(event: ev.OfferAccepted, domain: Domain, changes: Changes) -> Said:
    offer, work = _offered(event.offer_id, changes)
    accepted = _about(work, domain, event.at_ms)
    accepted.accepted.CopyFrom(
        pb.Accepted(
            offer_id=offer.offer_id,
            agent_id=offer.agent_id,
            answered_in_ms=event.answered_in_ms,
        )
    )
    yield accepted
    yield _assigned(changes.assignments[event.offer_id], work, domain, offer.decision_id)


def _offer_declined(event: ev.OfferDeclined, domain: Domain, changes: Changes) -> Said:
    offer, work = _offered(event.offer_id, changes)
    message = _about(work, domain, event.at_ms)
    message.declined.CopyFrom(
        pb.Declined(offer_id=offer.offer_id, agent_id=offer.agent_id, reason=event.reason)
    )
    yield message
    yield _queued(work, domain, event.at_ms, "declined")


def _offer_timed_out(event: ev.OfferTimedOut, domain: Domain, changes: Changes) -> Said:
    offer, work = _offered(event.offer_id, changes)
    message = _about(work, domain, event.at_ms)
    message.offer_timed_out.CopyFrom(
        pb.OfferTimedOut(
            offer_id=offer.offer_id, agent_id=offer.agent_id, missed_in_a_row=event.missed
        )
    )
    yield message
    yield _queued(work, domain, event.at_ms, "timed_out")


def _offer_rescinded(event: ev.OfferRescinded, domain: Domain, changes: Changes) -> Said:
    offer, work = _offered(event.offer_id, changes)
    message = _about(work, domain, event.at_ms)
    message.offer_rescinded.CopyFrom(
        pb.OfferRescinded(offer_id=offer.offer_id, agent_id=offer.agent_id, reason=event.reason)
    )
    yield message
    if not event.goes_on:
        yield _queued(work, domain, event.at_ms, "rescinded")


def _work_completed(event: ev.WorkCompleted, domain: Domain, changes: Changes) -> Said:
    work = changes.work[event.work_id]
    assignment = changes.assignments[event.assignment_id]
    message = _about(work, domain, event.at_ms)
    message.completed.CopyFrom(
        pb.Completed(
            agent_id=assignment.agent_id,
            reason=event.reason,
            handled_ms=event.at_ms - assignment.assigned_ms,
            wrap_up_ends_at_ms=event.wrap_up_until_ms,
            withdrawn=event.hand is not None,
        )
    )
    yield message


def _wrap_up_ended(event: ev.WrapUpEnded, domain: Domain, changes: Changes) -> Said:
    done = changes.assignments[event.assignment_id]
    message = pb.RoutingEvent(
        tenant_id=domain.tenant_id,
        domain=domain.domain_id,
        occurred_at_ms=event.at_ms,
        work_id=done.work_id,
        conversation_id=done.conversation_id,
        pool=done.pool,
        channel=CHANNELS.to_wire(done.channel),
    )
    message.wrap_up_ended.CopyFrom(
        pb.WrapUpEnded(agent_id=done.agent_id, timed_out=event.timed_out)
    )
    yield message


def _agent_defined(event: ev.AgentDefined, domain: Domain, changes: Changes) -> Said:
    message = pb.RoutingEvent(
        tenant_id=domain.tenant_id, domain=domain.domain_id, occurred_at_ms=event.at_ms
    )
    agent = agent_message(changes.agents[event.agent_id], _place(domain))
    message.agent_changed.CopyFrom(pb.AgentChanged(agent=agent))
    yield message


def _agent_removed(event: ev.AgentRemoved, domain: Domain, changes: Changes) -> Said:
    message = pb.RoutingEvent(
        tenant_id=domain.tenant_id, domain=domain.domain_id, occurred_at_ms=event.at_ms
    )
    agent = agent_message(changes.removed[event.agent_id], _place(domain))
    message.agent_changed.CopyFrom(pb.AgentChanged(agent=agent, removed=True))
    yield message


def _presence_changed(event: ev.PresenceChanged, domain: Domain, _: Changes) -> Said:
    message = pb.RoutingEvent(
        tenant_id=domain.tenant_id, domain=domain.domain_id, occurred_at_ms=event.at_ms
    )
    message.agent_presence_changed.CopyFrom(
        pb.AgentPresenceChanged(
            agent_id=event.agent_id,
            from_presence=PRESENCES.to_wire(event.before),
            to_presence=PRESENCES.to_wire(event.after),
            reason=event.reason,
        )
    )
    yield message


def _offered(offer_id: str, changes: Changes) -> tuple[Offer, WorkItem]:
    offer = changes.offers[offer_id]
    assert offer.state is not OfferState.PENDING
    return offer, changes.work[offer.work_id]


_SAY: Mapping[type[Any], Callable[[Any, Domain, Changes], Said]] = {
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
    ev.AgentDefined: _agent_defined,
    ev.AgentRemoved: _agent_removed,
    ev.PresenceChanged: _presence_changed,
}
