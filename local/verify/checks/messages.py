"""Invariant 1: every accepted message is in exactly one conversation, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from local.verify import ledgers
from local.verify.finding import Finding, doubled, lost
from local.verify.world import MessageFact, World, provider_key


def check(sent: Iterable[ledgers.Sent], world: World) -> Iterator[Finding]:
    """Find what a door answered 2xx for and no conversation has, and what is there twice.

    A message whose fate its sender doesn't know may be there once or not at all.
    """
    for each in sent:
        facts = _facts_of(each, world)
        name = provider_key(each.account_id, each.provider_message_id)
        if each.fate == ledgers.ACCEPTED and not facts:
            yield lost("message", name, f"{each.door} answered 2xx, no conversation has it")
        if len(facts) > 1:
            places = ", ".join(fact.place for fact in facts)
            yield doubled("message", name, f"{len(facts)} times in conversations: {places}")


def check_log(world: World) -> Iterator[Finding]:
    """Find messages that are twice in the log, whoever sent them."""
    for message_id, facts in world.messages.items():
        conversations = {fact.conversation_id for fact in facts}
        if len(conversations) > 1:
            detail = f"in conversations {', '.join(sorted(conversations))}"
            yield doubled("message in two conversations", message_id, detail)


def _facts_of(each: ledgers.Sent, world: World) -> list[MessageFact]:
    by_provider = world.messages.get(provider_key(each.account_id, each.provider_message_id), [])
    return by_provider or world.messages.get(each.message_id, [])
