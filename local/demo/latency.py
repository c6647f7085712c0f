"""From the webhook to the offer and to the answer on the handset, by the outside's own clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from local.demo.figures import percentile
from local.verify.ledgers import Ledgers, Sent
from local.verify.world import World, provider_key


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from the first webhook of a conversation on."""

    to_offer: tuple[float, ...]
    to_delivered: tuple[float, ...]


def measure(ledgers: Ledgers, world: World, *, run: str) -> Latencies:
    """Join first messages with the first offer an agent saw, and the first answer that arrived.

    Both ends are stamped outside of the services, by one clock: the time an offer needs to reach
    its agent is part of it, and so is the agents' thinking on the way to the answer.
    """
    opened = _first_messages((each for each in ledgers.sent if each.run == run), world)
    offered = _first(
        (each.conversation_id, each.at_ms) for each in ledgers.offers if each.run == run
    )
    delivered = _first_deliveries(ledgers, world)
    return Latencies(
        to_offer=_differences(opened, offered), to_delivered=_differences(opened, delivered)
    )


def summary(values: tuple[float, ...]) -> dict[str, float | None]:
    """Give the median and the 99th percentile."""
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}


def _first_messages(sent: Iterable[Sent], world: World) -> dict[str, float]:
    """Give when the message that opened each conversation was first sent."""
    first: dict[str, tuple[int, float]] = {}
    for each in sent:
        name = provider_key(each.account_id, each.provider_message_id)
        for fact in world.messages.get(name, [])[:1]:
            known = first.get(fact.conversation_id)
            if known is None or fact.append_ms < known[0]:
                first[fact.conversation_id] = (fact.append_ms, each.at_ms)
    return {conversation_id: at_ms for conversation_id, (_, at_ms) in first.items()}


def _first_deliveries(ledgers: Ledgers, world: World) -> dict[str, float]:
    """Give when the first reply of each conversation was taken by the provider."""
    conversation_of = {
        (facts[0].recipient, facts[0].text): facts[0].conversation_id
        for facts in world.replies.values()
        if facts[0].purpose == "REPLY"
    }
    arrivals = (
        (conversation_of.get((each.recipient, each.body), ""), each.created_ms)
        for each in ledgers.effects
    )
    return _first(arrivals)


def _first(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(lambda: float("inf"))
    for key, at_ms in pairs:
        found[key] = min(found[key], at_ms)
    return dict(found)


def _differences(begun: dict[str, float], ended: dict[str, float]) -> tuple[float, ...]:
    return tuple(
        ended[key] - at_ms for key, at_ms in begun.items() if key in ended and ended[key] >= at_ms
    )
