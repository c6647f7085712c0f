"""One day of a scenario, played through the core that matches in production.

Nothing here decides who gets what: commands go to `advance`, as they do in a domain's shard, and
its events are obeyed. Time jumps from one thing that happens to the next.

Each kind of work has dice of its own for arrivals, services, patience and retrials, so two
scenarios with one seed meet the same customers: what differs is the scenario.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final

from immutables import Map

from local.scenarios.chance import arrivals_ms
from local.scenarios.scenario import Demand, Group, Scenario
from services.routing.core import commands as do
from services.routing.core import events as ev
from services.routing.core import timers
from services.routing.core.agents import ChannelCapacity, Profile
from services.routing.core.decide import advance
from services.routing.core.domain import Domain
from services.routing.core.kinds import Presence
from services.routing.core.policies import DEFAULT_POLICY, RoutingPolicy
from services.routing.core.refusals import Rejection
from services.routing.core.work import Offer, Requirement, WorkItem

EDGE: Final = "simulation"
NO_LEASE: Final = "lease"  # sessions never break here, so nobody has to vouch for them


@dataclass(slots=True)
class Customer:
    """Somebody who comes, maybe again, and what chance has given them."""

    demand: Demand
    counts: bool
    service_ms: int
    patience_ms: int | None
    waited_ms: int = 0
    tries: int = 1
    outcome: str = ""


@dataclass(slots=True)
class Day:
    """What happened: everybody who counts, and by group the share of its capacity that was used."""

    customers: list[Customer] = field(default_factory=list)
    occupancy: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Work:
    customer: Customer
    begun_ms: int
    retrial: Random
    taken_ms: int = 0
    agent_id: str = ""
    cost: int = 0


class Center:
    """A domain in which time jumps."""

    def __init__(self, scenario: Scenario, replication: int) -> None:
        self._scenario = scenario
        self._seed = f"{scenario.seed}/{replication}"
        self._domain = Domain("simulation", "default", policy=_policy(scenario))
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._timers: dict[tuple[str, str], int] = {}
        self._work: dict[str, _Work] = {}
        self._numbers = count()
        self._group_of: dict[str, Group] = {}
        self._used_ms: dict[str, float] = {group.name: 0.0 for group in scenario.agents}
        self._begin_ms = round(scenario.warm_up_minutes * 60_000)
        self._end_ms = round(scenario.hours * 3_600_000)
        self._agents_dice = self._dice("agents")
        self._now_ms = 0
        self._day = Day()

    def play(self) -> Day:
        """From the first arrival until nobody is left."""
        for group in self._scenario.agents:
            self._sign_in(group)
        for demand in self._scenario.work:
            self._invite(demand)
        while self._agenda:
            self._now_ms, _, happens = heapq.heappop(self._agenda)
            happens()
        length_ms = self._end_ms - self._begin_ms
        for group in self._scenario.agents:
            most = group.count * group.capacity * length_ms
            self._day.occupancy[group.name] = self._used_ms[group.name] / most if most else 0.0
        return self._day

    def _dice(self, what: str) -> Random:
        return Random(f"{self._seed}/{what}")  # noqa: S311 - chance, no secret

    def _at(self, at_ms: int, happens: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at_ms, next(self._order), happens))

    def _sign_in(self, group: Group) -> None:
        profile = _profile(group)
        for number in range(group.count):
            agent_id = f"{group.name}-{number}"
            self._group_of[agent_id] = group
            self._do(do.DefineAgent(agent_id, agent_id, profile))
            self._do(do.SetPresence(agent_id, agent_id, EDGE, 1, Presence.AVAILABLE))

    def _invite(self, demand: Demand) -> None:
        dice = {
            what: self._dice(f"{demand.name}/{what}")
            for what in ("arrivals", "service", "patience", "retrial")
        }
        for at_ms in arrivals_ms(demand.arrivals, self._end_ms, dice["arrivals"]):
            customer = Customer(
                demand=demand,
                counts=at_ms >= self._begin_ms,
                service_ms=demand.service.draw_ms(dice["service"]),
                patience_ms=demand.patience.draw_ms(dice["patience"]) if demand.patience else None,
            )
            if customer.counts:
                self._day.customers.append(customer)
            self._at(at_ms, partial(self._come, customer, dice["retrial"]))

    def _come(self, customer: Customer, retrial: Random) -> None:
        work_id = f"{next(self._numbers):08d}"
        self._work[work_id] = _Work(customer, self._now_ms, retrial)
        if customer.patience_ms is not None:
            self._at(self._now_ms + customer.patience_ms, partial(self._give_up, work_id))
        self._do(do.RequestWork(_item(customer.demand, work_id, self._now_ms)))

    def _give_up(self, work_id: str) -> None:
        if work_id in self._work and not self._work[work_id].agent_id:
            self._do(do.WithdrawWork(work_id, "abandoned"))

    def _do(self, command: do.Command) -> None:
        """Have the core decide, and what follows happen. A refusal is somebody's late answer."""
        decided = advance(self._domain, command, now_ms=self._now_ms)
        if isinstance(decided, Rejection):
            return
        before, self._domain = self._domain, decided.domain
        for event in decided.events:
            hear = self._hears.get(type(event))
            if hear is not None:
                hear(self, event, before)
        for kind, name, due_ms in timers.of(decided.changes, self._now_ms):
            if kind != NO_LEASE and self._timers.get((kind, name), 0) != due_ms:
                self._timers[kind, name] = due_ms
                if due_ms:
                    self._at(due_ms, partial(self._ring, kind, name, due_ms))

    def _ring(self, kind: str, name: str, due_ms: int) -> None:
        if self._timers.get((kind, name)) == due_ms:
            del self._timers[kind, name]
            self._do(timers.command_of(kind, name))

    def _asked(self, event: ev.OfferMade, _: Domain) -> None:
        offer = event.offer
        group, chance = self._group_of[offer.agent_id], self._agents_dice.random()
        if chance < group.misses:
            return
        answer: do.Command = do.AcceptOffer(offer.offer_id, offer.agent_id)
        if chance < group.misses + group.declines:
            answer = do.DeclineOffer(offer.offer_id, offer.agent_id)
        after_ms = group.answer.draw_ms(self._agents_dice)
        self._at(self._now_ms + after_ms, partial(self._do, answer))

    def _accepted(self, event: ev.OfferAccepted, before: Domain) -> None:
        offer: Offer = before.offers[event.offer_id]
        work = self._work[offer.work_id]
        work.agent_id, work.cost, work.taken_ms = offer.agent_id, offer.cost, self._now_ms
        work.customer.waited_ms += self._now_ms - work.begun_ms
        work.customer.outcome = "served"
        ends = do.CompleteWork(offer.work_id, offer.agent_id)
        self._at(self._now_ms + work.customer.service_ms, partial(self._do, ends))

    def _completed(self, event: ev.WorkCompleted, _: Domain) -> None:
        if not event.wrap_up_until_ms:
            self._free(event.work_id)

    def _wrapped_up(self, event: ev.WrapUpEnded, before: Domain) -> None:
        self._free(before.assignments[event.assignment_id].work_id)

    def _free(self, work_id: str) -> None:
        work = self._work.pop(work_id)
        begin_ms, end_ms = max(work.taken_ms, self._begin_ms), min(self._now_ms, self._end_ms)
        group = self._group_of[work.agent_id].name
        self._used_ms[group] += max(0, end_ms - begin_ms) * work.cost

    def _withdrawn(self, event: ev.WorkWithdrawn, _: Domain) -> None:
        work = self._work.pop(event.work_id)
        customer, retrial = work.customer, work.customer.demand.retrial
        customer.waited_ms += self._now_ms - work.begun_ms
        customer.outcome = "abandoned"
        if retrial is not None and work.retrial.random() < retrial.share:
            again_ms = self._now_ms + retrial.after.draw_ms(work.retrial)
            if again_ms < self._end_ms:
                customer.tries += 1
                self._at(again_ms, partial(self._come, customer, work.retrial))

    _hears: Mapping[type[Any], Callable[[Center, Any, Domain], None]] = {
        ev.OfferMade: _asked,
        ev.OfferAccepted: _accepted,
        ev.WorkCompleted: _completed,
        ev.WrapUpEnded: _wrapped_up,
        ev.WorkWithdrawn: _withdrawn,
    }


def _policy(scenario: Scenario) -> RoutingPolicy:
    stated = {
        name.removesuffix("_seconds") + "_ms": round(seconds * 1000)
        for name, seconds in scenario.policy.model_dump(exclude_none=True).items()
    }
    return replace(DEFAULT_POLICY, **stated)


def _profile(group: Group) -> Profile:
    channels = {
        channel: ChannelCapacity(limit.cost, limit.max_items)
        for channel, limit in group.channels.items()
    }
    return Profile(
        pools=group.pools,
        capacity=group.capacity,
        skills=Map(group.skills),
        languages=group.languages,
        channels=Map(channels),
        level=group.level,
    )


def _item(demand: Demand, work_id: str, now_ms: int) -> WorkItem:
    requirement = Requirement(
        pool=demand.pool,
        channel=demand.channel,
        language=demand.language,
        skills=tuple(sorted(demand.skills.items())),
        level=demand.level,
    )
    return WorkItem(
        work_id=work_id,
        conversation_id=work_id,
        customer_id=work_id,
        home_id=work_id,
        tier=demand.tier,
        language=demand.language,
        requirement=requirement,
        line=requirement.key,
        priority=demand.priority,
        arrived_ms=now_ms,
        policy_version=DEFAULT_POLICY.version,
        decision_id="",
        changed_ms=now_ms,
    )
