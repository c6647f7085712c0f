"""What follows from a command, by the survey's state. A goal that holds already gives no events."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.feedback.core import events as said
from services.feedback.core.answering import answer
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
from services.feedback.core.link import Links, fingerprint
from services.feedback.core.model import Case, Reason, State, Survey, survey_id_of
from services.feedback.core.policies import Policy

Events = tuple[said.Event, ...]


def decide(case: Case, command: Command, now_ms: int, policy: Policy) -> Events | said.Rejection:
    """The events that follow from `command` at log time `now_ms`; only an answer is rejected."""
    match command:
        case Resolve():
            return _resolve(case, command, now_ms, policy)
        case Withdraw(reason):
            return _withdraw(case, reason, now_ms)
        case Forget():
            return (*_withdraw(case, Reason.ERASED, now_ms), *_erase_comments(case))
        case Send(survey_id):
            return _send(_scheduled(case, survey_id), now_ms, policy)
        case Settle(survey_id, granted):
            return _settle(_scheduled(case, survey_id), now_ms, policy, granted=granted)
        case Expire(survey_id):
            return _expire(case.survey(survey_id), now_ms)
        case GiveUp(survey_id, reason):
            return _give_up(case.survey(survey_id), reason, now_ms)
        case RecordAnswer():
            return answer(case.survey(command.survey_id), command, now_ms, policy)
    assert_never(command)


def _resolve(case: Case, command: Resolve, now_ms: int, policy: Policy) -> Events:
    """One survey for each resolution, however often it is told."""
    survey_id = survey_id_of(case.conversation_id, command.resolution_id)
    if case.survey(survey_id) is not None:
        return ()
    survey = Survey(
        survey_id=survey_id,
        resolution_id=command.resolution_id,
        recipient=command.recipient,
        policy_version=policy.version,
        state=State.SCHEDULED,
        resolved_at_ms=command.resolved_at_ms,
        scheduled_at_ms=now_ms,
        send_at_ms=now_ms + policy.delay_ms,
    )
    if command.recipient.channel in policy.silent_channels:
        return (_suppressed(survey, Reason.CHANNEL, now_ms),)
    if policy.delay_ms:
        return (said.SurveyScheduled(survey),)
    return (said.SurveyScheduled(survey), *_send(survey, now_ms, policy))


def _withdraw(case: Case, reason: Reason, now_ms: int) -> Events:
    return tuple(
        said.SurveyCancelled(
            replace(survey, state=State.CANCELLED, ended_at_ms=now_ms, reason=reason)
        )
        for survey in case.surveys
        if survey.is_live
    )


def _erase_comments(case: Case) -> Events:
    return tuple(
        said.CommentErased(replace(survey, answer=replace(survey.answer, comment="")))
        for survey in case.surveys
        if survey.answer is not None and survey.answer.comment
    )


def _send(survey: Survey | None, now_ms: int, policy: Policy) -> Events:
    if survey is None:
        return ()
    if policy.cooldown_ms:
        return (said.TurnRequested(survey),)
    return (_sent(survey, now_ms, policy),)


def _settle(survey: Survey | None, now_ms: int, policy: Policy, *, granted: bool) -> Events:
    if survey is None:
        return ()
    if granted:
        return (_sent(survey, now_ms, policy),)
    return (_suppressed(survey, Reason.COOLDOWN, now_ms),)


def _expire(survey: Survey | None, now_ms: int) -> Events:
    if survey is None or survey.state is not State.SENT or survey.expires_at_ms is None:
        return ()
    if now_ms < survey.expires_at_ms:
        return ()
    return (said.SurveyExpired(replace(survey, state=State.EXPIRED, ended_at_ms=now_ms)),)


def _give_up(survey: Survey | None, reason: Reason, now_ms: int) -> Events:
    if survey is None or survey.state is not State.SENT:
        return ()
    ended = replace(survey, state=State.UNDELIVERED, ended_at_ms=now_ms, reason=reason)
    return (said.SurveyUndelivered(ended),)


def _scheduled(case: Case, survey_id: str) -> Survey | None:
    survey = case.survey(survey_id)
    return survey if survey is not None and survey.state is State.SCHEDULED else None


def _sent(survey: Survey, now_ms: int, policy: Policy) -> said.SurveySent:
    sent = replace(
        survey,
        state=State.SENT,
        sent_at_ms=now_ms,
        expires_at_ms=now_ms + policy.answer_within_ms,
    )
    return said.SurveySent(replace(sent, link_sha256=fingerprint(token_of(sent, policy.links))))


def token_of(survey: Survey, links: Links) -> str:
    """The token of a survey that is sent; the same one whenever it is asked for."""
    return links.token(
        tenant_id=survey.recipient.tenant_id,
        survey_id=survey.survey_id,
        expires_at_ms=survey.expires_at_ms or 0,
    )


def _suppressed(survey: Survey, reason: Reason, now_ms: int) -> said.SurveySuppressed:
    suppressed = replace(survey, state=State.SUPPRESSED, ended_at_ms=now_ms, reason=reason)
    return said.SurveySuppressed(suppressed)
