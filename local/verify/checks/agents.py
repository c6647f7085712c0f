"""What agents saw against what routing says it offered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from local.verify import ledgers
from local.verify.finding import Finding, violation
from local.verify.holding import Replay


def check_offers(seen: Iterable[ledgers.SeenOffer], states: Iterable[Replay]) -> Iterator[Finding]:
    """Find offers that reached an agent and that the log never made to that agent."""
    made = _agents_of_offers(states)
    for each in seen:
        if made.get(each.offer_id) != each.agent_id:
            detail = f"reached {each.agent_id}, made to {made.get(each.offer_id) or 'nobody'}"
            yield violation("unknown offer", each.offer_id, detail)


def check_accepts(
    accepts: Iterable[ledgers.Accepted], states: Iterable[Replay]
) -> Iterator[Finding]:
    """Find accepts that were confirmed to an agent and that the log doesn't have."""
    accepted = {
        offer_id
        for state in states
        for offer_id, steps in state.offers.items()
        if any(step.kind == "accepted" for step in steps)
    }
    for each in accepts:
        if each.offer_id not in accepted:
            detail = f"confirmed to {each.agent_id}, the log has no such accept"
            yield violation("unknown accept", each.offer_id, detail)


def _agents_of_offers(states: Iterable[Replay]) -> dict[str, str]:
    return {
        offer_id: step.agent_id
        for state in states
        for offer_id, steps in state.offers.items()
        for step in steps
        if step.kind == "offered"
    }
