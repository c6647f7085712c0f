"""What a world is made of: the processors of all services, as their `app.py` makes them.

A test that plants a bug replaces one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from services.chassis.bus.processor import Processor, Table
from services.feedback.core.link import Links
from services.feedback.core.policies import Policy
from services.feedback.shell.consumers import Surveys
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.media import WantedMedia
from services.intake.core.policies import ThreadingPolicy
from services.intake.shell.consumers.delivery import Delivery, Lost
from services.intake.shell.consumers.threader import Threader
from services.routing.core.policies import DEFAULT_POLICY, Condition, RoutingPolicy, Rule
from services.routing.shell.consumers.matcher import Matcher
from services.routing.shell.consumers.triage import Triage
from services.sla.core.policies import STANDARD_TABLE, PolicyTable
from services.sla.shell.consumers import Clocks
from tests.simulation.weather import Weather, drawn
from tests.support.memory_store import MemoryStore

SKILL = "diplomacy"
POOLS = ("support", "sales")
LINKS = Links(keys=(b"a key of thirty-two bytes or more",), base_url="https://survey.example")
SERVICES: Mapping[str, tuple[Table, ...]] = {
    "intake": (*Threader.tables, *Delivery.tables),
    "routing": (*Triage.tables, *Matcher.tables),
    "sla": Clocks.tables,
    "feedback": Surveys.tables,
}
"""Each has one database, with these tables."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What installations choose; what matters here is drawn from the seed."""

    threading: ThreadingPolicy = field(default_factory=ThreadingPolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    routing: RoutingPolicy = DEFAULT_POLICY
    clocks: PolicyTable = STANDARD_TABLE
    surveys: Policy = field(default_factory=lambda: Policy(LINKS))

    @classmethod
    def drawn(cls, dice: Random) -> Policies:
        """The policies of one run."""
        return cls(
            delivery=DeliveryPolicy(calls_per_account_max=dice.choice((1, 8))),
            routing=replace(
                DEFAULT_POLICY,
                rules=dice.choice((DEFAULT_POLICY.rules, (_FOR_THE_BEST, *DEFAULT_POLICY.rules))),
                wrap_up_ms=dice.choice((0, 0, 15_000)),
                max_missed_offers=dice.choice((0, 2)),
                decline_cooldown_ms=dice.choice((0, 3_000, 60_000)),
                max_transfers=dice.choice((1, 5)),
            ),
            surveys=Policy(
                LINKS,
                delay_ms=dice.choice((0, 2_000)),
                cooldown_ms=dice.choice((0, 30 * 86_400_000)),
            ),
        )


_FOR_THE_BEST = Rule(
    "best", (Condition("tier", ("INSPIRING", "EXCELLENT")),), skills=((SKILL, 3),), priority=20
)


class NoMedia:
    """Nobody sends files here: none is left behind."""

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        """Take up what is still wanted."""
        assert not wanted


MakeProcessor = Callable[[Policies, Lost], Processor[Any]]
PROCESSORS: Mapping[str, MakeProcessor] = {
    "intake.threader": lambda policies, _: Threader(policies.threading, NoMedia()),
    "intake.delivery": lambda policies, lost: Delivery(policies.delivery, lost),
    "routing.triage": lambda policies, _: Triage(policies.routing),
    "routing.matcher": lambda policies, _: Matcher(policies.routing),
    "sla.clocks": lambda policies, _: Clocks(policies.clocks),
    "feedback.surveys": lambda policies, _: Surveys(policies.surveys),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The make of a world, and its weather."""

    processors: Mapping[str, MakeProcessor] = field(default_factory=lambda: PROCESSORS)
    store: Callable[[tuple[Table, ...]], MemoryStore] = MemoryStore
    weather: Callable[[Random], Weather] = drawn

    def with_processor(self, name: str, make: MakeProcessor) -> Parts:
        """The same with another processor in the place of `name`."""
        return replace(self, processors={**self.processors, name: make})
