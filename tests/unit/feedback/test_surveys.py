"""The life of a survey, row by row of its table of transitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.feedback.core import events as said
from services.feedback.core.commands import Expire, Forget, GiveUp, RecordAnswer, Withdraw
from services.feedback.core.model import Reason, State
from services.feedback.core.policies import COMMENT_MAX, DAY_MS, Policy
from tests.unit.feedback.story import LINKS, POLICY, Desk, resolved, survey_id


def answer(score: int = 5, comment: str = "", number: int = 1) -> RecordAnswer:
    return RecordAnswer("default", survey_id(number), score, comment, "link")


def sent() -> Desk:
    desk = Desk()
    desk.tell(resolved())
    desk.pass_time(2_000)
    return desk


def scheduled() -> Desk:
    desk = Desk()
    desk.tell(resolved())
    return desk


def answered(score: int = 5) -> Desk:
    desk = sent()
    desk.tell(answer(score))
    return desk


def expired() -> Desk:
    desk = sent()
    desk.pass_time(7 * DAY_MS)
    return desk


def reopened() -> Desk:
    desk = sent()
    desk.tell(Withdraw(Reason.REOPENED))
    return desk


def undelivered() -> Desk:
    desk = sent()
    desk.tell(GiveUp(survey_id(), Reason.FAILED))
    return desk


def suppressed() -> Desk:
    desk = Desk()
    desk.tell(resolved(channel="VOICE"))
    return desk


ENDS: dict[str, tuple[Callable[[], Desk], State, Reason | None]] = {
    "waits for its delay": (scheduled, State.SCHEDULED, None),
    "sent after its delay": (sent, State.SENT, None),
    "answered": (answered, State.ANSWERED, None),
    "expired without an answer": (expired, State.EXPIRED, None),
    "row 28: reopened, unanswered": (reopened, State.CANCELLED, Reason.REOPENED),
    "never arrived": (undelivered, State.UNDELIVERED, Reason.FAILED),
    "a channel that can carry no link": (suppressed, State.SUPPRESSED, Reason.CHANNEL),
}


@pytest.mark.parametrize("story", ENDS)
def test_where_a_survey_ends(story: str) -> None:
    tell, state, reason = ENDS[story]
    survey = tell().survey()
    assert (survey.state, survey.reason) == (state, reason)


REFUSALS: dict[str, tuple[Callable[[], Desk], RecordAnswer, said.Refusal]] = {
    "no such survey": (sent, answer(number=9), said.Refusal.UNKNOWN_SURVEY),
    "not asked yet": (scheduled, answer(), said.Refusal.NOT_SENT),
    "answered before": (answered, answer(1), said.Refusal.ALREADY_ANSWERED),
    "too late": (expired, answer(), said.Refusal.EXPIRED),
    "reopened meanwhile": (reopened, answer(), said.Refusal.WITHDRAWN),
    "never arrived": (undelivered, answer(), said.Refusal.WITHDRAWN),
    "never asked": (suppressed, answer(), said.Refusal.WITHDRAWN),
    "score below the scale": (sent, answer(0), said.Refusal.INVALID_SCORE),
    "score above the scale": (sent, answer(6), said.Refusal.INVALID_SCORE),
    "no text": (sent, answer(5, "a\0b"), said.Refusal.COMMENT_NOT_TEXT),
    "a novel": (sent, answer(5, "x" * (COMMENT_MAX + 1)), said.Refusal.COMMENT_TOO_LONG),
}


@pytest.mark.parametrize("story", REFUSALS)
def test_why_an_answer_is_refused(story: str) -> None:
    tell, command, refusal = REFUSALS[story]
    desk = tell()
    before = desk.cases
    outcome = desk.ask(command)
    assert isinstance(outcome, said.Rejection)
    assert outcome.refusal is refusal
    assert desk.cases == before


@pytest.mark.parametrize(("score", "recovers"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_bad_answer_opens_a_recovery(score: int, recovers: bool) -> None:
    desk = answered(score)
    opened = [event for event in desk.said if isinstance(event, said.RecoveryOpened)]
    assert bool(opened) == recovers
    assert bool(desk.survey().recovery_id) == recovers


def test_without_a_delay_the_survey_goes_out_with_the_resolution() -> None:
    desk = Desk(policy=Policy(links=LINKS, delay_ms=0, cooldown_ms=0))
    kinds = [type(event) for event in desk.tell(resolved())]
    assert kinds == [said.SurveyScheduled, said.SurveySent]


def test_an_answer_of_another_tenant_finds_no_survey() -> None:
    outcome = sent().ask(replace(answer(), tenant_id="other"))
    assert isinstance(outcome, said.Rejection)
    assert outcome.refusal is said.Refusal.UNKNOWN_SURVEY


def test_erasing_a_customer_takes_the_question_back_and_the_comment_away() -> None:
    desk = sent()
    desk.tell(Forget())
    assert (desk.survey().state, desk.survey().reason) == (State.CANCELLED, Reason.ERASED)
    desk = sent()
    desk.tell(answer(4, "I live in Malmö"))
    desk.tell(Forget())
    kept = desk.survey().answer
    assert kept is not None
    assert (kept.score, kept.comment) == (4, "")


def test_a_resolution_told_twice_asks_once() -> None:
    desk = sent()
    assert desk.tell(resolved()) == []


def test_each_resolution_asks_once_more() -> None:
    desk = reopened()
    desk.tell(resolved(2))
    desk.pass_time(2_000)
    assert desk.survey(1).state is State.CANCELLED
    assert desk.survey(2).state is State.SENT


def test_row_28_the_agent_is_the_one_of_the_resolution() -> None:
    assert sent().survey().recipient.agent_id == "agent-7"


def test_an_answer_in_the_last_moment_counts_and_one_at_the_end_does_not() -> None:
    for early_ms, taken in ((1, True), (0, False)):
        desk = sent()
        desk.now_ms += 7 * DAY_MS - early_ms
        assert isinstance(desk.ask(answer()), tuple) == taken


def test_an_expiry_that_comes_too_soon_waits() -> None:
    desk = sent()
    assert desk.tell(Expire(survey_id())) == []


MONTH = Policy(
    links=LINKS, delay_ms=0, cooldown_ms=30 * DAY_MS, answer_within_ms=POLICY.answer_within_ms
)


def test_row_28_a_second_resolution_within_the_cooldown_is_dropped_for_good() -> None:
    desk = Desk(policy=MONTH)
    desk.tell(resolved(1))
    desk.pass_time(29 * DAY_MS)
    desk.tell(resolved(2))
    desk.pass_time(300 * DAY_MS)
    assert (desk.survey(2).state, desk.survey(2).reason) == (State.SUPPRESSED, Reason.COOLDOWN)


def test_the_cooldown_counts_over_all_conversations_of_the_customer() -> None:
    desk = Desk(policy=MONTH)
    desk.tell(resolved(1))
    desk.tell(resolved(1, conversation_id="conv-2"), conversation_id="conv-2")
    assert desk.survey(1, conversation_id="conv-2").state is State.SUPPRESSED


def test_after_the_cooldown_the_customer_is_asked_again() -> None:
    desk = Desk(policy=MONTH)
    desk.tell(resolved(1))
    desk.pass_time(30 * DAY_MS)
    desk.tell(resolved(2))
    assert desk.survey(2).state is State.SENT
