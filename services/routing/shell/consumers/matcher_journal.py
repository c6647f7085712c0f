"""The matcher's journal on the engine: rows, timers, events and the outcome of one command."""

from __future__ import annotations

from dataclasses import dataclass, replace

from switchboard.routing.v1 import events_pb2 as pb
from switchboard.routing.v1 import model_pb2

from services.chassis.bus.processor import Out
from services.routing.core import timers
from services.routing.core.domain import Changes, Domain
from services.routing.core.events import Event, OfferMade, hand_of
from services.routing.core.refusals import Rejection
from services.routing.core.work import WorkItem
from services.routing.shell import rows
from services.routing.shell.topics import EVENTS, TRIAGE_INPUTS
from services.routing.shell.wire import by_hand, outputs
from services.routing.shell.wire.nouns import Place, work_message


@dataclass(frozen=True, slots=True)
class Announced:
    """What listeners in this process are told of an event, before Kafka tells everybody."""

    event: pb.RoutingEvent
    work: model_pb2.WorkItem | None


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a decision; empty where a timer did."""

    command: str = ""
    request_id: str = ""
    actor: str = ""
    agent_id: str = ""


class OutJournal:
    """Writes into an `Out`; the engine commits it whole or not at all."""

    def __init__(self, out: Out, shard: int, cause: Cause, domain: Domain) -> None:
        self._out = out
        self._shard = shard
        self._cause = cause
        self._domain_key = domain.key
        self.rejection: Rejection | None = None
        self.changes = Changes()  # of the command, once it was decided

    def keep(self, after: Domain, changes: Changes) -> None:
        """Keep every entity that changed, and its timer."""
        self.changes = changes
        place = rows.place(after, self._shard)
        self._out.put(rows.DOMAINS.name, rows.domain_row(after, self._shard))
        for agent in changes.agents.values():
            self._out.put(rows.AGENTS.name, {**place, **rows.agent_row(agent)})
        for agent in changes.removed.values():
            gone = rows.agent_row(agent, is_removed=True)
            self._out.put(rows.AGENTS.name, {**place, **gone})
        for work in changes.work.values():
            self._out.put(rows.WORK.name, {**place, **rows.work_row(work)})
        for offer in changes.offers.values():
            self._out.put(rows.OFFERS.name, {**place, **rows.offer_row(offer)})
        for assignment in changes.assignments.values():
            self._out.put(rows.ASSIGNMENTS.name, {**place, **rows.assignment_row(assignment)})
        for edge in changes.edges.values():
            self._out.put(rows.EDGES.name, {**place, **rows.edge_row(edge)})
        for timer in timers.of(changes, self._out.now_ms):
            self._set(timer)

    def announce(self, after: Domain, changes: Changes, event: Event) -> Domain:
        """Tell the world; returns the domain with its events counted."""
        if isinstance(event, OfferMade):
            conversation_id = changes.work[event.offer.work_id].conversation_id
            row = rows.decision_row(event, conversation_id)
            self._out.put(rows.DECISIONS.name, {**rows.place(after, self._shard), **row})
        if (hand := hand_of(event)) is not None:
            conversation_id = changes.work[hand.work_id].conversation_id
            row = by_hand.row(hand, conversation_id, self._cause.actor)
            self._out.put(rows.DECISIONS.name, {**rows.place(after, self._shard), **row})
        if (ended := outputs.work_ended(event, after, changes)) is not None:
            self._out.emit(TRIAGE_INPUTS, ended.work_ended.conversation_id, ended)
        for message in outputs.messages(event, after, changes):
            after = self._emit(after, message, changes.work.get(message.work_id))
        self._out.tell(event)
        return after

    def rest(self, work: WorkItem) -> None:
        """Look at waiting work again when somebody's rest ends."""
        self._set(timers.of_work(work, self._out.now_ms))

    def refuse(self, domain: Domain, rejection: Rejection) -> None:
        """Tell those who watch; whoever asked gets the outcome."""
        self.rejection = rejection
        cause = self._cause
        message = outputs.command_rejected(domain, cause.command, rejection.reason, cause.agent_id)
        message.occurred_at_ms = self._out.now_ms
        self._out.tell(rejection)
        self._stamped(message)
        self._out.emit(EVENTS, outputs.key_of(message) or domain.key, message)

    def _emit(self, after: Domain, message: pb.RoutingEvent, work: WorkItem | None) -> Domain:
        after = replace(after, sequence=after.sequence + 1)
        message.sequence = after.sequence
        self._stamped(message)
        self._out.emit(EVENTS, outputs.key_of(message), message, subject=message.work_id)
        described = None
        if work is not None and message.WhichOneof("kind") in ("offered", "assigned"):
            described = work_message(work, Place(after.tenant_id, after.domain_id))
        self._out.tell(Announced(message, described))
        return after

    def _stamped(self, message: pb.RoutingEvent) -> None:
        message.event_id = self._out.new_id()
        message.request_id = self._cause.request_id
        message.actor = self._cause.actor

    def _set(self, timer: timers.Timer) -> None:
        kind, entity_id, due_ms = timer
        key = timer_key(kind, entity_id, self._domain_key)
        if due_ms:
            self._out.timer(key, max(due_ms, self._out.now_ms + 1))
        else:
            self._out.cancel(key)


def timer_key(kind: str, entity_id: str, domain_key: str) -> str:
    """Names a timer of a shard, in which several domains may live."""
    return f"{kind}|{entity_id}|{domain_key}"


def timer_of(key: str) -> tuple[str, str, str]:
    """Kind, entity and domain of a timer's name."""
    kind, entity_id, domain_key = key.split("|", 2)
    return kind, entity_id, domain_key
