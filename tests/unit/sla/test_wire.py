"""What the wire says to the core: every golden event of a conversation, read as a fact or not."""

from __future__ import annotations

import pytest
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.sla.core.model import FactKind, Tier
from services.sla.shell.wire import fact_of, metric_of, tier_of
from tests.support.conversations import TOPIC, Thread
from tests.support.examples import example, examples

FACTS = {
    "message_added": FactKind.CUSTOMER_MESSAGE,
    "replied": FactKind.AGENT_REPLY,
    "note_added": FactKind.NOTE,
    "status_changed": FactKind.RESOLVED,
}


@pytest.mark.parametrize("kind", [item.kind for item in examples(TOPIC)])
def test_golden_events_are_read(kind: str) -> None:
    event = example(TOPIC, kind).message
    assert isinstance(event, ConversationEvent)
    fact = fact_of(event, 2_000_000_000_000)
    expected = FACTS.get(kind)
    if kind == "merged":
        away = event.merged.source_conversation_id == event.conversation.conversation_id
        expected = FactKind.MERGED if away else None
    if kind == "conversation_split":
        begun = event.conversation_split.new_conversation_id
        begins = begun == event.conversation.conversation_id
        expected = FactKind.CUSTOMER_MESSAGE if begins else None
    assert (fact.kind if fact else None) == expected


def test_a_fact_carries_what_clocks_need_of_the_event() -> None:
    thread = Thread(tier=intake.SERVICE_TIER_INSPIRING)
    fact = fact_of(thread.replied(5, agent_id="ada"), 9)
    assert fact is not None
    assert (fact.tier, fact.channel, fact.agent_id) == (Tier.INSPIRING, "SMS", "ada")
    assert (fact.occurred_at_ms, fact.sequence) == (5, 1)


def test_a_reply_without_an_agent_is_automatic() -> None:
    fact = fact_of(Thread().replied(5, agent_id=""), 9)
    assert fact is not None
    assert fact.kind is FactKind.AUTO_REPLY


def test_a_conversation_that_another_was_merged_into_runs_on() -> None:
    event = Thread().merged_away(5)
    event.merged.target_conversation_id, event.merged.source_conversation_id = (
        event.merged.source_conversation_id,
        event.merged.target_conversation_id,
    )
    assert fact_of(event, 9) is None


@pytest.mark.parametrize("why", ["auto_reply", "bounce", "bulk", "loop", "keyword"])
def test_what_nobody_wrote_starts_no_clock(why: str) -> None:
    """Zammad's filter: Auto-Submitted, Precedence, X-Loop start no escalation."""
    event = example(TOPIC, "message_added").message
    assert isinstance(event, ConversationEvent)
    event.message_added.message.automatic = why
    assert fact_of(event, 9) is None


def test_a_part_that_was_split_off_waits_for_an_answer() -> None:
    event = example(TOPIC, "conversation_split").message
    assert isinstance(event, ConversationEvent)
    event.conversation.conversation_id = event.conversation_split.new_conversation_id
    fact = fact_of(event, 9)
    assert fact is not None
    assert fact.kind is FactKind.CUSTOMER_MESSAGE
    event.conversation.conversation_id = event.conversation_split.from_conversation_id
    assert fact_of(event, 9) is None


def test_an_unknown_tier_is_basic_and_an_unknown_metric_is_none() -> None:
    assert tier_of(intake.SERVICE_TIER_UNSPECIFIED) is Tier.BASIC
    assert metric_of(99) is None
