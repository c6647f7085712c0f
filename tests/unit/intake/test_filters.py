"""Filters of lists and watches: read, applied in memory, and turned into SQL."""

from __future__ import annotations

import pytest

from services.intake.core.model import Status
from services.intake.shell.filters import BadFilter, Term, holds, parse, where
from tests.unit.intake.given import CONVERSATION, NOON_MS, after, inbound


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  ", []),
        ("status = OPEN", [Term("status", "=", Status.OPEN)]),
        ('customer_id="a AND b"', [Term("customer_id", "=", "a AND b")]),
        (
            "updated_at_ms >= 5 AND updated_at_ms<=9",
            [Term("updated_at_ms", ">=", 5), Term("updated_at_ms", "<=", 9)],
        ),
        (
            "tag = vip AND channel = SMS",
            [Term("tag", "=", "vip"), Term("channel", "=", "SMS")],
        ),
    ],
)
def test_a_filter_is_read(text: str, terms: list[Term]) -> None:
    assert list(parse(text)) == terms


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status", "from character 1"),
        ("status = OPEN AND", "from character"),
        ("status = OPEN OR tag = x", "from character"),
        ("status = OPEN; DROP TABLE message", "from character"),
        ('tag = "open', "from character"),
        ("shoe_size = 44", "none of"),
        ("status = LOST", "no such value"),
        ("status >= OPEN", "takes = only"),
        ("updated_at_ms = noon", "no such value"),
    ],
)
def test_what_is_no_filter_says_where(text: str, why: str) -> None:
    with pytest.raises(BadFilter, match=why):
        parse(text)


def test_a_filter_holds_or_not() -> None:
    conversation = after(inbound()).conversations[CONVERSATION]
    assert holds(parse(f"status = OPEN AND updated_at_ms >= {NOON_MS}"), conversation)
    assert not holds(parse("status = OPEN AND tier = INSPIRING"), conversation)
    assert not holds(parse("tag = vip"), conversation)


def test_values_are_parameters_and_never_text() -> None:
    tests, values = where(parse('status = OPEN AND tag = "x\'; --"'), first=5)
    assert tests == " AND conversation.status = $5 AND $6 = ANY(conversation.tags)"
    assert values == [Status.OPEN, "x'; --"]
