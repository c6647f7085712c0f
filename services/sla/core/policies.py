"""The targets: which tier is promised what, under which version of the policy.

Time is counted round the clock. A cycle keeps the target of the policy that was in force, and of
the tier the customer had, when it started: a later change is never retroactive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.sla.core.model import Metric, Tier

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS

POLICY_ID = "default"

Targets = Mapping[Tier, Mapping[Metric, int]]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the promises, in force from `effective_from_ms` (unix ms) on."""

    version: int
    effective_from_ms: int
    targets: Targets
    warn_at_percent: tuple[int, ...]

    def target_ms(self, metric: Metric, tier: Tier) -> int:
        """How long the customer of this tier may have to wait, in milliseconds."""
        return self.targets[tier][metric]


STANDARD = Policy(
    version=1,
    effective_from_ms=0,
    targets={
        Tier.BASIC: {Metric.FIRST_RESPONSE: 4 * HOUR_MS, Metric.RESOLUTION: 48 * HOUR_MS},
        Tier.EXPECTED: {Metric.FIRST_RESPONSE: HOUR_MS, Metric.RESOLUTION: 24 * HOUR_MS},
        Tier.EXCELLENT: {Metric.FIRST_RESPONSE: 10 * MINUTE_MS, Metric.RESOLUTION: 8 * HOUR_MS},
        Tier.INSPIRING: {Metric.FIRST_RESPONSE: 2 * MINUTE_MS, Metric.RESOLUTION: 2 * HOUR_MS},
    },
    warn_at_percent=(50, 75),
)


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """Every version, oldest first; the first is in force since ever."""

    versions: tuple[Policy, ...]

    def in_force(self, at_ms: int) -> Policy:
        """The newest version in force at `at_ms`, by event time."""
        started = [policy for policy in self.versions if policy.effective_from_ms <= at_ms]
        return started[-1] if started else self.versions[0]

    def version(self, number: int) -> Policy | None:
        """The policy of that version, or None."""
        return next((policy for policy in self.versions if policy.version == number), None)


STANDARD_TABLE = PolicyTable(versions=(STANDARD,))
