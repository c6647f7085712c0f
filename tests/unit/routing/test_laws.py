"""Any history of commands, timers, repeats and late answers keeps the invariants of a domain."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from immutables import Map

from services.routing.core import commands as do
from services.routing.core.agents import ChannelCapacity, Profile
from services.routing.core.decide import advance, decide
from services.routing.core.domain import Domain
from services.routing.core.events import (
    Event,
    OfferAccepted,
    OfferDeclined,
    OfferMade,
    OfferRescinded,
    OfferTimedOut,
)
from services.routing.core.evolve import evolve
from services.routing.core.kinds import Channel, Level, Presence
from services.routing.core.policies import Pool
from services.routing.core.refusals import Rejection
from tests.unit.routing import oracle
from tests.unit.routing.floor import POLICY, Floor, work

AGENTS = ("ann", "bob", "carl", "dora")
EDGES = ("edge-1", "edge-2")
POOLS = ("support", "sales")
CHANNELS = Map({Channel.SMS: ChannelCapacity(20, 2), Channel.VOICE: ChannelCapacity(50)})

profiles = st.builds(
    Profile,
    pools=st.sampled_from([("sales", "support"), ("support",), ("sales",)]),
    capacity=st.sampled_from([50, 100, 20]),
    skills=st.sampled_from([Map({"billing": 4}), Map({"billing": 2}), Map()]),
    languages=st.sampled_from([(), ("de", "fr"), ("de",)]),
    channels=st.just(CHANNELS),
    level=st.sampled_from([Level.L1, Level.L2]),
)
asks = st.fixed_dictionaries(
    {
        "pool": st.sampled_from(POOLS),
        "priority": st.sampled_from([0, 0, 5]),
        "channel": st.sampled_from([Channel.SMS] * 5 + [Channel.VOICE, Channel.EMAIL]),
        "language": st.sampled_from(["", "", "", "de", "fr"]),
        "skills": st.sampled_from([(), (), (), (("billing", 1),), (("billing", 3),)]),
        "level": st.sampled_from([Level.L1] * 5 + [Level.L2]),
    }
)
ENDS = (OfferAccepted, OfferDeclined, OfferTimedOut, OfferRescinded)


class Domains(RuleBasedStateMachine):
    """A floor on which anything may happen; after every step the oracle looks at it."""

    def __init__(self) -> None:
        super().__init__()
        policy = replace(
            POLICY,
            offer_timeout_ms=10_000,
            decline_cooldown_ms=15_000,
            presence_grace_ms=3_000,
            max_missed_offers=3,
            pools=Map({"sales": Pool(wrap_up_ms=4_000)}),
            max_transfers=2,
        )
        self.floor = Floor(policy=policy, alive=set(EDGES))
        self.requested = 0
        self.arrived: dict[str, int] = {}
        self.ended: list[str] = []

    def play(self, command: do.Command) -> None:
        """One command, three laws: it folds, it is fair, and said again it does nothing."""
        before, now_ms = self.floor.domain, self.floor.now_ms
        decided = advance(before, command, now_ms=now_ms)
        answer = self.floor.ask(command)
        if isinstance(decided, Rejection):
            assert self.floor.domain is before
            return
        assert answer == decided.events
        folded = self.fold(before, decided.events)
        assert folded == decided.domain
        again = decide(decided.domain, command, now_ms=now_ms)
        if not isinstance(command, do.EscalateWork) or command.level is not None:  # one rung more
            assert isinstance(again, Rejection) or again == (), command

    def fold(self, domain: Domain, events: tuple[Event, ...]) -> Domain:
        for event in events:
            if isinstance(event, OfferMade):
                oracle.offer_is_fair(domain, event, self.floor.now_ms)
            oracle.hand_is_right(domain, event)
            if isinstance(event, ENDS):
                self.ended.append(event.offer_id)
            domain = evolve(domain, event)
        return domain

    @initialize(can=st.lists(profiles, min_size=len(AGENTS), max_size=len(AGENTS)))
    def open_shop(self, can: list[Profile]) -> None:
        for agent, profile in zip(AGENTS, can, strict=True):
            self.floor.agent(agent, profile)

    @rule(agent=st.sampled_from(AGENTS), can=profiles)
    def define(self, agent: str, can: Profile) -> None:
        self.play(do.DefineAgent(agent, agent, can))

    @rule(
        agent=st.sampled_from(AGENTS),
        tab=st.sampled_from("12"),
        edge=st.sampled_from(EDGES),
        presence=st.sampled_from(
            [Presence.AVAILABLE] * 4 + [Presence.BUSY, Presence.AWAY, Presence.OFFLINE]
        ),
        old=st.sampled_from([False] * 5 + [True]),
    )
    def state(self, agent: str, tab: str, edge: str, presence: Presence, *, old: bool) -> None:
        self.floor.statements += 1
        sequence = 1 if old else self.floor.statements
        self.play(do.SetPresence(agent, f"{agent}-{tab}", edge, sequence, presence))

    @rule(
        agent=st.sampled_from(AGENTS),
        tab=st.sampled_from("12"),
        edge=st.sampled_from(EDGES),
        signed_off=st.booleans(),
    )
    def close(self, agent: str, tab: str, edge: str, *, signed_off: bool) -> None:
        self.play(do.CloseSession(agent, f"{agent}-{tab}", edge, signed_off))

    @rule(edge=st.sampled_from(EDGES), lives=st.sampled_from([True, True, False]))
    def live_or_die(self, edge: str, *, lives: bool) -> None:
        (self.floor.alive.add if lives else self.floor.alive.discard)(edge)

    @rule(wants=st.lists(asks, min_size=1, max_size=5), late_ms=st.sampled_from([0, 0, 2_500]))
    def request(self, wants: list[dict[str, object]], late_ms: int) -> None:
        for want in wants:
            self.requested += 1
            name, arrived_ms = f"w{self.requested}", self.floor.now_ms - late_ms
            item = work(name, arrived_ms=arrived_ms, **want)  # type: ignore[arg-type]  # test data
            self.arrived[name] = arrived_ms
            self.play(do.RequestWork(item))

    @precondition(lambda self: self.floor.domain.offers)
    @rule(number=st.integers(1, 4))
    def accept(self, number: int) -> None:
        for offer in [*self.floor.domain.offers.values()][:number]:
            self.play(do.AcceptOffer(offer.offer_id, offer.agent_id))

    @precondition(lambda self: self.floor.domain.work)
    @rule(data=st.data(), wants=asks)
    def change(self, data: st.DataObject, wants: dict[str, object]) -> None:
        item = work(**wants)  # type: ignore[arg-type]  # test data
        self.play(
            do.ChangeWork(
                self.pick(data), item.requirement, item.priority, item.tier, item.language
            )
        )

    @precondition(lambda self: len(self.floor.domain.work) > 3)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        self.play(do.WithdrawWork(self.pick(data), "resolved"))

    @precondition(lambda self: self.floor.domain.work)
    @rule(data=st.data(), agent=st.sampled_from(AGENTS), override=st.booleans())
    def assign(self, data: st.DataObject, agent: str, *, override: bool) -> None:
        self.play(do.AssignWork(self.pick(data), agent, override))

    @precondition(lambda self: self.floor.domain.work)
    @rule(data=st.data(), agent=st.sampled_from(AGENTS))
    def claim(self, data: st.DataObject, agent: str) -> None:
        self.play(do.ClaimWork(self.pick(data), agent))

    @precondition(lambda self: self.floor.domain.work)
    @rule(
        data=st.data(),
        pool=st.sampled_from([*POOLS, ""]),
        agent=st.sampled_from([*AGENTS, "", "", ""]),
        skills=st.sampled_from([(), (), (("billing", 1),), (("billing", 3),)]),
        holder_asks=st.booleans(),
    )
    def transfer(
        self,
        data: st.DataObject,
        pool: str,
        agent: str,
        skills: tuple[tuple[str, int], ...],
        *,
        holder_asks: bool,
    ) -> None:
        name = self.pick(data)
        holder = self.floor.domain.work[name].agent_id if holder_asks else ""
        self.play(do.TransferWork(name, pool, agent, skills, held_by=holder))

    @precondition(lambda self: self.floor.domain.work)
    @rule(data=st.data(), level=st.sampled_from([None, *Level]), by_conversation=st.booleans())
    def escalate(self, data: st.DataObject, level: Level | None, *, by_conversation: bool) -> None:
        name = self.pick(data)
        conversation = self.floor.domain.work[name].conversation_id
        self.play(do.EscalateWork("" if by_conversation else name, conversation, level))

    @precondition(lambda self: self.floor.domain.work)
    @rule(data=st.data(), priority=st.sampled_from([-5, 0, 5, 9]))
    def reprioritise(self, data: st.DataObject, priority: int) -> None:
        self.play(do.ReprioritiseWork(self.pick(data), priority))

    @precondition(lambda self: len(self.floor.domain.work) > 3)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.play(do.CancelWork(self.pick(data), "nobody needs it"))

    @rule(agent=st.sampled_from(AGENTS), level=st.sampled_from([0, 2, 4]))
    def set_skills(self, agent: str, level: int) -> None:
        self.play(do.SetSkills(agent, Map({"billing": level} if level else {})))

    @rule(agent=st.sampled_from(AGENTS), capacity=st.sampled_from([20, 50, 100]))
    def set_capacities(self, agent: str, capacity: int) -> None:
        self.play(do.SetCapacities(agent, CHANNELS, capacity))

    @rule(agent=st.sampled_from(AGENTS[-1:]))
    def remove(self, agent: str) -> None:
        self.play(do.RemoveAgent(agent))

    @precondition(lambda self: self.floor.domain.offers)
    @rule(data=st.data(), yes=st.booleans(), right=st.sampled_from([True] * 5 + [False]))
    def answer(self, data: st.DataObject, *, yes: bool, right: bool) -> None:
        offers = self.floor.domain.offers
        offer = offers[data.draw(st.sampled_from(sorted(offers)))]
        agent = offer.agent_id if right else "somebody"
        command = do.AcceptOffer if yes else do.DeclineOffer
        self.play(command(offer.offer_id, agent))

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), agent=st.sampled_from(AGENTS))
    def answer_late(self, data: st.DataObject, agent: str) -> None:
        self.play(do.AcceptOffer(data.draw(st.sampled_from(self.ended)), agent))

    @precondition(lambda self: self.floor.domain.assignments)
    @rule(data=st.data(), early=st.booleans())
    def finish(self, data: st.DataObject, *, early: bool) -> None:
        held = self.floor.domain.assignments
        assignment = held[data.draw(st.sampled_from(sorted(held)))]
        command = do.EndWrapUp if early else do.CompleteWork
        self.play(command(assignment.work_id, assignment.agent_id))

    @rule(ms=st.sampled_from([1, 500, 5_000, 3_000, 10_000, 60_000]))
    def wait(self, ms: int) -> None:
        before = self.floor.domain
        self.fold(before, ())
        events = self.floor.wait(ms)
        self.ended += [event.offer_id for event in events if isinstance(event, ENDS)]

    def pick(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.floor.domain.work)))

    @invariant()
    def holds(self) -> None:
        """Invariants 3, 5 and the indexes, after every step."""
        oracle.check(self.floor.domain, self.floor.now_ms)

    @invariant()
    def the_original_arrival_is_kept(self) -> None:
        """Invariant 6: whatever becomes of work, its place in line does not."""
        for item in self.floor.domain.work.values():
            assert item.arrived_ms == self.arrived[item.work_id]

    @invariant()
    def nothing_is_passed_on_for_ever(self) -> None:
        """The transfers of a piece of work are bounded."""
        most = self.floor.domain.policy.max_transfers
        assert all(item.transfers <= most for item in self.floor.domain.work.values())

    @invariant()
    def every_offer_ends_once(self) -> None:
        """Invariant 4: as many ends as offers that are not open, none of them twice."""
        made = [e.offer.offer_id for e in self.floor.log if isinstance(e, OfferMade)]
        ends = [e.offer_id for e in self.floor.log if isinstance(e, ENDS)]
        assert len(made) == len(set(made))
        assert len(ends) == len(set(ends))
        assert set(made) == {*ends, *self.floor.domain.offers}

    @invariant()
    def what_is_open_has_a_timer(self) -> None:
        """Nothing waits for an end that nobody brings about."""
        due, domain = self.floor.due, self.floor.domain
        assert all(("offer", o.offer_id) in due for o in domain.offers.values())
        assert all(("lease", e) in due for e in domain.edges)
        assert all(
            ("wrap_up", a.assignment_id) in due
            for a in domain.assignments.values()
            if a.wrap_up_until_ms
        )
        assert all(
            ("rest", name) in due
            for name in domain.resting
            if any(r.until_ms > self.floor.now_ms for r in domain.work[name].rests)
        )


Domains.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

TestDomains = Domains.TestCase
