"""What goes wrong in a run, and how much of it: drawn anew from every seed.

Each run has some kinds of fault and lacks others (swarm testing): what happens only while nothing
else goes wrong is found as well as what takes five things at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Chances, each of one step or one call; 0 where this run has none of it."""

    # the processes
    crash: float = 0.0  # one dies: before or after its commit, in a publication, in a call
    outage: float = 0.0  # the database goes away before or after a commit, and comes back
    freeze: float = 0.0  # one stops, loses its shards, and wakes up not knowing
    rebalance: float = 0.0  # the shards are dealt anew
    # Kafka
    unpublished: float = 0.0  # a publication fails after any part of it
    unaccepted: float = 0.0  # an edge is not told whether Kafka has its record
    lag: float = 0.0  # a reader lags: it is given less than there is
    poison: float = 0.0  # somebody writes what nobody can read
    # time
    nights: float = 0.0  # hours pass at once
    skew: float = 0.0  # an event time that is not the present
    # customers and agents
    repeats: float = 0.0  # the same message, answer or command comes again
    ignores: float = 0.0  # an offer is declined or passes unanswered
    leaves: float = 0.0  # an agent goes away, or the connection breaks, or a whole edge
    # the provider
    refusals: float = 0.0  # it will not take the message, now or ever
    closings: float = 0.0  # the customer wrote too long ago for it: it says so, at once or later
    doubts: float = 0.0  # it does not say whether it took it
    blindness: float = 0.0  # it does not list what it took, or lists nothing
    receipts_twice: float = 0.0
    receipts_lost: float = 0.0

    def calmed(self) -> Weather:
        """With all of ours in order. The provider stays as it is."""
        theirs = {name: getattr(self, name) for name in _THE_PROVIDERS}
        return replace(CALM, **theirs)


CALM = Weather()
_THE_PROVIDERS = (
    "refusals",
    "closings",
    "doubts",
    "blindness",
    "receipts_twice",
    "receipts_lost",
)

_STRENGTH = {
    "crash": 0.05,
    "outage": 0.05,
    "freeze": 0.2,
    "rebalance": 0.4,
    "unpublished": 0.2,
    "unaccepted": 0.1,
    "lag": 0.6,
    "poison": 0.3,
    "nights": 0.1,
    "skew": 0.3,
    "repeats": 0.3,
    "ignores": 0.4,
    "leaves": 0.15,
    "refusals": 0.3,
    "closings": 0.4,
    "doubts": 0.5,
    "blindness": 0.5,
    "receipts_twice": 0.4,
    "receipts_lost": 0.3,
}
"""The strongest that each may be."""


def storm(_: Random) -> Weather:
    """Everything at once, at half its strength."""
    return replace(CALM, **{name: strength / 2 for name, strength in _STRENGTH.items()})


def drawn(dice: Random) -> Weather:
    """The weather of a run: about every second fault, each as strong as the dice say."""
    return replace(
        CALM,
        **{
            field.name: dice.random() * _STRENGTH[field.name] if dice.random() < 0.5 else 0.0
            for field in fields(Weather)
        },
    )
