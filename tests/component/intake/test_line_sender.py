"""The way out to LINE over real sockets: what is asked, and what each answer means."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp import web

from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt, Sighting
from services.intake.shell.channels.line_sender import KEY_LIVES_MS, LineSender
from tests.component.intake.provider import (
    ATTEMPT,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.given import HOUR_MS
from tests.unit.intake.line import USER, business

NOW_MS = time.time_ns() // 1_000_000
FRESH = replace(ATTEMPT, recipient=USER, queued_at_ms=NOW_MS)
OLD = replace(FRESH, queued_at_ms=NOW_MS - 25 * HOUR_MS)
TAKEN = {"sentMessages": [{"id": "77123", "quoteToken": "q8"}]}
TAKEN_BEFORE = {"message": "The retry key is already accepted"} | TAKEN


def refusal(told: str) -> dict[str, Any]:
    return {"message": told}


@pytest.fixture
def line() -> Provider:
    return Provider()


@pytest.fixture
async def sender(line: Provider) -> AsyncIterator[LineSender]:
    async with serving(line, "line") as context:
        yield LineSender(context)


async def test_a_message_is_pushed_under_a_key_of_its_own(
    line: Provider, sender: LineSender
) -> None:
    line.handler = answering(200, TAKEN, x_line_request_id="r-1")
    report = await sender.send(FRESH, business())
    assert report == ReportAttempt(
        "d-1", 2, Answer.ACCEPTED, provider_message_id="77123", contact=Contact.ANSWERED
    )
    (request,) = line.requests
    assert (request.method, request.path) == ("POST", "/v2/bot/message/push")
    assert request.headers["authorization"] == "Bearer the-access-token"
    assert orjson.loads(line.bodies[0]) == {
        "to": USER,
        "messages": [{"type": "text", "text": FRESH.text}],
    }


async def test_every_attempt_for_a_message_has_the_same_key(
    line: Provider, sender: LineSender
) -> None:
    line.handler = answering(200, TAKEN)
    for dispatch in (
        replace(FRESH, attempts=1),
        replace(FRESH, attempts=3, account_id="moved", text="Edited"),
        replace(FRESH, message_id="d-2"),
    ):
        await sender.send(dispatch, business())
    first, third, other = (request.headers["x-line-retry-key"] for request in line.requests)
    assert first == third == str(UUID(first)) == "1b7ecf22-7d9e-57de-bac4-795f049f18bf"
    assert other != first


async def test_line_executes_once_what_is_attempted_twice(
    line: Provider, sender: LineSender
) -> None:
    """The first answer is lost; the second tells that there was one."""
    pushed: set[str] = set()

    async def lose_the_first(request: web.Request) -> web.StreamResponse:
        key = request.headers["x-line-retry-key"]
        if key in pushed:
            return web.json_response(TAKEN_BEFORE, status=409)
        pushed.add(key)
        return await hang_up(request)

    line.handler = lose_the_first
    lost = await sender.send(replace(FRESH, attempts=1), business())
    told = await sender.send(replace(FRESH, maybe_sent=True), business())
    assert lost.answer is Answer.REPEATABLE
    assert (told.answer, told.provider_message_id) == (Answer.ACCEPTED, "77123")
    assert len(pushed) == 1


IDS = [
    (answering(200, TAKEN, x_line_request_id="r-1"), "77123"),
    (answering(200, {}, x_line_request_id="r-1"), "r-1"),
    (answering(200, "<not json>", x_line_request_id="r-1"), "r-1"),
    (answering(200, {"sentMessages": [7]}), ""),
    (answering(200, {"sentMessages": [{"id": 7}]}), ""),
    (answering(409, TAKEN_BEFORE, x_line_accepted_request_id="r-0"), "77123"),
    (answering(409, "", x_line_accepted_request_id="r-0", x_line_request_id="r-1"), ""),
]


@pytest.mark.parametrize(("handler", "provider_message_id"), IDS)
async def test_what_is_accepted_has_the_id_that_line_gave(
    line: Provider, sender: LineSender, handler: Handler, provider_message_id: str
) -> None:
    line.handler = handler
    report = await sender.send(FRESH, business())
    assert (report.answer, report.reason) == (Answer.ACCEPTED, "")
    assert report.provider_message_id == provider_message_id


ANSWERS = [
    (answering(400, refusal("The property, 'to', is invalid")), Answer.REFUSED, "http_400", 0),
    (answering(401, refusal("Authentication failed")), Answer.REFUSED, "http_401", 0),
    (answering(403, ""), Answer.REFUSED, "http_403", 0),
    (answering(302, "", Location="http://elsewhere.example"), Answer.REFUSED, "http_302", 0),
    (answering(429, refusal("monthly limit")), Answer.NOT_ACCEPTED, "http_429", 0),
    (answering(429, {}, Retry_After="7"), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(500, refusal("Internal")), Answer.REPEATABLE, "http_500", 0),
    (answering(503, "<html>", Retry_After="3"), Answer.REPEATABLE, "http_503", 3000),
    (answering(408, ""), Answer.REPEATABLE, "http_408", 0),
    (hang_up, Answer.REPEATABLE, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    line: Provider,
    sender: LineSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    line.handler = handler
    report = await sender.send(replace(FRESH, attempts=1), business())
    assert (report.answer, report.reason) == (answer, reason)
    assert (report.attempt, report.retry_after_ms) == (1, retry_after_ms)
    assert len(line.requests) == 1


@pytest.mark.parametrize("handler", [answering(500, ""), answering(408, ""), hang_up])
async def test_an_end_that_no_repeat_can_clear_up_is_unknown(
    line: Provider, sender: LineSender, handler: Handler
) -> None:
    line.handler = handler
    report = await sender.send(replace(OLD, attempts=1), business())
    assert (report.answer, report.contact) == (Answer.UNKNOWN, Contact.UNREACHABLE)
    assert len(line.requests) == 1


async def test_under_a_key_that_line_may_have_forgotten_nothing_is_repeated(
    line: Provider, sender: LineSender
) -> None:
    line.handler = answering(200, TAKEN)
    report = await sender.send(replace(OLD, maybe_sent=True), business())
    assert report == ReportAttempt("d-1", 2, Answer.UNKNOWN, reason="retry_key_expired")
    assert line.requests == []


async def test_what_was_certainly_in_vain_is_attempted_again_at_any_age(
    line: Provider, sender: LineSender
) -> None:
    line.handler = answering(200, TAKEN)
    assert (await sender.send(OLD, business())).answer is Answer.ACCEPTED


async def test_what_has_waited_long_is_sent_for_the_first_time(
    line: Provider, sender: LineSender
) -> None:
    line.handler = answering(200, TAKEN)
    report = await sender.send(replace(OLD, attempts=1), business())
    assert report.answer is Answer.ACCEPTED


async def test_a_key_is_given_up_before_line_forgets_it(line: Provider, sender: LineSender) -> None:
    line.handler = answering(200, TAKEN)
    doubted = replace(FRESH, maybe_sent=True)
    aged = [replace(doubted, queued_at_ms=NOW_MS - KEY_LIVES_MS + each) for each in (HOUR_MS, 0)]
    answers = [(await sender.send(dispatch, business())).answer for dispatch in aged]
    assert answers == [Answer.ACCEPTED, Answer.UNKNOWN]
    assert KEY_LIVES_MS < 24 * HOUR_MS


async def test_there_is_nowhere_to_look(line: Provider, sender: LineSender) -> None:
    report = await sender.look_up(FRESH, business(), known_ids=frozenset())
    assert (report.sighting, report.lookup) == (Sighting.ABSENT, 1)
    assert line.requests == []
