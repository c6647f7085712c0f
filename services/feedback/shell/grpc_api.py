"""FeedbackService: surveys, answers on behalf of a channel, and scores with their intervals."""

from __future__ import annotations

from typing import Any

from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.feedback.v1 import feedback_service_pb2 as pb
from switchboard.feedback.v1 import model_pb2 as model
from switchboard.feedback.v1.feedback_service_pb2_grpc import FeedbackServiceServicer

from services.chassis.bus.commands import OutcomeUnknown
from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RpcError,
    Unavailable,
    Violation,
)
from services.chassis.rpc.filtering import equalities
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.chassis.rpc.planned import planned
from services.feedback.core.events import Refusal
from services.feedback.core.model import Survey
from services.feedback.core.policies import Policy
from services.feedback.core.scores import CSAT_METHOD, csat
from services.feedback.ports import Place, SurveyReader, Tally
from services.feedback.shell.answers import Answers, Given
from services.feedback.shell.store import FILTERS
from services.feedback.shell.wire import POLICY_ID, policy_message, state_of, survey_message

_BAD_FIELDS = {
    Refusal.INVALID_SCORE: "score",
    Refusal.COMMENT_TOO_LONG: "comment",
    Refusal.COMMENT_NOT_TEXT: "comment",
}


class FeedbackApi(FeedbackServiceServicer):
    """The servicer. What it assigns `planned` answers UNIMPLEMENTED; the README lists it."""

    def __init__(
        self, *, reader: SurveyReader, answers: Answers, policy: Policy, clock: Clock
    ) -> None:
        self._reader = reader
        self._answers = answers
        self._policy = policy
        self._clock = clock

    async def GetSurvey(self, request: pb.GetSurveyRequest, _: Any) -> pb.GetSurveyResponse:
        """One survey of the caller's tenant."""
        return pb.GetSurveyResponse(survey=survey_message(await self._survey(request.survey_id)))

    async def ListSurveys(self, request: pb.ListSurveysRequest, _: Any) -> pb.ListSurveysResponse:
        """Surveys, latest resolution first."""
        where = dict(equalities(request.filter, fields=FILTERS | {"kind"}))
        if where.pop("kind", "CSAT").removeprefix("SURVEY_KIND_") != "CSAT":
            return pb.ListSurveysResponse()
        if "state" in where:
            where["state"] = _state(where["state"])
        size, position = page_size(request), position_of(request)
        found = await self._reader.page(
            caller().tenant_id,
            where=where,
            after=Place(*position) if position else None,
            limit=size + 1,
        )
        response = pb.ListSurveysResponse(surveys=map(survey_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            place = [last.resolved_at_ms, last.survey_id]
            response.next_page_token = token_after(request, place)
        return response

    async def RecordAnswer(
        self, request: pb.RecordAnswerRequest, _: Any
    ) -> pb.RecordAnswerResponse:
        """Record an answer once; the same request id gets the first outcome."""
        given = Given(
            score=request.score,
            comment=request.comment,
            source="api",
            request_id=request.request_id,
            actor=f"service/{caller().subject}",
        )
        survey = await self._survey(request.survey_id)
        try:
            outcome = await self._answers.submit(survey, given)
        except OutcomeUnknown as error:
            text = "not known recorded; ask again with the same request id"
            raise Unavailable(text, retry_ms=1000) from error
        if not outcome.accepted:
            raise _refused(outcome)
        return pb.RecordAnswerResponse.FromString(outcome.result)

    async def GetScores(self, request: pb.GetScoresRequest, _: Any) -> pb.GetScoresResponse:
        """Scores with n, method and interval; none of a kind that is not asked yet."""
        if request.kind != model.SURVEY_KIND_CSAT:
            return pb.GetScoresResponse()
        tallies = await self._reader.tallies(
            caller().tenant_id,
            from_ms=request.from_ms,
            to_ms=request.to_ms or self._clock.now_ms(),
            group_by=request.group_by,
        )
        return pb.GetScoresResponse(scores=[_score(item, request.group_by) for item in tallies])

    async def GetPolicy(self, request: pb.GetPolicyRequest, _: Any) -> pb.GetPolicyResponse:
        """The policy in force, which is set with the process so far."""
        wanted = request.version or self._policy.version
        if request.policy_id != POLICY_ID or wanted != self._policy.version:
            raise NotFound(f"no such policy; there is `{POLICY_ID}`", reason="POLICY_NOT_FOUND")
        return pb.GetPolicyResponse(policy=policy_message(self._policy))

    async def ListPolicies(
        self, request: pb.ListPoliciesRequest, _: Any
    ) -> pb.ListPoliciesResponse:
        """The one policy there is."""
        position_of(request)
        return pb.ListPoliciesResponse(policies=[policy_message(self._policy)])

    ExplainSurvey = planned
    UpsertPolicy = planned

    async def _survey(self, survey_id: str) -> Survey:
        survey = await self._reader.get(caller().tenant_id, survey_id)
        if survey is None:
            raise NotFound("no such survey", reason=Refusal.UNKNOWN_SURVEY)
        return survey


def _refused(outcome: CommandOutcome) -> RpcError:
    if outcome.reason in _BAD_FIELDS:
        field = _BAD_FIELDS[Refusal(outcome.reason)]
        violations = [Violation(field, outcome.detail)]
        return InvalidArgument(outcome.detail, reason=outcome.reason, violations=violations)
    if outcome.reason == Refusal.UNKNOWN_SURVEY:
        return NotFound(outcome.detail, reason=outcome.reason)
    return FailedPrecondition(outcome.detail, reason=outcome.reason)


def _state(name: str) -> str:
    state = state_of(name)
    if state is None:
        description = f"there is no state {name}"
        raise InvalidArgument(description, violations=[Violation("filter", description)])
    return state


def _score(tally: Tally, group_by: str) -> model.Score:
    """Shares become percent; too few answers leave value and interval out."""
    score = csat(tally.counts)
    message = model.Score(
        kind=model.SURVEY_KIND_CSAT,
        group=f"{group_by}/{tally.group}" if group_by else "",
        answers=score.answers,
        sent=tally.sent,
        method=CSAT_METHOD,
        histogram=tally.counts,
    )
    if score.share is not None and score.low is not None and score.high is not None:
        message.value = 100 * score.share
        message.low, message.high = 100 * score.low, 100 * score.high
    return message
