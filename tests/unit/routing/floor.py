"""A contact-center floor: one domain driven by commands and by its own timers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from immutables import Map

from services.routing.core import commands as do
from services.routing.core import timers
from services.routing.core.agents import Agent, ChannelCapacity, Profile
from services.routing.core.decide import advance
from services.routing.core.domain import Domain
from services.routing.core.events import Event, OfferMade
from services.routing.core.kinds import Channel, Level, Presence, Tier
from services.routing.core.policies import DEFAULT_POLICY, RoutingPolicy
from services.routing.core.refusals import Reason, Rejection
from services.routing.core.work import Offer, Requirement, WorkItem

START_MS = 1_700_000_000_000
POLICY = replace(DEFAULT_POLICY, presence_grace_ms=0)
EDGE = "edge-1"
CHANNELS: Map[Channel, ChannelCapacity] = Map(
    {Channel.SMS: ChannelCapacity(25), Channel.VOICE: ChannelCapacity(100, max_items=1)}
)


def work(
    work_id: str = "w1",
    *,
    pool: str = "support",
    priority: int = 0,
    arrived_ms: int = START_MS,
    channel: Channel = Channel.SMS,
    language: str = "",
    skills: tuple[tuple[str, int], ...] = (),
    level: Level = Level.L1,
) -> WorkItem:
    """A piece of work that waits."""
    asks = Requirement(pool, channel, language, skills, level)
    return WorkItem(
        work_id=work_id,
        conversation_id=f"conversation-{work_id}",
        customer_id="customer-1",
        home_id="home-1",
        tier=Tier.BASIC,
        language=language,
        requirement=asks,
        line=asks.key,
        priority=priority,
        arrived_ms=arrived_ms,
        policy_version=1,
        decision_id="",
        changed_ms=arrived_ms,
    )


def profile(
    *,
    pools: tuple[str, ...] = ("support",),
    capacity: int = 25,
    skills: dict[str, int] | None = None,
    languages: tuple[str, ...] = (),
    channels: Map[Channel, ChannelCapacity] = CHANNELS,
    level: Level = Level.L1,
) -> Profile:
    """What an agent can do; by default one text at a time, in the pool `support`."""
    return Profile(pools, capacity, Map(skills or {}), languages, channels, level)


@dataclass
class Floor:
    """A domain, the time, and the timers that are set."""

    policy: RoutingPolicy = POLICY
    now_ms: int = START_MS
    domain: Domain = field(default_factory=lambda: Domain("default", "default"))
    due: dict[tuple[str, str], int] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    statements: int = 0
    alive: set[str] = field(default_factory=lambda: {EDGE})  # edges that renew their lease

    def __post_init__(self) -> None:
        self.domain = replace(self.domain, policy=self.policy)

    def tell(self, command: do.Command) -> tuple[Event, ...]:
        """Play a command that must not be refused."""
        decided = self.ask(command)
        assert not isinstance(decided, Rejection), decided
        return decided

    def ask(self, command: do.Command) -> tuple[Event, ...] | Rejection:
        """Play a command."""
        decided = advance(self.domain, command, now_ms=self.now_ms)
        if isinstance(decided, Rejection):
            return decided
        self.domain = decided.domain
        self.log += decided.events
        for kind, name, due_ms in timers.of(decided.changes, self.now_ms):
            self._set_timer(kind, name, due_ms)
        return decided.events

    def wait(self, ms: int) -> tuple[Event, ...]:
        """Let time pass; timers fire when they are due."""
        end_ms, before = self.now_ms + ms, len(self.log)
        while True:
            due_ms, (kind, name) = min(((at, key) for key, at in self.due.items()), default=NEVER)
            if due_ms > end_ms:
                break
            del self.due[kind, name]
            self.now_ms = max(self.now_ms, due_ms)
            renewed = kind == "lease" and name in self.alive
            self.tell(do.RenewLease(name) if renewed else timers.command_of(kind, name))
            if kind == "rest" and name in self.domain.work:
                self._set_timer(*timers.of_work(self.domain.work[name], self.now_ms))
        self.now_ms = end_ms
        return tuple(self.log[before:])

    def _set_timer(self, kind: str, name: str, due_ms: int) -> None:
        self.due.pop((kind, name), None)
        if due_ms:
            self.due[kind, name] = due_ms

    def agent(self, agent_id: str, can: Profile | None = None) -> tuple[Event, ...]:
        """Define an agent and let them sign in, available."""
        self.tell(do.DefineAgent(agent_id, agent_id.title(), can or profile()))
        return self.presence(agent_id, Presence.AVAILABLE)

    def presence(
        self, agent_id: str, presence: Presence, *, session_id: str = "", edge_id: str = EDGE
    ) -> tuple[Event, ...]:
        """State presence in the agent's one session."""
        self.statements += 1
        session_id = session_id or f"session-{agent_id}"
        return self.tell(do.SetPresence(agent_id, session_id, edge_id, self.statements, presence))

    def arrives(self, work_id: str, **asks: object) -> tuple[Event, ...]:
        """New work, arrived now if nothing else is said."""
        asks.setdefault("arrived_ms", self.now_ms)
        return self.tell(do.RequestWork(work(work_id, **asks)))  # type: ignore[arg-type]  # test data

    def changes(self, work_id: str, **asks: object) -> tuple[Event, ...]:
        """What is asked for is another thing now."""
        new = work(work_id, **asks)  # type: ignore[arg-type]  # test data
        return self.tell(
            do.ChangeWork(work_id, new.requirement, new.priority, new.tier, new.language)
        )

    def accept(self, work_id: str) -> tuple[Event, ...]:
        """Whoever is asked for it takes it."""
        offer = self.offer(work_id)
        return self.tell(do.AcceptOffer(offer.offer_id, offer.agent_id))

    def decline(self, work_id: str) -> tuple[Event, ...]:
        """Whoever is asked for it declines."""
        offer = self.offer(work_id)
        return self.tell(do.DeclineOffer(offer.offer_id, offer.agent_id))

    def complete(self, work_id: str) -> tuple[Event, ...]:
        """Whoever has it is done."""
        return self.tell(do.CompleteWork(work_id, self.domain.work[work_id].agent_id))

    def offer(self, work_id: str) -> Offer:
        """The open offer of a piece of work."""
        return self.domain.offers[self.domain.work[work_id].offer_id]

    def asked(self, work_id: str) -> str:
        """Who is asked for it or has it; empty where nobody."""
        return self.domain.work[work_id].agent_id

    def who(self, agent_id: str) -> Agent:
        """An agent."""
        return self.domain.agents[agent_id]


NEVER = (2**63, ("", ""))


def offers(events: tuple[Event, ...]) -> list[tuple[str, str]]:
    """Work and agent of each offer among `events`."""
    made = [event.offer for event in events if isinstance(event, OfferMade)]
    return [(offer.work_id, offer.agent_id) for offer in made]


def refused(floor: Floor, command: do.Command) -> Reason:
    """Why a command is refused; it changes nothing."""
    before = floor.domain
    rejection = floor.ask(command)
    assert isinstance(rejection, Rejection), rejection
    assert floor.domain is before
    return rejection.reason


def kinds(events: tuple[Event, ...]) -> list[type[Event]]:
    """The kinds of events, in their order."""
    return [type(event) for event in events]


def held(floor: Floor, work_id: str = "w1", **can: object) -> Floor:
    """Ann has the work."""
    floor.agent("ann", profile(**can))  # type: ignore[arg-type]  # test data
    floor.arrives(work_id)
    floor.accept(work_id)
    return floor


def busy(floor: Floor, agent_id: str, **can: object) -> Floor:
    """An agent who is here and takes no offers."""
    floor.agent(agent_id, profile(**can))  # type: ignore[arg-type]  # test data
    floor.presence(agent_id, Presence.BUSY)
    return floor
