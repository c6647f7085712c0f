"""The way out to Messenger over real sockets: what is asked, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from local.ports import free_ports
from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.shell.channels.messenger_sender import MessengerSender
from services.intake.shell.channels.protocol import SendingContext
from tests.component.intake.provider import (
    ATTEMPT,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.messenger import PERSON, page

MESSAGE = replace(ATTEMPT, recipient=PERSON)
TAKEN = {"recipient_id": PERSON, "message_id": "m_OUT"}


def error(code: object, subcode: object = None) -> dict[str, Any]:
    told = {"message": "no", "type": "OAuthException", "code": code, "error_subcode": subcode}
    return {"error": told}


@pytest.fixture
def meta() -> Provider:
    return Provider()


@pytest.fixture
async def context(meta: Provider) -> AsyncIterator[SendingContext]:
    async with serving(meta, "messenger") as context:
        yield context


@pytest.fixture
def sender(context: SendingContext) -> MessengerSender:
    return MessengerSender(context)


async def test_a_message_is_posted_with_our_reference(
    meta: Provider, sender: MessengerSender
) -> None:
    meta.handler = answering(200, TAKEN)
    report = await sender.send(MESSAGE, page())
    assert (report.message_id, report.attempt) == ("d-1", 2)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "m_OUT")
    (request,) = meta.requests
    assert (request.method, request.path_qs) == ("POST", "/v23.0/me/messages")
    assert request.headers["authorization"] == "Bearer the-page-token"
    assert orjson.loads(meta.bodies[0]) == {
        "recipient": {"id": PERSON},
        "messaging_type": "RESPONSE",
        "message": {"text": MESSAGE.text, "metadata": "d-1"},
    }


async def test_the_newest_token_is_used(meta: Provider, sender: MessengerSender) -> None:
    meta.handler = answering(200, TAKEN)
    await sender.send(MESSAGE, page(secrets={"access_token": ("new", "old")}))
    assert meta.requests[0].headers["authorization"] == "Bearer new"


ANSWERS = [
    (answering(200, "<not json>"), Answer.ACCEPTED, "", 0),
    (answering(200, {"message_id": 7}), Answer.ACCEPTED, "", 0),
    (answering(400, error(10, 2018278)), Answer.REFUSED, "outside_window", 0),
    (answering(400, error(10, 2018065)), Answer.REFUSED, "10", 0),
    (answering(400, error(10, [2018278])), Answer.REFUSED, "10", 0),
    (answering(400, error(100, 2018278)), Answer.REFUSED, "100", 0),
    (answering(400, error(551, 1545041)), Answer.REFUSED, "551", 0),
    (answering(401, error(190)), Answer.REFUSED, "190", 0),
    (answering(400, error([1], {})), Answer.REFUSED, "http_400", 0),
    (answering(400, error("4")), Answer.REFUSED, "http_400", 0),
    (answering(400, error(True)), Answer.REFUSED, "http_400", 0),
    (answering(400, {"error": [4]}), Answer.REFUSED, "http_400", 0),
    (answering(302, "", Location="http://elsewhere.example"), Answer.REFUSED, "http_302", 0),
    (answering(400, error(4)), Answer.NOT_ACCEPTED, "4", 0),
    (answering(403, error(32)), Answer.NOT_ACCEPTED, "32", 0),
    (answering(400, error(613), Retry_After="7"), Answer.NOT_ACCEPTED, "613", 7000),
    (answering(503, error(613)), Answer.NOT_ACCEPTED, "613", 0),
    (answering(429, {}, Retry_After="7"), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(429, error(190)), Answer.NOT_ACCEPTED, "190", 0),
    (answering(500, error(1200)), Answer.UNKNOWN, "1200", 0),
    (answering(503, "<html>"), Answer.UNKNOWN, "http_503", 0),
    (answering(408, ""), Answer.UNKNOWN, "http_408", 0),
    (hang_up, Answer.UNKNOWN, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    meta: Provider,
    sender: MessengerSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    meta.handler = handler
    report = await sender.send(MESSAGE, page())
    assert (report.answer, report.reason) == (answer, reason)
    assert (report.retry_after_ms, report.provider_message_id) == (retry_after_ms, "")
    assert len(meta.requests) == 1


async def test_what_never_left_us_may_be_tried_again(context: SendingContext) -> None:
    (closed,) = free_ports(1)
    nowhere = replace(context, api_urls={"messenger": f"http://127.0.0.1:{closed}"})
    report = await MessengerSender(nowhere).send(MESSAGE, page())
    assert (report.answer, report.reason) == (Answer.NOT_ACCEPTED, "ClientConnectorError")


async def test_there_is_nowhere_to_look(meta: Provider, sender: MessengerSender) -> None:
    report = await sender.look_up(MESSAGE, page(), known_ids=frozenset())
    assert (report.sighting, report.lookup) == (Sighting.ABSENT, 1)
    assert meta.requests == []
