"""What a provider takes so long after its customer has written. A table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.intake.core.delivery.windows import Window, window_of
from services.intake.core.model import Kind
from tests.unit.intake.given import HOUR_MS, NOON_MS, dispatch

DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("kind", "passed_ms", "window"),
    [
        (Kind.REPLY, 0, Window.OPEN),
        (Kind.SURVEY, DAY_MS - 1, Window.OPEN),
        (Kind.REPLY, DAY_MS - 1, Window.OPEN),
        (Kind.REPLY, DAY_MS, Window.HUMAN_AGENT),
        (Kind.REPLY, 7 * DAY_MS - 1, Window.HUMAN_AGENT),
        (Kind.REPLY, 7 * DAY_MS, Window.CLOSED),
        (Kind.SURVEY, DAY_MS, Window.CLOSED),
        (Kind.AUTO_REPLY, DAY_MS, Window.CLOSED),
        (Kind.NOTICE, DAY_MS, Window.CLOSED),
        (Kind.REPLY, -HOUR_MS, Window.OPEN),  # their clock is ahead of ours
    ],
)
def test_the_window_of_a_message(kind: Kind, passed_ms: int, window: Window) -> None:
    said = replace(dispatch(), kind=kind, last_inbound_at_ms=NOON_MS)
    assert window_of(said, NOON_MS + passed_ms) is window


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_outbound])
def test_nobody_knows_the_window_of_who_never_wrote(kind: Kind) -> None:
    assert window_of(replace(dispatch(), kind=kind), NOON_MS) is Window.UNKNOWN
