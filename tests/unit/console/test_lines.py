"""Events as lines: words of the contracts, never of a customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from switchboard.intake.v1 import model_pb2 as intake

from services.console.core.model import Line
from services.console.shell import lines
from tests.support.examples import Example, example, examples

TOPICS: dict[str, Callable[[Any], Line | None]] = {
    "intake.conversations.v1": lines.conversation_line,
    "routing.events.v1": lines.routing_line,
    "sla.events.v1": lines.sla_line,
}
EVERY = [found for topic in TOPICS for found in examples(topic)]
PERSONAL = ("text", "subject", "address", "from_address", "to_address", "display_name")


def texts(message: Any) -> set[str]:
    """All that is personal in a message."""
    found = set()
    for field, value in message.ListFields():
        if field.name in PERSONAL:
            found.add(str(value))
        elif field.message_type is not None and not field.is_repeated:
            found |= texts(value)
    return found


@pytest.mark.parametrize("found", EVERY, ids=str)
def test_no_line_says_anything_personal(found: Example) -> None:
    event: Any = found.message
    line = TOPICS[found.topic](event)
    if line is not None:
        assert line.event_id == event.event_id
        assert (line.kind, line.topic) == (found.kind, found.topic)
        assert not [text for text in texts(event) if text in line.detail]


def test_what_people_want_to_know_is_told() -> None:
    told = {found.kind for found in EVERY if TOPICS[found.topic](found.message)}
    assert told >= {"opened", "message_added", "replied", "status_changed"}
    assert told >= {"queued", "assigned", "escalated", "transferred", "completed", "abandoned"}
    assert told >= {"warned", "breached", "met"}
    assert not told & {"delivery_changed", "work_updated", "started", "paused"}


def test_an_opened_conversation_says_its_channel_and_tier() -> None:
    event: Any = example("intake.conversations.v1", "opened").message
    event.conversation.channel = intake.CHANNEL_SMS
    event.conversation.tier = intake.SERVICE_TIER_EXCELLENT
    line = lines.conversation_line(event)
    assert line is not None
    assert line.detail == "sms · excellent"


def test_a_number_of_a_newer_contract_is_left_out() -> None:
    event: Any = example("intake.conversations.v1", "opened").message
    event.conversation.channel = 99
    event.conversation.tier = intake.SERVICE_TIER_BASIC
    line = lines.conversation_line(event)
    assert line is not None
    assert line.detail == "basic"
