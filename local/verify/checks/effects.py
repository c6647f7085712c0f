"""Replies and what the provider saw of them: each goes out once, or its fate is stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from local.verify import ledgers
from local.verify.finding import Finding, doubled, lost, uncertain, violation
from local.verify.world import ReplyFact, World

OUTSIDE = frozenset({"SMS"})
"""Channels whose messages leave through the provider."""
ARRIVED = frozenset({"SENT", "DELIVERED", "READ"})
ENDED = ARRIVED | {"FAILED", "UNCERTAIN"}
Key = tuple[str, str]
T = TypeVar("T")


def check(effects: Iterable[ledgers.Effect], world: World) -> Iterator[Finding]:
    """Compare the provider's book with the replies of the log, by recipient and text."""
    sent = _by_key((each.recipient, each.body, each) for each in effects)
    wanted = _by_key(
        (facts[0].recipient, facts[0].text, facts[0])
        for facts in world.replies.values()
        if facts[0].channel in OUTSIDE
    )
    for key, replies in wanted.items():
        yield from _check_pair(replies, sent.get(key, []), world.deliveries)
    for key in sent.keys() - wanted.keys():
        for effect in sent[key]:
            yield violation("effect", effect.sid, "the provider sent what nobody decided to send")


def check_answers(answers: Iterable[ledgers.Answered], world: World) -> Iterator[Finding]:
    """Find replies that were confirmed to an agent and aren't in the log exactly once."""
    for each in answers:
        facts = world.replies.get(each.message_id, [])
        if not facts:
            detail = f"confirmed to {each.agent_id}, the conversation doesn't have it"
            yield lost("reply", each.message_id, detail)


def check_log(world: World) -> Iterator[Finding]:
    """Find replies that are twice in the log, and those whose delivery never ended."""
    for message_id, facts in world.replies.items():
        if len(facts) > 1:
            places = ", ".join(fact.place for fact in facts)
            yield doubled("reply", message_id, f"{len(facts)} times in the log: {places}")
        status = world.deliveries.get(message_id, "QUEUED")
        if status == "UNCERTAIN":
            yield uncertain("delivery", message_id, "the provider may or may not have it")
        elif facts[0].channel in OUTSIDE and status not in ENDED:
            yield violation("delivery", message_id, f"is {status} and goes no further")


def _check_pair(
    replies: Sequence[ReplyFact],
    effects: Sequence[ledgers.Effect],
    deliveries: Mapping[str, str],
) -> Iterator[Finding]:
    ids = ", ".join(reply.message_id for reply in replies)
    if len(effects) > len(replies):
        sids = ", ".join(effect.sid for effect in effects)
        detail = f"{len(replies)} decided, {len(effects)} sent: {sids}"
        yield doubled("effect", ids, detail)
    arrived = sum(deliveries.get(reply.message_id) in ARRIVED for reply in replies)
    if len(effects) < arrived:
        yield lost("effect", ids, f"{arrived} are said to be sent, the provider has {len(effects)}")


def _by_key(entries: Iterable[tuple[str, str, T]]) -> dict[Key, list[T]]:
    grouped: dict[Key, list[T]] = defaultdict(list)
    for recipient, text, entry in entries:
        grouped[recipient, text].append(entry)
    return grouped
