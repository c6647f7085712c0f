"""`switchboard conversations show`: what an agent must see, so that nobody repeats themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import customer_service_pb2
from switchboard.intake.v1 import model_pb2 as model
from typer.testing import CliRunner

from local import cli
from local.commands import desk

ANSWER = model.Feedback(
    survey_id="survey-1",
    conversation_id="c-0",
    kind=model.FEEDBACK_KIND_CSAT,
    score=2,
    score_min=1,
    score_max=5,
    comment="I had to say\neverything twice.",
    answered_at_ms=1_775_034_000_000,
)
GRETE = model.Customer(
    customer_id="grete",
    display_name="Grete",
    tier=model.SERVICE_TIER_EXCELLENT,
    last_feedback=ANSWER,
)


def conversation(conversation_id: str, subject: str) -> model.Conversation:
    ref = model.ConversationRef(
        conversation_id=conversation_id,
        customer_id="grete",
        status=model.CONVERSATION_STATUS_OPEN,
        channel=model.CHANNEL_EMAIL,
    )
    return model.Conversation(ref=ref, subject=subject)


class Intake:
    """Answers what it is asked, as stub and as desk."""

    def __init__(self, answer: pb.GetConversationResponse) -> None:
        self.answer = answer

    def service(self, _: Any) -> Intake:
        return self

    async def call(self, rpc: Callable[[Any], Any], request: Any) -> Any:
        return rpc(request)

    def GetConversation(self, request: pb.GetConversationRequest) -> pb.GetConversationResponse:
        assert request.conversation_id == "c-1"
        return self.answer

    def GetTimeline(self, _: pb.GetTimelineRequest) -> pb.GetTimelineResponse:
        message = model.Message(text="Where is my parcel?", message_id="m-1")
        return pb.GetTimelineResponse(entries=[pb.TimelineEntry(message=message)])

    def GetCustomer(self, _: Any) -> customer_service_pb2.GetCustomerResponse:
        return customer_service_pb2.GetCustomerResponse(customer=self.answer.customer)

    def ListIdentityLinks(self, _: Any) -> customer_service_pb2.ListIdentityLinksResponse:
        return customer_service_pb2.ListIdentityLinksResponse()


def run(monkeypatch: pytest.MonkeyPatch, answer: pb.GetConversationResponse, *words: str) -> str:
    """What the command prints of what intake answers."""

    def call(_home: Path | None, _tenant: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def ask() -> Any:
            return await work(Intake(answer))

        return asyncio.run(ask())

    monkeypatch.setattr(desk, "call", call)
    result = CliRunner().invoke(cli.app, [*words])
    assert result.exit_code == 0, result.output
    return result.output


FULL = pb.GetConversationResponse(
    conversation=conversation("c-1", "Parcel"),
    customer=GRETE,
    open_matters=[conversation("c-2", "Invoice"), conversation("c-3", "Refund")],
)
ANSWERED = "2026-04-01 09:00:00  CSAT 2 (1 to 5)  about c-0  I had to say everything twice."


def test_a_conversation_is_shown_with_its_customer_and_their_open_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = run(monkeypatch, FULL, "conversations", "show", "c-1").splitlines()
    assert lines[0].startswith("c-1  ")
    assert lines[1].split() == ["customer", "grete", "EXCELLENT", "Grete"]
    assert lines[2] == f"    answered   {ANSWERED}"
    assert [line.split()[:3] for line in lines[3:5]] == [
        ["also", "open", "c-2"],
        ["also", "open", "c-3"],
    ]
    assert "Where is my parcel?" in lines[5]
    assert len(lines) == 6


def test_where_nothing_is_beside_it_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = pb.GetConversationResponse(conversation=conversation("c-1", "Parcel"))
    lines = run(monkeypatch, alone, "conversations", "show", "c-1").splitlines()
    assert len(lines) == 2
    document = json.loads(run(monkeypatch, alone, "conversations", "show", "c-1", "-o", "json"))
    assert "customer" not in document
    assert document["open_matters"] == []


def test_as_json_it_is_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(run(monkeypatch, FULL, "conversations", "show", "c-1", "-o", "json"))
    assert document["ref"]["conversation_id"] == "c-1"
    assert document["customer"]["last_feedback"]["score"] == 2
    assert document["customer"]["last_feedback"]["comment"] == ANSWER.comment
    matters = [each["ref"]["conversation_id"] for each in document["open_matters"]]
    assert matters == ["c-2", "c-3"]
    assert len(document["timeline"]) == 1


def test_a_customer_is_shown_with_what_they_last_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, FULL, "customers", "show", "grete").splitlines()
    assert lines[1:] == [f"    answered  {ANSWERED}"]
