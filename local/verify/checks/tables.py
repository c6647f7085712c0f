"""What the services' tables say against what the log says: they are one truth told twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from local.verify.finding import Finding, violation
from local.verify.holding import OFFER_ENDS, Replay
from local.verify.world import LifeFact, World

Values = Mapping[str, str]
OFFER_STATES = {
    "accepted": "ACCEPTED",
    "declined": "DECLINED",
    "offer_timed_out": "TIMED_OUT",
    "offer_rescinded": "RESCINDED",
}


def check(
    tables: Mapping[str, Values], world: World, states: Iterable[Replay]
) -> Iterator[Finding]:
    """Find rows that are missing or say something else than the log; by name of the table."""
    told = _told(world, list(states))
    for name, rows in tables.items():
        for key, wanted in told[name].items():
            found = rows.get(key)
            if found != wanted:
                detail = f"log says {wanted}, table says {found or 'nothing'}"
                yield violation(f"{name} row", key, detail)


def _told(world: World, states: list[Replay]) -> dict[str, Values]:
    return {
        "message": _messages(world),
        "conversation": {key: fact.status for key, fact in world.conversations.items()},
        "offer": {key: value for state in states for key, value in _offers(state).items()},
        "agent": {
            agent_id: str(state.used.get(agent_id, 0))
            for state in states
            for agent_id in state.capacity
        },
        "clock": _last(world.clocks),
        "survey": _last(world.surveys),
    }


def _messages(world: World) -> Values:
    """Give the conversation of every message, ours and theirs."""
    theirs = {
        fact.message_id: fact.conversation_id
        for facts in world.messages.values()
        for fact in facts[:1]
    }
    return theirs | {key: facts[0].conversation_id for key, facts in world.replies.items()}


def _offers(state: Replay) -> Values:
    return {
        offer_id: next(
            (OFFER_STATES[step.kind] for step in reversed(steps) if step.kind in OFFER_ENDS),
            "PENDING",
        )
        for offer_id, steps in state.offers.items()
    }


def _last(lives: Mapping[str, list[LifeFact]]) -> Values:
    return {key: steps[-1].state for key, steps in lives.items()}
