"""The way out to Twilio over real sockets: what each answer, and each silence, means."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from local.ports import free_ports
from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.shell.channels import twilio_sender
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.channels.twilio_sender import TwilioSender
from tests.component.intake.provider import (
    ATTEMPT,
    NOW_S,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.doors import PUBLIC_URL, TOKEN, account
from tests.unit.intake.given import ADDRESS

SID = "ACdeadbeefdeadbeefdeadbeefdeadbeef"


@pytest.fixture
def twilio() -> Provider:
    return Provider()


@pytest.fixture
async def sender(twilio: Provider) -> AsyncIterator[TwilioSender]:
    async with serving(twilio, "twilio") as context:
        yield TwilioSender(context)


async def test_a_message_is_posted_with_our_reference(
    twilio: Provider, sender: TwilioSender
) -> None:
    twilio.handler = answering(201, {"sid": "SM9", "status": "queued"})
    report = await sender.send(ATTEMPT, account())
    assert (report.message_id, report.attempt) == ("d-1", 2)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "SM9")
    (request,) = twilio.requests
    assert request.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    login = b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {login}"
    assert dict(parse_qsl(twilio.bodies[0].decode())) == {
        "To": ADDRESS,
        "From": "+4930555000",
        "Body": ATTEMPT.text,
        "StatusCallback": (
            "https://desk.example/webhooks/twilio/sms-berlin/status?message_id=d-1#rc=5&rp=all"
        ),
    }


ANSWERS = [
    (answering(200, {}), Answer.ACCEPTED, "", 0),
    (answering(201, "<not json>"), Answer.ACCEPTED, "", 0),
    (answering(400, {"code": 21610}), Answer.REFUSED, "21610", 0),
    (answering(401, {"code": 20003}), Answer.REFUSED, "20003", 0),
    (answering(404, "no such page"), Answer.REFUSED, "http_404", 0),
    (answering(302, "", Location="http://elsewhere.example"), Answer.REFUSED, "http_302", 0),
    (answering(429, {"code": 20429}), Answer.NOT_ACCEPTED, "20429", 0),
    (answering(429, {}, Retry_After="7"), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(503, {}, Retry_After="2"), Answer.NOT_ACCEPTED, "http_503", 2000),
    (answering(503, {}), Answer.UNKNOWN, "http_503", 0),
    (answering(500, {"code": 20500}), Answer.UNKNOWN, "20500", 0),
    (answering(502, "<html>"), Answer.UNKNOWN, "http_502", 0),
    (answering(408, ""), Answer.UNKNOWN, "http_408", 0),
    (hang_up, Answer.UNKNOWN, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    twilio: Provider,
    sender: TwilioSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    twilio.handler = handler
    report = await sender.send(ATTEMPT, account())
    assert (report.answer, report.reason) == (answer, reason)
    assert report.retry_after_ms == retry_after_ms
    assert len(twilio.requests) == 1


async def test_a_date_says_when_to_come_back(twilio: Provider, sender: TwilioSender) -> None:
    twilio.handler = answering(503, {}, Retry_After=formatdate(time.time() + 60, usegmt=True))
    report = await sender.send(ATTEMPT, account())
    assert report.answer is Answer.NOT_ACCEPTED
    assert 50_000 < report.retry_after_ms <= 60_000


async def test_nobody_listening_is_certainly_not_accepted() -> None:
    (port,) = free_ports(1)
    async with aiohttp.ClientSession() as session:
        context = SendingContext(session, PUBLIC_URL, {"twilio": f"http://127.0.0.1:{port}"})
        report = await TwilioSender(context).send(ATTEMPT, account())
    assert report.answer is Answer.NOT_ACCEPTED


async def test_silence_is_unknown(
    twilio: Provider, monkeypatch: pytest.MonkeyPatch, sender: TwilioSender
) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    twilio.handler = silent
    monkeypatch.setattr(twilio_sender, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    assert (await sender.send(ATTEMPT, account())).answer is Answer.UNKNOWN
    looked_up = await sender.look_up(ATTEMPT, account(), known_ids=frozenset())
    assert looked_up.sighting is Sighting.UNAVAILABLE


def listed(sid: str = "SM9", **changes: Any) -> dict[str, Any]:
    """A message as Twilio lists it: made a second after the attempt, with our text."""
    message = {
        "sid": sid,
        "body": ATTEMPT.text,
        "direction": "outbound-api",
        "date_created": formatdate(NOW_S + 1),
    }
    return message | changes


LISTS = [
    ([listed()], "SM9"),
    ([listed(body="Something else."), listed("SM8")], "SM8"),
    ([listed(direction="inbound")], ""),
    ([listed("SM-known")], ""),
    ([listed(date_created=formatdate(NOW_S - 60))], ""),
    ([listed(date_created=formatdate(NOW_S - 5))], "SM9"),  # its clock is behind ours
    ([listed(date_created="")], ""),
    ([], ""),
]


@pytest.mark.parametrize(("messages", "sid"), LISTS)
async def test_a_message_is_recognised_by_all_that_it_must_be(
    twilio: Provider, sender: TwilioSender, messages: list[dict[str, Any]], sid: str
) -> None:
    twilio.handler = answering(200, {"messages": messages})
    report = await sender.look_up(ATTEMPT, account(), known_ids=frozenset({"SM-known"}))
    assert report.sighting is (Sighting.FOUND if sid else Sighting.ABSENT)
    assert report.provider_message_id == sid
    (request,) = twilio.requests
    assert dict(request.query) == {
        "To": ADDRESS,
        "From": "+4930555000",
        "PageSize": str(twilio_sender.LISTED_MAX),
    }


@pytest.mark.parametrize(
    "handler",
    [answering(500), answering(401), answering(200, "<html>"), answering(200, {}), hang_up],
)
async def test_what_is_no_list_has_shown_nothing(
    twilio: Provider, sender: TwilioSender, handler: Handler
) -> None:
    twilio.handler = handler
    report = await sender.look_up(ATTEMPT, account(), known_ids=frozenset())
    assert report.sighting is Sighting.UNAVAILABLE
