"""The matcher: one shard of domains, resident, each with its agents and its open work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from immutables import Map
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1.commands_pb2 import RoutingInput

from services.chassis.bus.processor import DueTimer, Input, Out, Rows
from services.routing.core import timers
from services.routing.core.domain import Domain
from services.routing.core.policies import RoutingPolicy
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.restore import Stored, restore
from services.routing.handlers import match
from services.routing.shell import rows
from services.routing.shell.consumers.matcher_journal import Cause, OutJournal, timer_of
from services.routing.shell.topics import DEFAULT_DOMAIN, INPUTS, domain_key
from services.routing.shell.wire import inputs
from services.routing.shell.wire.requests import decision_row
from services.routing.shell.wire.results import result_of

NAME = "routing.matcher"


@dataclass(frozen=True, slots=True)
class Shard:
    """The domains of one partition, by their key."""

    number: int
    domains: Map[str, Domain] = field(default_factory=Map)


class Matcher:
    """The processor of `routing.inputs.v1`."""

    name = NAME
    layout = 1
    mailbox = INPUTS
    topics: Mapping[str, type[Message]] = {INPUTS: RoutingInput}
    tables = rows.MATCHER_TABLES

    def __init__(self, policy: RoutingPolicy) -> None:
        self._policy = policy

    def entity(self, message: Message) -> str:
        """The work, offer, agent or edge that the message is about."""
        return inputs.entity_of(message) if isinstance(message, RoutingInput) else ""

    def request_key(self, message: Message) -> str | None:
        """Commands have a request id; what comes from an outbox has none."""
        if isinstance(message, RoutingInput) and message.request_id:
            return request_key(message.tenant_id, message.request_id)
        return None

    async def load(self, rows: Rows, shard: int) -> Shard:
        """Everything that is open in the domains of the shard."""
        return Shard(shard, Map(await _read(rows, shard, self._policy)))

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Shard],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Shard]:
        """Nothing: all of it is resident."""
        del rows, inputs, due
        return states

    def handle(self, state: Shard, given: Input, out: Out) -> Shard:
        """Play a command of triage, of an agent or of a supervisor."""
        message = given.message
        if not isinstance(message, RoutingInput):
            raise TypeError(f"{type(message).__name__} is not of our topics")
        domain = self._domain(state, message.tenant_id, message.domain or DEFAULT_DOMAIN)
        journal = OutJournal(out, state.number, _cause(message), domain)
        command = inputs.command_of(message, out.now_ms)
        if command is None:
            journal.refuse(domain, _not_supported(message))
            after = domain
        else:
            after = match(domain, command, now_ms=out.now_ms, journal=journal)
            _keep_decision(message, state.number, out)
        if message.request_id:
            out.outcome(_outcome(message, after, journal, out.now_ms))
        return _with(state, after)

    def fire(self, state: Shard, key: str, due_ms: int, out: Out) -> Shard:
        """Play what a timer asks for; `due_ms` is past, log time decides."""
        del due_ms
        kind, entity_id, named = timer_of(key)
        domain = state.domains.get(named)
        if domain is None:
            return state
        journal = OutJournal(out, state.number, Cause(), domain)
        command = timers.command_of(kind, entity_id)
        return _with(state, match(domain, command, now_ms=out.now_ms, journal=journal))

    def _domain(self, state: Shard, tenant_id: str, domain_id: str) -> Domain:
        known = state.domains.get(domain_key(tenant_id, domain_id))
        return known if known is not None else Domain(tenant_id, domain_id, self._policy)


def request_key(tenant_id: str, request_id: str) -> str:
    """What makes a command the same request as another."""
    return f"{tenant_id}/{request_id}"


async def _read(found: Rows, shard: int, policy: RoutingPolicy) -> dict[str, Domain]:
    domains = await found.select(rows.DOMAINS.name, shard=shard)
    here = await found.select(rows.AGENTS.name, shard=shard, is_removed=False)
    agents = rows.by_domain(here)
    work = rows.by_domain(await found.select(rows.WORK.name, shard=shard, is_open=True))
    offers = rows.by_domain(await found.select(rows.OFFERS.name, shard=shard, state="PENDING"))
    held = rows.by_domain(await found.select(rows.ASSIGNMENTS.name, shard=shard, is_open=True))
    edges = rows.by_domain(await found.select(rows.EDGES.name, shard=shard, is_alive=True))
    restored = {}
    for row in domains:
        at = (row["tenant_id"], row["domain_id"])
        stored = Stored(
            agents=map(rows.agent_of, agents.get(at, ())),
            work=map(rows.work_of, work.get(at, ())),
            offers=map(rows.offer_of, offers.get(at, ())),
            assignments=map(rows.assignment_of, held.get(at, ())),
            edges=map(rows.edge_of, edges.get(at, ())),
        )
        empty = Domain(*at, policy, sequence=row["sequence"])
        restored[empty.key] = restore(empty, stored)
    return restored


def _with(state: Shard, domain: Domain) -> Shard:
    if state.domains.get(domain.key) is domain:
        return state
    return replace(state, domains=state.domains.set(domain.key, domain))


def _cause(message: RoutingInput) -> Cause:
    return Cause(
        command=inputs.command_name(message),
        request_id=message.request_id,
        actor=message.actor,
        agent_id=inputs.agent_named(message),
    )


def _not_supported(message: RoutingInput) -> Rejection:
    return Rejection(Reason.NOT_SUPPORTED, f"{inputs.command_name(message)} is not known here")


def _keep_decision(message: RoutingInput, shard: int, out: Out) -> None:
    """Store what triage decided, beside the work that it led to."""
    if not message.HasField("work_requested"):
        return
    decision = message.work_requested.decision
    if decision.decision_id:
        place = {"tenant_id": message.tenant_id, "domain_id": message.domain, "shard": shard}
        out.put(rows.DECISIONS.name, {**place, **decision_row(decision)})


def _outcome(
    message: RoutingInput, after: Domain, journal: OutJournal, now_ms: int
) -> CommandOutcome:
    rejection = journal.rejection
    outcome = CommandOutcome(
        request_key=request_key(message.tenant_id, message.request_id),
        accepted=rejection is None,
        decided_ms=now_ms,
    )
    if rejection is not None:
        outcome.reason, outcome.detail = rejection.reason, rejection.detail
    elif (result := result_of(message, after, journal.changes)) is not None:
        outcome.result_type = result.DESCRIPTOR.full_name
        outcome.result = result.SerializeToString()
    return outcome
