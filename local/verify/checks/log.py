"""The log itself: what consumers crash on, the reconciler reports."""

from __future__ import annotations

from collections.abc import Iterator

from local.verify.finding import Finding, lost
from local.verify.world import World


def check(world: World) -> Iterator[Finding]:
    """Find gaps in writers' sequences: records that were decided and never published."""
    for each in world.breaks:
        detail = f"{each.writer} goes from {each.expected - 1} to {each.found}"
        yield lost("record", each.place, detail)
