"""Replies and what the provider saw of them: each goes out once, or its fate is stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from local.verify import ledgers
from local.verify.finding import Finding, doubled, lost, uncertain, violation
from local.verify.world import ReplyFact, World

CHANNELS: Mapping[str, str] = {
    "twilio": "SMS",
    "whatsapp": "WHATSAPP",
    "messenger": "MESSENGER",
    "telegram": "TELEGRAM",
    "line": "LINE",
    "slack": "SLACK",
    "mail": "EMAIL",
}
"""The channel whose messages leave through each provider."""
OUTSIDE = frozenset(CHANNELS.values())
ARRIVED = frozenset({"SENT", "DELIVERED", "READ"})
ENDED = ARRIVED | {"FAILED", "UNCERTAIN"}
Key = tuple[str, str, str]
"""What a message is known by where its provider carries no id of ours: channel, recipient, text."""


def check(effects: Iterable[ledgers.Effect], world: World) -> Iterator[Finding]:
    """Compare the providers' book with the replies of the log, by our id, else by where and what.

    One effect at the most for each reply, one for each that is said to be sent, none beside.
    """
    named: dict[str, list[ledgers.Effect]] = defaultdict(list)
    placed: dict[Key, list[ledgers.Effect]] = defaultdict(list)
    for effect in effects:
        if _is_outside(world.replies.get(effect.reference, ())):
            named[effect.reference].append(effect)
        else:
            placed[_key_of(effect)].append(effect)
    wanted = _wanted(world)
    for key, replies in wanted.items():
        own = [(reply.message_id, named.get(reply.message_id, [])) for reply in replies]
        yield from _check_own(own, key)
        yield from _check_all(own, placed.get(key, []), world.deliveries)
    for key in placed.keys() - wanted.keys():
        for effect in placed[key]:
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


Own = Sequence[tuple[str, Sequence[ledgers.Effect]]]
"""The replies of one text to one recipient, each with the effects that have its id."""


def _check_own(own: Own, key: Key) -> Iterator[Finding]:
    """Find replies that a provider has twice under our id, or otherwise than it was decided."""
    for message_id, effects in own:
        if len(effects) > 1:
            yield doubled("effect", message_id, f"1 decided, {_listed(effects)}")
        for effect in effects:
            if _key_of(effect) != key:
                detail = f"{effect.sid} has its id, and another recipient, channel or text"
                yield violation("effect", message_id, detail)


def _check_all(
    own: Own, others: Sequence[ledgers.Effect], deliveries: Mapping[str, str]
) -> Iterator[Finding]:
    """Find more effects than replies, and fewer than are said to be sent."""
    ids = ", ".join(message_id for message_id, _ in own)
    effects = [*(each for _, of_one in own for each in of_one[:1]), *others]
    if len(effects) > len(own):
        yield doubled("effect", ids, f"{len(own)} decided, {_listed(effects)}")
    arrived = sum(deliveries.get(message_id) in ARRIVED for message_id, _ in own)
    if len(effects) < arrived:
        yield lost("effect", ids, f"{arrived} are said to be sent, the provider has {len(effects)}")


def _listed(effects: Sequence[ledgers.Effect]) -> str:
    return f"{len(effects)} sent: {', '.join(each.sid for each in effects)}"


def _key_of(effect: ledgers.Effect) -> Key:
    return CHANNELS.get(effect.provider, ""), effect.recipient, effect.body


def _is_outside(facts: Sequence[ReplyFact]) -> bool:
    return bool(facts) and facts[0].channel in OUTSIDE


def _wanted(world: World) -> Mapping[Key, Sequence[ReplyFact]]:
    grouped: dict[Key, list[ReplyFact]] = defaultdict(list)
    for facts in world.replies.values():
        if _is_outside(facts):
            grouped[facts[0].channel, facts[0].recipient, facts[0].text].append(facts[0])
    return grouped
