"""The way out to Telegram over real sockets: what is asked, and what each answer means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from local.ports import free_ports
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt, Sighting
from services.intake.shell.channels import telegram_sender
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.channels.telegram_sender import API_URL, TelegramSender
from tests.component.intake.provider import (
    ATTEMPT,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.telegram import BOT_TOKEN, CHAT_ID, bot

TO_GRETE = replace(ATTEMPT, recipient=str(CHAT_ID))
TAKEN = {"ok": True, "result": {"message_id": 13, "chat": {"id": CHAT_ID, "type": "private"}}}
BLOCKED = "Forbidden: bot was blocked by the user"


def error(code: int, description: str = "no", **parameters: Any) -> dict[str, Any]:
    told = {"ok": False, "error_code": code, "description": description}
    return told | ({"parameters": parameters} if parameters else {})


@pytest.fixture
def telegram() -> Provider:
    return Provider()


@pytest.fixture
async def sender(telegram: Provider) -> AsyncIterator[TelegramSender]:
    async with serving(telegram, "telegram") as context:
        yield TelegramSender(context)


async def test_a_message_is_posted_as_the_bot(telegram: Provider, sender: TelegramSender) -> None:
    telegram.handler = answering(200, TAKEN)
    report = await sender.send(TO_GRETE, bot())
    assert (report.message_id, report.attempt) == ("d-1", 2)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, f"{CHAT_ID}/13")
    (request,) = telegram.requests
    assert (request.method, request.raw_path) == ("POST", f"/bot{BOT_TOKEN}/sendMessage")
    assert orjson.loads(telegram.bodies[0]) == {"chat_id": str(CHAT_ID), "text": TO_GRETE.text}


async def test_a_token_that_is_none_stays_within_its_place(
    telegram: Provider, sender: TelegramSender
) -> None:
    telegram.handler = answering(404, error(404, "Not Found"))
    report = await sender.send(TO_GRETE, bot(secrets={"bot_token": ("a/b?c",)}))
    assert (report.answer, report.reason) == (Answer.REFUSED, "http_404")
    await sender.send(TO_GRETE, bot(secrets={}))
    paths = [request.raw_path for request in telegram.requests]
    assert paths == ["/bota%2Fb%3Fc/sendMessage", "/bot/sendMessage"]


ECHO = f"see https://api.telegram.org/bot{BOT_TOKEN}/sendMessage"
ELSEWHERE = f"http://elsewhere.example/bot{BOT_TOKEN}/sendMessage"
ANSWERS = [
    (answering(200, "<not json>"), Answer.UNKNOWN, "http_200", 0),
    (answering(200, {"ok": False}), Answer.UNKNOWN, "http_200", 0),
    (answering(204, ""), Answer.UNKNOWN, "http_204", 0),
    (answering(400, error(400, "Bad Request: chat not found")), Answer.REFUSED, "http_400", 0),
    (answering(401, error(401, ECHO)), Answer.REFUSED, "http_401", 0),
    (answering(403, error(403, BLOCKED)), Answer.REFUSED, "blocked", 0),
    (answering(403, error(403, ECHO)), Answer.REFUSED, "http_403", 0),
    (answering(400, error(400, BLOCKED)), Answer.REFUSED, "http_400", 0),
    (answering(403, "<html>"), Answer.REFUSED, "http_403", 0),
    (answering(302, "", Location=ELSEWHERE), Answer.REFUSED, "http_302", 0),
    (answering(429, error(429, retry_after=7)), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(429, error(429, retry_after=-7)), Answer.NOT_ACCEPTED, "http_429", 0),
    (answering(429, error(429, retry_after="7")), Answer.NOT_ACCEPTED, "http_429", 0),
    (answering(429, "", Retry_After="9"), Answer.NOT_ACCEPTED, "http_429", 9000),
    (answering(429, error(429)), Answer.NOT_ACCEPTED, "http_429", 0),
    (answering(500, error(500, ECHO)), Answer.UNKNOWN, "http_500", 0),
    (answering(502, "<html>"), Answer.UNKNOWN, "http_502", 0),
    (answering(408, ""), Answer.UNKNOWN, "http_408", 0),
    (hang_up, Answer.UNKNOWN, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    telegram: Provider,
    sender: TelegramSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    telegram.handler = handler
    report = await sender.send(TO_GRETE, bot())
    assert (report.answer, report.reason) == (answer, reason)
    assert (report.retry_after_ms, report.provider_message_id) == (retry_after_ms, "")
    assert len(telegram.requests) == 1


@pytest.mark.parametrize(
    "result", [None, {}, [7], {"message_id": 13}, {"message_id": "13", "chat": {"id": CHAT_ID}}]
)
async def test_what_is_taken_without_a_name_is_taken(
    telegram: Provider, sender: TelegramSender, result: Any
) -> None:
    telegram.handler = answering(200, {"ok": True, "result": result})
    report = await sender.send(TO_GRETE, bot())
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "")


@pytest.mark.parametrize("handler", [handler for handler, *_ in ANSWERS] + [answering(200, TAKEN)])
async def test_the_token_is_in_no_report_and_no_log(
    telegram: Provider,
    sender: TelegramSender,
    handler: Handler,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG", logger="aiohttp.client")
    telegram.handler = handler
    report = await sender.send(TO_GRETE, bot())
    assert BOT_TOKEN in telegram.requests[0].raw_path
    assert BOT_TOKEN not in repr(report)
    client_said = [entry.getMessage() for entry in caplog.records if "client" in entry.name]
    assert not [line for line in client_said if BOT_TOKEN in line]
    assert BOT_TOKEN not in "".join(capsys.readouterr())


async def test_an_address_that_is_none_is_not_told() -> None:
    async with aiohttp.ClientSession() as session:
        context = SendingContext(session, PUBLIC_URL, {"telegram": "no-scheme"})
        report = await TelegramSender(context).send(TO_GRETE, bot())
    assert report == ReportAttempt(
        "d-1", 2, Answer.UNKNOWN, reason="InvalidUrlClientError", contact=Contact.UNREACHABLE
    )


async def test_nobody_listening_is_certainly_not_accepted() -> None:
    (port,) = free_ports(1)
    async with aiohttp.ClientSession() as session:
        context = SendingContext(session, PUBLIC_URL, {"telegram": f"http://127.0.0.1:{port}"})
        report = await TelegramSender(context).send(TO_GRETE, bot())
    assert (report.answer, report.reason) == (Answer.NOT_ACCEPTED, "ClientConnectorError")


async def test_silence_is_unknown(
    telegram: Provider, monkeypatch: pytest.MonkeyPatch, sender: TelegramSender
) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    telegram.handler = silent
    monkeypatch.setattr(telegram_sender, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    report = await sender.send(TO_GRETE, bot())
    assert (report.answer, report.reason) == (Answer.UNKNOWN, "TimeoutError")


async def test_the_api_is_telegrams_own_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with aiohttp.ClientSession() as session:
        asked: list[str] = []

        def post(url: str, **_: Any) -> Any:
            asked.append(url)
            raise ConnectionResetError

        monkeypatch.setattr(session, "post", post)
        sender = TelegramSender(SendingContext(session, PUBLIC_URL, {}))
        with pytest.raises(ConnectionResetError):
            await sender.send(TO_GRETE, bot())
    assert asked == [f"{API_URL}/bot{BOT_TOKEN}/sendMessage"]
    assert API_URL == "https://api.telegram.org"


async def test_there_is_nowhere_to_look(telegram: Provider, sender: TelegramSender) -> None:
    report = await sender.look_up(TO_GRETE, bot(), known_ids=frozenset())
    assert (report.sighting, report.lookup) == (Sighting.ABSENT, 1)
    assert telegram.requests == []
