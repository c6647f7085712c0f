"""Every golden example of the topics that are read, and the messages that are written."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from switchboard.insights.v1 import model_pb2

from services.insights.core.formulas import indicators
from services.insights.core.model import COUNTS, Window, WindowKey
from services.insights.shell import wire
from tests.support.examples import Example, examples

EVERY = [found for topic in wire.TOPICS for found in examples(topic)]
COUNTED = {
    "intake.conversations.v1/opened": {"opened": 1},
    "intake.conversations.v1/message_added": {"inbound": 1},
    "intake.conversations.v1/replied": {"replies": 1},
    "routing.events.v1/offered": {"offered": 1},
    "routing.events.v1/accepted": {"accepted": 1},
    "routing.events.v1/declined": {"declined": 1},
    "routing.events.v1/offer_timed_out": {"timed_out": 1},
    "routing.events.v1/escalated": {"escalated": 1},
    "routing.events.v1/transferred": {"transferred": 1},
    "sla.events.v1/warned": {"clocks_warned": 1},
    "sla.events.v1/breached": {"clocks_breached": 1},
    "feedback.events.v1/sent": {"surveys_sent": 1},
    "feedback.events.v1/suppressed": {"surveys_suppressed": 1},
    "feedback.events.v1/recovery_opened": {"recoveries": 1},
}
KEY = WindowKey("acme", 1_795_305_600_000, "billing", "SMS")


@pytest.mark.parametrize("found", EVERY, ids=str)
def test_each_example_is_read(found: Example) -> None:
    fact = wire.facts_of(found.topic, found.message.SerializeToString(), goal_ms=20_000)
    counts = fact.counts if fact else {}
    assert counts.keys() <= COUNTS
    if str(found) in COUNTED:
        assert counts == COUNTED[str(found)]
    if fact:
        assert fact.tenant_id
        assert fact.occurred_at_ms > 1_600_000_000_000


def test_the_examples_cover_what_is_counted() -> None:
    names = {str(found) for found in EVERY}
    assert COUNTED.keys() <= names
    assert {"routing.events.v1/assigned", "feedback.events.v1/answered"} <= names


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(DecodeError):
        wire.facts_of("routing.events.v1", b"\xff\xff\xff", goal_ms=0)


def test_every_count_has_its_field() -> None:
    counts = {name: number for number, name in enumerate(sorted(COUNTS), start=1)}
    message = wire.window_message(Window(KEY, counts, 7, 9))
    assert {name: getattr(message, name) for name in COUNTS} == counts
    assert (message.revision, message.updated_at_ms) == (7, 9)
    assert message.window_end_ms - message.window_start_ms == 60_000
    assert wire.channel_name(message.channel) == "SMS"
    fields = set(model_pb2.KpiWindow.DESCRIPTOR.fields_by_name)
    places = {"tenant_id", "pool", "channel", "window_start_ms", "window_end_ms"}
    assert fields == COUNTS | places | {"updated_at_ms", "revision"}


def test_the_same_revision_is_the_same_event() -> None:
    first, again, later = (
        wire.window_event(Window(KEY, {"opened": 1}, revision, 5)) for revision in (3, 3, 4)
    )
    assert first.SerializeToString() == again.SerializeToString()
    assert first.event_id != later.event_id


def test_an_indicator_without_cases_has_no_value() -> None:
    empty, *_ = wire.indicator_messages(indicators({}))
    full, *_ = wire.indicator_messages(indicators({"within_goal": 1, "assigned": 2}))
    assert not empty.HasField("value")
    assert (full.name, full.formula, full.value, full.n) == (
        "service_level",
        "within_goal / assigned",
        0.5,
        2,
    )
    assert full.low < 0.5 < full.high
