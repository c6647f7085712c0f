"""What a domain may choose: the triage table, and how long things take. One version has it all.

It is part of the state, so that every decision names the version it was made under.
"""

from __future__ import annotations

from dataclasses import dataclass

from immutables import Map

from services.routing.core.agents import ChannelCapacity, Channels
from services.routing.core.kinds import Channel, Level

SESSION_LEASE_MS = 15_000  # a process that holds sessions renews it every third of this
REST_ALONE_MS_MAX = (
    5_000  # before this the only agent who could take work is not asked again either
)


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds if `field` has one of `values`; negated, if it has none of them.

    Fields: `channel`, `tier`, `language`, `tag`, `pool_hint`, `attribute.<name>`. A tag or an
    attribute may have several values or none.
    """

    field: str
    values: tuple[str, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the triage table. An empty `pool` leaves the account's hint or the default."""

    name: str
    conditions: tuple[Condition, ...] = ()
    pool: str = ""
    skills: tuple[tuple[str, int], ...] = ()
    priority: int = 0
    level: Level = Level.L1


@dataclass(frozen=True, slots=True)
class Pool:
    """What a queue has of its own; 0 leaves the policy's."""

    offer_timeout_ms: int = 0
    wrap_up_ms: int = 0


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """One version of a domain's rules.

    `decline_cooldown_ms`: who declined or missed work is not asked for it again so long, unless
    nobody else could take it. `presence_grace_ms`: so long a broken connection keeps its presence.
    `max_missed_offers`: missed in a row, after which an agent is NO_ANSWER; 0 means never.
    `max_transfers`: of one piece of work, so that it is not passed on for ever; 0 means no limit.
    `channels`: costs for agents who bring none of their own.
    """

    version: int
    rules: tuple[Rule, ...]
    default_pool: str
    channels: Channels
    offer_timeout_ms: int = 20_000
    decline_cooldown_ms: int = 60_000
    wrap_up_ms: int = 0
    max_missed_offers: int = 0
    presence_grace_ms: int = 5_000
    max_transfers: int = 5
    pools: Map[str, Pool] = Map()

    def offer_timeout_of(self, pool: str) -> int:
        """Milliseconds that an agent has to answer an offer of work of `pool`."""
        own = self.pools.get(pool)
        return (own.offer_timeout_ms if own else 0) or self.offer_timeout_ms

    def wrap_up_of(self, pool: str) -> int:
        """Milliseconds of wrap-up after work of `pool`."""
        own = self.pools.get(pool)
        return (own.wrap_up_ms if own else 0) or self.wrap_up_ms


def _tier(name: str, *, priority: int) -> Rule:
    return Rule(name.lower(), (Condition("tier", (name,)),), priority=priority)


_TEXT = ChannelCapacity(cost=25)

DEFAULT_POLICY = RoutingPolicy(
    version=1,
    # Costs in the manner of Azure: a full agent is 100, a call takes all of them. An offer waits
    # 20 s: TaskRouter's 120 s suits people who walk to their telephone. The cooldown of a minute
    # lies between TaskRouter (none: it loops to the only agent) and Azure (until they sign out).
    channels=Map(dict.fromkeys(Channel, _TEXT)).set(
        Channel.VOICE, ChannelCapacity(cost=100, max_items=1)
    ),
    default_pool="support",
    rules=(
        _tier("INSPIRING", priority=30),
        _tier("EXCELLENT", priority=15),
        _tier("EXPECTED", priority=5),
        Rule("everyone"),
    ),
)
