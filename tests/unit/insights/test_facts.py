"""What each happening counts."""

from __future__ import annotations

import pytest

from services.insights.core import facts
from services.insights.core.model import COUNTS, Counts


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (facts.replied(by_agent=True), {"replies": 1}),
        (facts.replied(by_agent=False), {}),
        (facts.status_changed(before="OPEN", after="RESOLVED"), {"resolved": 1}),
        (facts.status_changed(before="RESOLVED", after="OPEN"), {"reopened": 1}),
        (facts.status_changed(before="PENDING", after="OPEN"), {}),
        (facts.status_changed(before="RESOLVED", after="CLOSED"), {}),
        (facts.queued(reason="requested"), {"queued": 1}),
        (facts.queued(reason="declined"), {}),
        (facts.completed(handled_ms=5), {"completed": 1, "handle_ms_sum": 5}),
        (facts.abandoned(reason="abandoned"), {"abandoned": 1}),
        (facts.abandoned(reason="withdrawn"), {}),
        (facts.clock_met(after_breach=False), {"clocks_met": 1}),
        (facts.clock_met(after_breach=True), {}),
        (
            facts.clock_corrected(before="MET", after="BREACHED"),
            {"clocks_met": -1, "clocks_breached": 1},
        ),
        (facts.clock_corrected(before="BREACHED", after="RUNNING"), {"clocks_breached": -1}),
        (facts.clock_corrected(before="MET", after="MET"), {}),
        (facts.survey_answered(kind="NPS", score=9), {"surveys_answered": 1}),
    ],
)
def test_what_counts(counts: Counts, expected: Counts) -> None:
    assert counts == expected
    assert counts.keys() <= COUNTS


@pytest.mark.parametrize(("waited_ms", "within"), [(0, 1), (20_000, 1), (20_001, 0)])
def test_in_time_includes_the_goal_itself(waited_ms: int, within: int) -> None:
    counts = facts.assigned(number=1, waited_ms=waited_ms, goal_ms=20_000)
    assert counts["within_goal"] == within
    assert counts["wait_ms_sum"] == counts["wait_ms_max"] == waited_ms


def test_who_is_passed_on_to_another_agent_has_been_served_once() -> None:
    assert not facts.assigned(number=2, waited_ms=600_000, goal_ms=20_000)


@pytest.mark.parametrize(("score", "satisfied"), [(5, 1), (4, 1), (3, 0), (1, 0)])
def test_four_and_five_are_satisfied(score: int, satisfied: int) -> None:
    counts = facts.survey_answered(kind="CSAT", score=score)
    assert (counts["csat_satisfied"], counts["csat_answers"]) == (satisfied, 1)
