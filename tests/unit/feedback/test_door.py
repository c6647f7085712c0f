"""The survey's page while Postgres or the owner of the shard is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from starlette.requests import Request
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus.commands import OutcomeUnknown
from services.chassis.bus.fates import StoreUnavailable
from services.feedback.core.decide import token_of
from services.feedback.core.model import Survey
from services.feedback.ports import Place, Tally
from services.feedback.shell.answers import Answers
from services.feedback.shell.http import SurveyDoor
from tests.unit.feedback.story import LINKS, Desk, resolved


class Reader:
    """Knows one survey, or is away."""

    def __init__(self, survey: Survey | None) -> None:
        self.survey = survey

    async def linked(self, survey_id: str) -> Survey | None:
        if self.survey is None:
            raise StoreUnavailable("told to")
        return self.survey

    async def get(self, tenant_id: str, survey_id: str) -> Survey | None:
        return self.survey

    async def page(
        self, tenant_id: str, *, where: Mapping[str, str], after: Place | None, limit: int
    ) -> Sequence[Survey]:
        return []

    async def tallies(
        self, tenant_id: str, *, from_ms: int, to_ms: int, group_by: str
    ) -> Sequence[Tally]:
        return []


class SlowBus:
    """Takes every command and never answers."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def submit(
        self, topic: str, key: str, message: Message, *, request_key: str, timeout_s: float
    ) -> CommandOutcome:
        self.keys.append(request_key)
        raise OutcomeUnknown(request_key)


class Noon:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return 10_000


def sent() -> Survey:
    desk = Desk()
    desk.tell(resolved())
    desk.pass_time(2_000)
    return desk.survey()


def door(reader: Reader, bus: SlowBus) -> SurveyDoor:
    answers = Answers(bus, now_ms=Noon().now_ms)
    return SurveyDoor(links=LINKS, reader=reader, answers=answers, clock=Noon())


def request(method: str, body: bytes = b"", **headers: str) -> Request:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "path_params": {"token": token_of(sent(), LINKS)},
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    return Request(scope, receive)


async def test_while_postgres_is_away_the_page_asks_to_come_back() -> None:
    shut = door(Reader(None), SlowBus())
    for answer in (
        await shut.show(request("GET", accept_language="de-DE,en;q=0.5")),
        await shut.record(request("POST", b"score=4", accept_language="de-DE")),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert b'<html lang="de"' in bytes(answer.body)


async def test_an_outcome_that_does_not_come_keeps_the_request_id_for_the_next_try() -> None:
    bus, request_id = SlowBus(), str(uuid4())
    body = f"score=4&comment=hm&request_id={request_id}".encode()
    for _ in range(2):
        answer = await door(Reader(sent()), bus).record(request("POST", body))
        assert answer.status_code == 503
        assert request_id.encode() in bytes(answer.body)
        assert b'value="4" required checked' in bytes(answer.body)
    assert bus.keys == [f"default/link/{sent().survey_id}/{request_id}"] * 2


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_a_program_is_answered_in_json(content_type: str) -> None:
    shut = door(Reader(None), SlowBus())
    answer = await shut.record(request("POST", b'{"score":4}', content_type=content_type))
    assert bytes(answer.body) == b'{"error":"unavailable"}'
