"""Invariant 4: every offer, clock and survey comes to exactly one end, or has a timer ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.verify.finding import Finding, lost, violation
from local.verify.holding import OFFER_ENDS, Replay
from local.verify.world import LifeFact, World

CLOCK_ENDS = frozenset({"met", "breached", "cancelled"})
CLOCK_TIMED = frozenset({"RUNNING"})
SURVEY_ENDS = frozenset({"answered", "expired", "cancelled", "suppressed", "undelivered"})
SURVEY_TIMED = frozenset({"SCHEDULED", "SENT"})


@dataclass(frozen=True, slots=True)
class Timers:
    """Timers of one service by key, and until when one may have been due (unix ms)."""

    due_ms: Mapping[str, int]
    overdue_before_ms: int

    def ahead(self, *keys: str) -> bool:
        """Tell whether one of the keys has a timer that isn't overdue."""
        return any(self.due_ms.get(key, -1) >= self.overdue_before_ms for key in keys)


def check_offers(states: Iterable[Replay], timers: Timers) -> Iterator[Finding]:
    """Find offers with two ends, and open ones that nothing will end."""
    for state in states:
        for offer_id, steps in state.offers.items():
            ends = [step.kind for step in steps if step.kind in OFFER_ENDS]
            made = sum(step.kind == "offered" for step in steps)
            if len(ends) > 1 or made != 1:
                detail = f"made {made} times, ended {', '.join(ends) or 'never'}"
                yield violation("offer", offer_id, detail)
            elif not ends and not timers.ahead(f"offer|{offer_id}|{steps[0].domain}"):
                yield violation("offer", offer_id, "is pending and has no timer ahead")


def check_clocks(world: World, timers: Timers) -> Iterator[Finding]:
    """Find clocks with two ends, and running ones that no timer will end.

    A breached clock may still be fulfilled: it stays breached, that is its one end. What came
    before a correction was taken back by it.
    """
    for clock_id, steps in world.clocks.items():
        ends = [step.step for step in _uncorrected(steps) if step.step in CLOCK_ENDS]
        final = ends[1:] if ends[:1] == ["breached"] else ends
        last = steps[-1]
        if ends.count("breached") > 1 or len(final) > 1:
            yield violation("clock", clock_id, f"ended {', '.join(ends)}")
        elif last.state in CLOCK_TIMED and not timers.ahead(last.conversation_id):
            yield violation("clock", clock_id, "runs and has no timer ahead")


def check_surveys(world: World, timers: Timers) -> Iterator[Finding]:
    """Find surveys with two ends, and open ones that nothing will end."""
    for survey_id, steps in world.surveys.items():
        ends = [step.step for step in steps if step.step in SURVEY_ENDS]
        last = steps[-1]
        if len(ends) > 1:
            yield violation("survey", survey_id, f"ended {', '.join(ends)}")
        elif not ends and last.state not in SURVEY_TIMED:
            yield violation("survey", survey_id, f"is {last.state} without an end")
        elif not ends and not timers.ahead(*_survey_keys(last)):
            yield violation("survey", survey_id, f"is {last.state} and has no timer ahead")


def check_answers(scored: Mapping[str, str], world: World) -> Iterator[Finding]:
    """Find answers that were confirmed to a customer and that no survey has.

    `scored` gives the survey of each link that was answered, empty where no survey sent it.
    """
    for link, survey_id in scored.items():
        steps = [step.step for step in world.surveys.get(survey_id, [])]
        if "answered" not in steps:
            detail = f"confirmed to the customer, the survey went {', '.join(steps) or 'nowhere'}"
            yield lost("answer", survey_id or link, detail)


def _uncorrected(steps: Sequence[LifeFact]) -> Sequence[LifeFact]:
    corrected = [number for number, step in enumerate(steps) if step.step == "corrected"]
    return steps[corrected[-1] + 1 :] if corrected else steps


def _survey_keys(last: LifeFact) -> tuple[str, str]:
    """Give the timers that may end an open survey: one to send it, one to let it expire."""
    return f"send|{last.conversation_id}|{last.id}", f"expire|{last.conversation_id}|{last.id}"
