"""The state of one routing domain: what is open in it, and the indexes over that.

Persistent: a change makes a new value that shares all but a few nodes with the old one, so a batch
that fails is forgotten at no cost. The indexes (`lines`, `roster`, `resting`, `wanted`) follow from
the entities and change with them, in `Draft` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from immutables import Map

from services.routing.core.agents import Agent, Edge
from services.routing.core.kinds import AssignmentState, OfferState, WorkState
from services.routing.core.lines import NO_LINES, Lines
from services.routing.core.policies import DEFAULT_POLICY, RoutingPolicy
from services.routing.core.roster import NO_ROSTER, Roster
from services.routing.core.work import Assignment, Offer, WorkItem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Domain:
    """A set of pools that share agents. Work, offers and assignments leave when they end."""

    tenant_id: str
    domain_id: str
    policy: RoutingPolicy = DEFAULT_POLICY
    agents: Map[str, Agent] = Map()
    work: Map[str, WorkItem] = Map()
    offers: Map[str, Offer] = Map()
    assignments: Map[str, Assignment] = Map()  # one that is ACTIVE at most of each piece of work
    edges: Map[str, Edge] = Map()
    lines: Lines = NO_LINES
    roster: Roster = NO_ROSTER
    resting: Map[str, None] = Map()  # waiting work that some agent is not asked for, for a while
    wanted: Map[str, str] = Map()  # conversation id → its work that is not done yet
    sequence: int = 0  # of the latest published event

    @property
    def key(self) -> str:
        """The key of the domain's records."""
        return f"{self.tenant_id}/{self.domain_id}"


@dataclass(slots=True)
class Changes:
    """Every entity that changed, as it is now, ended ones included, in order of first change."""

    agents: dict[str, Agent] = field(default_factory=dict)
    work: dict[str, WorkItem] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    assignments: dict[str, Assignment] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    removed: dict[str, Agent] = field(default_factory=dict)  # agents; none of them is in `agents`


class Draft:
    """A domain while one command changes it: the same persistent parts, exchanged one by one.

    Attributes may be read like the domain's. What is put here twice is changed once.
    """

    __slots__ = (
        "_of",
        "agents",
        "assignments",
        "changes",
        "edges",
        "lines",
        "offers",
        "policy",
        "resting",
        "roster",
        "wanted",
        "work",
    )

    def __init__(self, domain: Domain) -> None:
        self._of = domain
        self.policy = domain.policy
        self.agents = domain.agents
        self.work = domain.work
        self.offers = domain.offers
        self.assignments = domain.assignments
        self.edges = domain.edges
        self.lines = domain.lines
        self.roster = domain.roster
        self.resting = domain.resting
        self.wanted = domain.wanted
        self.changes = Changes()

    def freeze(self) -> Domain:
        """The domain with everything that was put."""
        return Domain(
            tenant_id=self._of.tenant_id,
            domain_id=self._of.domain_id,
            sequence=self._of.sequence,
            policy=self.policy,
            agents=self.agents,
            work=self.work,
            offers=self.offers,
            assignments=self.assignments,
            edges=self.edges,
            lines=self.lines,
            roster=self.roster,
            resting=self.resting,
            wanted=self.wanted,
        )

    def put_agent(self, agent: Agent) -> None:
        """Add or replace an agent, on the right bench."""
        before = self.agents.get(agent.agent_id)
        self.agents = self.agents.set(agent.agent_id, agent)
        self.roster = self.roster.moved(before, agent)
        self.changes.agents[agent.agent_id] = agent
        self.changes.removed.pop(agent.agent_id, None)

    def drop_agent(self, agent: Agent) -> None:
        """Take an agent out of the domain."""
        self.agents = self.agents.delete(agent.agent_id)
        self.roster = self.roster.without(agent)
        self.changes.agents.pop(agent.agent_id, None)
        self.changes.removed[agent.agent_id] = agent

    def put_work(self, work: WorkItem) -> None:
        """Add, replace or (ended) remove work, in line exactly while it waits."""
        before = self.work.get(work.work_id)
        self.work = _kept(self.work, work.work_id, work, is_open=work.is_open)
        self.lines = self.lines.moved(before, work)
        if work.rests and work.state is WorkState.QUEUED:
            self.resting = self.resting.set(work.work_id, None)
        elif work.work_id in self.resting:
            self.resting = self.resting.delete(work.work_id)
        if work.is_wanted:
            if before is None or not before.is_wanted:
                self.wanted = self.wanted.set(work.conversation_id, work.work_id)
        elif self.wanted.get(work.conversation_id) == work.work_id:
            self.wanted = self.wanted.delete(work.conversation_id)
        self.changes.work[work.work_id] = work

    def put_offer(self, offer: Offer) -> None:
        """Add or (ended) remove an offer."""
        is_open = offer.state is OfferState.PENDING
        self.offers = _kept(self.offers, offer.offer_id, offer, is_open=is_open)
        self.changes.offers[offer.offer_id] = offer

    def put_assignment(self, assignment: Assignment) -> None:
        """Add, replace or (ended) remove an assignment."""
        is_open = assignment.state is not AssignmentState.COMPLETED
        name = assignment.assignment_id
        self.assignments = _kept(self.assignments, name, assignment, is_open=is_open)
        self.changes.assignments[name] = assignment

    def put_edge(self, edge: Edge) -> None:
        """Add, replace or (no lease left) remove an edge."""
        self.edges = _kept(self.edges, edge.edge_id, edge, is_open=edge.lease_until_ms > 0)
        self.changes.edges[edge.edge_id] = edge


def _kept(entities: Map[str, T], name: str, entity: T, *, is_open: bool) -> Map[str, T]:
    if is_open:
        return entities.set(name, entity)
    return entities.delete(name) if name in entities else entities
