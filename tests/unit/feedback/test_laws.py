"""What holds of surveys whatever happens: one end each, and a repeat changes nothing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.core import events as said
from services.feedback.core.commands import (
    Command,
    Expire,
    Forget,
    GiveUp,
    RecordAnswer,
    Resolve,
    Send,
    Settle,
    Withdraw,
)
from services.feedback.core.model import TERMINAL, Reason
from services.feedback.core.policies import DAY_MS, Policy
from tests.unit.feedback.story import LINKS, Desk, resolved, survey_id

NUMBERS = st.integers(1, 3)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(resolved, NUMBERS),
    st.builds(Withdraw, st.sampled_from(Reason)),
    st.builds(Send, st.builds(survey_id, NUMBERS)),
    st.builds(Expire, st.builds(survey_id, NUMBERS)),
    st.builds(Settle, st.builds(survey_id, NUMBERS), st.booleans()),
    st.builds(GiveUp, st.builds(survey_id, NUMBERS), st.just(Reason.FAILED)),
    st.just(Forget()),
    st.builds(
        RecordAnswer,
        st.just("default"),
        st.builds(survey_id, NUMBERS),
        st.integers(0, 6),
        st.sampled_from(["", "why"]),
        st.just("link"),
    ),
)
POLICIES = st.builds(
    Policy,
    links=st.just(LINKS),
    delay_ms=st.sampled_from([0, 2_000]),
    cooldown_ms=st.sampled_from([0, 30 * DAY_MS]),
    answer_within_ms=st.just(7 * DAY_MS),
)
STORIES = st.lists(st.tuples(COMMANDS, st.sampled_from([0, 1, 2_000, DAY_MS, 8 * DAY_MS])))
ENDS = (
    said.SurveyAnswered,
    said.SurveyExpired,
    said.SurveyCancelled,
    said.SurveySuppressed,
    said.SurveyUndelivered,
)


def played(policy: Policy, story: list[tuple[Command, int]]) -> Desk:
    desk = Desk(policy=policy)
    for command, pause_ms in story:
        desk.tell(command)
        desk.pass_time(pause_ms)
    return desk


@settings(deadline=None)
@given(POLICIES, STORIES)
def test_invariant_4_a_survey_ends_once(policy: Policy, story: list[tuple[Command, int]]) -> None:
    desk = played(policy, story)
    desk.pass_time(400 * DAY_MS)
    ends = Counter(event.survey.survey_id for event in desk.said if isinstance(event, ENDS))
    surveys = [survey for case in desk.cases.values() for survey in case.surveys]
    assert all(survey.state in TERMINAL for survey in surveys)
    assert ends == Counter(survey.survey_id for survey in surveys)


@settings(deadline=None)
@given(POLICIES, STORIES, COMMANDS)
def test_a_repeated_command_says_nothing(
    policy: Policy, story: list[tuple[Command, int]], command: Command
) -> None:
    desk = played(policy, story)
    desk.tell(command)
    again = [event for event in desk.tell(command) if not isinstance(event, said.TurnRequested)]
    assert again == []


@settings(deadline=None)
@given(POLICIES, STORIES)
def test_a_customer_in_cooldown_is_not_asked(
    policy: Policy, story: list[tuple[Command, int]]
) -> None:
    story = [(command, pause) for command, pause in story if not isinstance(command, Settle)]
    desk = played(policy, story)
    asked = sorted(
        event.survey.sent_at_ms or 0 for event in desk.said if isinstance(event, said.SurveySent)
    )
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert all(gap >= policy.cooldown_ms for gap in gaps)


@settings(deadline=None)
@given(POLICIES, STORIES)
def test_there_is_one_survey_for_each_resolution(
    policy: Policy, story: list[tuple[Command, int]]
) -> None:
    desk = played(policy, story)
    resolutions = {command.resolution_id for command, _ in story if isinstance(command, Resolve)}
    surveys = [survey for case in desk.cases.values() for survey in case.surveys]
    assert Counter(survey.resolution_id for survey in surveys) == Counter(resolutions)
