"""What every request has in common: rules, idempotency keys, pages, resume tokens."""

from __future__ import annotations

import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from switchboard.feedback.v1 import feedback_service_pb2 as feedback
from switchboard.intake.v1 import account_service_pb2 as accounts
from switchboard.intake.v1 import conversation_service_pb2 as conversations
from switchboard.intake.v1 import customer_service_pb2 as customers
from switchboard.intake.v1 import intake_service_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model
from switchboard.routing.v1 import agent_service_pb2 as agents
from switchboard.routing.v1 import model_pb2 as routing_model
from switchboard.routing.v1 import routing_service_pb2 as routing
from switchboard.sla.v1 import model_pb2 as sla_model
from switchboard.sla.v1 import sla_service_pb2 as sla

from services.chassis.rpc import validate
from services.chassis.rpc.errors import InvalidArgument
from tests.support import descriptors

READS = (
    "Get",
    "List",
    "Search",
    "Watch",
    "Explain",
    "Simulate",
    "DryRun",
    "Evaluate",
    "Breach",
    "Download",
)
STATEMENTS = {
    "AgentSession",  # each of its statements has a request id of its own
    "SubmitBatch",  # each of its items has one
    "UploadAttachment",  # a file is known by its content
}
UUID = "0d2bb4ac-6f0e-4c4e-9b0b-6a7d3f6c1f55"
METHODS = [pytest.param(method, id=method.full_name) for method in descriptors.methods()]


def has_rules(message: Descriptor) -> bool:
    """Tell whether protovalidate has anything to check in the message itself."""
    if message.GetOptions().HasExtension(validate_pb2.message):
        return True
    return any(f.GetOptions().HasExtension(validate_pb2.field) for f in message.fields)


def faults(message: Message) -> set[str]:
    """The field paths that the chassis reports."""
    try:
        validate.check(message)
    except InvalidArgument as error:
        return {violation.field for violation in error.violations}
    return set()


@pytest.mark.parametrize("method", METHODS)
def test_every_request_has_rules(method: MethodDescriptor) -> None:
    assert has_rules(method.input_type)


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_write_is_refused_for_its_request_id(method: MethodDescriptor) -> None:
    is_write = not method.name.startswith(READS) and method.name not in STATEMENTS
    request_id = method.input_type.fields_by_name.get("request_id")

    assert is_write == (request_id is not None)
    if is_write:
        empty = descriptors.message(method.input_type.full_name)()
        assert "request_id" in faults(empty)


@pytest.mark.parametrize("method", METHODS)
def test_lists_come_in_pages_and_watches_resume(method: MethodDescriptor) -> None:
    asked, told = method.input_type.fields_by_name, method.output_type.fields_by_name
    if method.name.startswith(("List", "Search")) and "page_size" in asked:
        assert "page_token" in asked
        assert "next_page_token" in told
        assert faults(descriptors.message(method.input_type.full_name)(page_size=-1)) >= {
            "page_size"
        }
    if method.name.startswith("Watch"):
        assert "resume_token" in asked
        assert {"snapshot", "change", "heartbeat", "resume_token", "replace"} <= set(told)


def test_all_rules_compile() -> None:
    """A wrong CEL expression shows only when it is first evaluated."""
    names = [m.full_name for f in descriptors.files() for m in f.message_types_by_name.values()]

    found = {n: protovalidate.collect_violations(descriptors.message(n)()) for n in names}

    assert found["switchboard.intake.v1.ReplyRequest"]
    assert not found["switchboard.intake.v1.ReplyResponse"]


FIRST_RESPONSE = sla_model.ClockMetric.CLOCK_METRIC_FIRST_RESPONSE
BAD = [
    (intake.SubmitMessageRequest(request_id="7"), {"request_id", "message"}),
    (
        intake.SubmitMessageRequest(
            request_id=UUID, message=intake.SubmittedMessage(account_id="api", text="hello")
        ),
        {"message.from_address"},
    ),
    (
        conversations.ReplyRequest(request_id=UUID, conversation_id="c", text="x" * 65_537),
        {"text"},
    ),
    (conversations.SetStatusRequest(request_id=UUID, conversation_id="c"), {"status"}),
    (
        conversations.MergeConversationsRequest(
            request_id=UUID, conversation_id="c", source_conversation_id="c"
        ),
        {""},  # the message as a whole
    ),
    (
        conversations.SplitConversationRequest(
            request_id=UUID, conversation_id="c", message_ids=["m", ""]
        ),
        {"message_ids[1]"},
    ),
    (
        customers.UpsertCustomerRequest(
            request_id=UUID,
            customer=intake_model.Customer(identities=[intake_model.Identity(address="a")]),
        ),
        {"customer.identities[0].channel"},
    ),
    (
        accounts.RotateSecretRequest(request_id=UUID, account_id="a", name="Auth Token", value="v"),
        {"name"},
    ),
    (
        agents.SetSkillsRequest(
            request_id=UUID, agent_id="ada", skills=[routing_model.Skill(name="sv", level=6)]
        ),
        {"skills[0].level"},
    ),
    (agents.AgentSessionRequest(), {"kind"}),
    (
        agents.AgentSessionRequest(accept=agents.SessionAccept(request_id=UUID)),
        {"accept.offer_id"},
    ),
    (routing.TransferRequest(request_id=UUID, work_id="w"), {""}),
    (routing.ExplainDecisionRequest(), {"which"}),
    (
        sla.UpsertPolicyRequest(
            request_id=UUID,
            policy=sla_model.SlaPolicy(
                policy_id="p",
                targets=[sla_model.SlaTarget(metric=FIRST_RESPONSE, target_ms=60_000)] * 2,
            ),
        ),
        set(),
    ),
    (
        sla.UpsertPolicyRequest(request_id=UUID, policy=sla_model.SlaPolicy(policy_id="p")),
        {"policy.targets"},
    ),
    (
        feedback.RecordAnswerRequest(request_id=UUID, survey_id="s", score=11),
        {"score"},
    ),
    (feedback.GetSurveyRequest(survey_id="a\0b"), {"survey_id"}),
    (
        customers.UpsertCustomerRequest(
            request_id=UUID,
            customer=intake_model.Customer(
                display_name="Ada\0",
                identities=[intake_model.Identity(channel=intake_model.CHANNEL_SMS, address="1\0")],
                attributes={"key\0": "value", "city": "Bonn\0"},
            ),
        ),
        {
            "customer.display_name",
            "customer.identities[0].address",
            "customer.attributes[key]",
            "customer.attributes[city]",
        },
    ),
]


@pytest.mark.parametrize(("request_", "fields"), BAD, ids=lambda v: type(v).__name__)
def test_a_bad_request_is_told_its_fields(request_: Message, fields: set[str]) -> None:
    assert faults(request_) == fields


def test_a_refusal_never_repeats_what_was_sent() -> None:
    request = accounts.RotateSecretRequest(name="Hunter two", value="hunter2", request_id="hunter3")

    with pytest.raises(InvalidArgument) as refused:
        validate.check(request)

    assert "unter" not in str(refused.value)
    assert request.DESCRIPTOR.fields_by_name["value"].GetOptions().debug_redact
