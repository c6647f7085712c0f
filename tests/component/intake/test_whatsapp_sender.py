"""The way out to WhatsApp over real sockets: what is asked, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.shell.channels.whatsapp_sender import WhatsAppSender
from tests.component.intake.provider import (
    ATTEMPT,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.given import ADDRESS
from tests.unit.intake.whatsapp import NUMBER_ID, business

TAKEN = {"messaging_product": "whatsapp", "messages": [{"id": "wamid.OUT"}]}


def error(code: object) -> dict[str, Any]:
    return {"error": {"message": "no", "type": "OAuthException", "code": code}}


@pytest.fixture
def meta() -> Provider:
    return Provider()


@pytest.fixture
async def sender(meta: Provider) -> AsyncIterator[WhatsAppSender]:
    async with serving(meta, "whatsapp") as context:
        yield WhatsAppSender(context)


async def test_a_message_is_posted_with_our_reference(
    meta: Provider, sender: WhatsAppSender
) -> None:
    meta.handler = answering(200, TAKEN)
    report = await sender.send(ATTEMPT, business())
    assert (report.message_id, report.attempt) == ("d-1", 2)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "wamid.OUT")
    (request,) = meta.requests
    assert request.path == f"/v23.0/{NUMBER_ID}/messages"
    assert request.headers["authorization"] == "Bearer the-access-token"
    assert orjson.loads(meta.bodies[0]) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ADDRESS.removeprefix("+"),
        "type": "text",
        "text": {"body": ATTEMPT.text, "preview_url": False},
        "biz_opaque_callback_data": "d-1",
    }


async def test_who_hides_their_number_is_written_to_by_their_id(
    meta: Provider, sender: WhatsAppSender
) -> None:
    meta.handler = answering(200, TAKEN)
    await sender.send(replace(ATTEMPT, recipient="DE.13491208655302741918"), business())
    body = orjson.loads(meta.bodies[0])
    assert body["recipient"] == "DE.13491208655302741918"
    assert "to" not in body


ANSWERS = [
    (answering(200, "<not json>"), Answer.ACCEPTED, "", 0),
    (answering(200, {"messages": [7]}), Answer.ACCEPTED, "", 0),
    (answering(400, error(131047)), Answer.REFUSED, "outside_window", 0),
    (answering(401, error(190)), Answer.REFUSED, "190", 0),
    (answering(400, error([1])), Answer.REFUSED, "http_400", 0),
    (answering(302, "", Location="http://elsewhere.example"), Answer.REFUSED, "http_302", 0),
    (answering(429, error(130429)), Answer.NOT_ACCEPTED, "130429", 0),
    (answering(400, error(131056)), Answer.NOT_ACCEPTED, "131056", 0),
    (answering(429, {}, Retry_After="7"), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(500, error(131000)), Answer.UNKNOWN, "131000", 0),
    (answering(503, "<html>"), Answer.UNKNOWN, "http_503", 0),
    (answering(408, ""), Answer.UNKNOWN, "http_408", 0),
    (hang_up, Answer.UNKNOWN, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    meta: Provider,
    sender: WhatsAppSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    meta.handler = handler
    report = await sender.send(ATTEMPT, business())
    assert (report.answer, report.reason) == (answer, reason)
    assert report.retry_after_ms == retry_after_ms
    assert len(meta.requests) == 1


async def test_there_is_nowhere_to_look(meta: Provider, sender: WhatsAppSender) -> None:
    report = await sender.look_up(ATTEMPT, business(), known_ids=frozenset())
    assert (report.sighting, report.lookup) == (Sighting.ABSENT, 1)
    assert meta.requests == []
