"""Which records are news: offsets, and the numbers that writers with an outbox give."""

from __future__ import annotations

import pytest

from services.insights.core.cursor import Cursor, Stamp, Verdict

AT = Cursor(10, {"intake.threader/3": Stamp(1, 41)})


@pytest.mark.parametrize(
    ("offset", "writer", "stamp", "verdict"),
    [
        (10, "intake.threader/3", Stamp(1, 42), Verdict.NEWS),
        (9, "intake.threader/3", Stamp(1, 41), Verdict.REPEAT),  # read again
        (10, "intake.threader/3", Stamp(1, 41), Verdict.REPEAT),  # written again
        (10, "intake.threader/3", Stamp(1, 40), Verdict.REPEAT),
        (10, "intake.threader/3", Stamp(1, 43), Verdict.GAP),
        (10, "intake.threader/3", Stamp(2, 7), Verdict.NEWS),  # its database was restored
        (10, "intake.threader/3", Stamp(0, 99), Verdict.REPEAT),
        (10, "intake.threader/5", Stamp(1, 9), Verdict.NEWS),  # not seen before
        (10, "", None, Verdict.NEWS),  # edges keep no sequence
        (11, "intake.threader/3", Stamp(1, 42), Verdict.HOLE),
    ],
)
def test_what_a_record_is(offset: int, writer: str, stamp: Stamp | None, verdict: Verdict) -> None:
    assert AT.judge(offset, writer, stamp) is verdict


def test_a_cursor_moves_past_a_record_and_remembers_its_number() -> None:
    past = AT.past("intake.threader/3", Stamp(1, 42))
    assert past == Cursor(11, {"intake.threader/3": Stamp(1, 42)})


def test_a_repeat_moves_the_cursor_but_not_the_number() -> None:
    assert AT.past("intake.threader/3", Stamp(1, 40)) == Cursor(11, AT.writers)
    assert AT.past("", None) == Cursor(11, AT.writers)
