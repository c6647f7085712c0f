"""FeedbackService: surveys, answers on behalf of a channel, and scores with their intervals."""

from __future__ import annotations

from uuid import uuid4

import pytest
from google.protobuf.message import Message
from switchboard.feedback.v1 import feedback_service_pb2 as pb
from switchboard.feedback.v1 import model_pb2 as model

from tests.component.feedback.customers import METHODS, Asked, asked, now_ms
from tests.support.doors import Reply
from tests.support.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def call(feedback: Served, name: str, request: Message, *, tenant: str = "default") -> Reply:
    return await feedback.call(METHODS[name], request, role="admin", tenant=tenant)


def answer(customer: Asked, score: int = 5, **fields: str) -> pb.RecordAnswerRequest:
    request_id = fields.pop("request_id", str(uuid4()))
    return pb.RecordAnswerRequest(
        request_id=request_id, survey_id=customer.survey_id, score=score, **fields
    )


async def test_an_answer_is_recorded_once_and_its_repeat_gets_the_same_survey(
    feedback: Served,
) -> None:
    customer = await asked(feedback)
    request = answer(customer, 4, comment="Quick and kind.")
    first = await call(feedback, "RecordAnswer", request)
    again = await call(feedback, "RecordAnswer", request)
    assert first.code == "OK", first.text
    assert first.messages == again.messages
    assert first.messages[0].survey.score == 4
    assert (await customer.survey()).comment == "Quick and kind."


async def test_refusals_are_typed(feedback: Served) -> None:
    customer = await asked(feedback)
    assert (await call(feedback, "RecordAnswer", answer(customer))).code == "OK"
    second = await call(feedback, "RecordAnswer", answer(customer))
    assert second.code == "FAILED_PRECONDITION"
    assert second.details["ErrorInfo"].reason == "SURVEY_ALREADY_ANSWERED"
    outside = await call(feedback, "RecordAnswer", answer(await asked(feedback), 9))
    assert outside.code == "INVALID_ARGUMENT"
    assert outside.details["BadRequest"].field_violations[0].field == "score"
    missing = pb.GetSurveyRequest(survey_id="nowhere")
    assert (await call(feedback, "GetSurvey", missing)).code == "NOT_FOUND"


async def test_another_tenant_finds_nothing(feedback: Served) -> None:
    customer = await asked(feedback)
    request = pb.GetSurveyRequest(survey_id=customer.survey_id)
    assert (await call(feedback, "GetSurvey", request, tenant="other")).code == "NOT_FOUND"
    reply = await call(feedback, "RecordAnswer", answer(customer), tenant="other")
    assert reply.code == "NOT_FOUND"
    assert (await customer.survey()).state == model.SURVEY_STATE_SENT


async def test_surveys_are_listed_latest_first_by_page_and_filter(feedback: Served) -> None:
    customers = [await asked(feedback, tenant_id="listed") for _ in range(5)]
    await call(feedback, "RecordAnswer", answer(customers[0]), tenant="listed")
    found: list[str] = []
    request = pb.ListSurveysRequest(page_size=2, filter='agent_id = "ada" AND kind = CSAT')
    while True:
        reply = await call(feedback, "ListSurveys", request, tenant="listed")
        assert reply.code == "OK", reply.text
        found += [survey.survey_id for survey in reply.messages[0].surveys]
        request.page_token = reply.messages[0].next_page_token
        if not request.page_token:
            break
    assert found == [customer.survey_id for customer in reversed(customers)]
    answered = pb.ListSurveysRequest(filter="state = ANSWERED")
    reply = await call(feedback, "ListSurveys", answered, tenant="listed")
    assert [s.survey_id for s in reply.messages[0].surveys] == [customers[0].survey_id]


@pytest.mark.parametrize(
    "text", ["state", "state = LOST", "colour = red", "state = SENT state = SENT", "state > SENT"]
)
async def test_a_filter_that_cannot_be_read_is_refused(feedback: Served, text: str) -> None:
    reply = await call(feedback, "ListSurveys", pb.ListSurveysRequest(filter=text))
    assert reply.code == "INVALID_ARGUMENT"
    assert reply.details["BadRequest"].field_violations[0].field == "filter"


async def test_scores_name_their_method_n_and_interval(feedback: Served) -> None:
    for score in (5, 5, 4, 4, 4, 3, 1, 5, 4, 2):
        customer = await asked(feedback, tenant_id="scored")
        await call(feedback, "RecordAnswer", answer(customer, score), tenant="scored")
    await asked(feedback, tenant_id="scored")
    request = pb.GetScoresRequest(kind=model.SURVEY_KIND_CSAT, to_ms=now_ms() + 60_000)
    reply = await call(feedback, "GetScores", request, tenant="scored")
    [score] = reply.messages[0].scores
    assert (score.answers, score.sent, score.method) == (10, 11, "csat.top2.wilson95")
    assert (score.value, score.low, score.high) == pytest.approx((70, 39.68, 89.22), abs=0.005)
    assert dict(score.histogram) == {1: 1, 2: 1, 3: 1, 4: 4, 5: 3}
    request.group_by = "agent"
    reply = await call(feedback, "GetScores", request, tenant="scored")
    assert [item.group for item in reply.messages[0].scores] == ["agent/ada"]


async def test_few_answers_give_no_number(feedback: Served) -> None:
    customer = await asked(feedback, tenant_id="quiet")
    await call(feedback, "RecordAnswer", answer(customer), tenant="quiet")
    request = pb.GetScoresRequest(kind=model.SURVEY_KIND_CSAT, to_ms=now_ms() + 60_000)
    [score] = (await call(feedback, "GetScores", request, tenant="quiet")).messages[0].scores
    assert score.answers == 1
    assert not score.HasField("value")


async def test_the_policy_can_be_read_and_what_is_planned_says_so(feedback: Served) -> None:
    listed = await call(feedback, "ListPolicies", pb.ListPoliciesRequest())
    [policy] = listed.messages[0].policies
    one = await call(feedback, "GetPolicy", pb.GetPolicyRequest(policy_id=policy.policy_id))
    assert one.messages[0].policy == policy
    explain = pb.ExplainSurveyRequest(conversation_id="c")
    assert (await call(feedback, "ExplainSurvey", explain)).code == "UNIMPLEMENTED"
    upsert = pb.UpsertPolicyRequest(request_id=str(uuid4()), policy=policy)
    reply = await call(feedback, "UpsertPolicy", upsert)
    assert reply.code == "UNIMPLEMENTED", reply.text
