"""The way out to Slack over real sockets: what is asked, and what each answer means."""

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
from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.shell.channels import slack_sender
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.channels.slack_sender import SlackSender
from tests.component.intake.provider import (
    ATTEMPT,
    NOW_S,
    Handler,
    Provider,
    answering,
    hang_up,
    serving,
)
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.slack import CONVERSATION, USER, workspace

WRITTEN = replace(ATTEMPT, recipient=USER, text="It is <here> & on its way.")
OUT_TS = f"{NOW_S + 1}.000300"
TAKEN = {"ok": True, "channel": CONVERSATION, "ts": OUT_TS, "message": {"text": "…"}}
OPENED = answering(200, {"ok": True, "channel": {"id": CONVERSATION}})


def error(name: object) -> dict[str, Any]:
    return {"ok": False, "error": name}


@pytest.fixture
def slack() -> Provider:
    return Provider()


@pytest.fixture
async def sender(slack: Provider) -> AsyncIterator[SlackSender]:
    async with serving(slack, "slack") as context:
        yield SlackSender(context)


async def test_a_message_is_posted_with_our_reference(slack: Provider, sender: SlackSender) -> None:
    slack.handler = answering(200, TAKEN)
    report = await sender.send(WRITTEN, workspace())
    assert (report.message_id, report.attempt) == ("d-1", 2)
    assert report.answer is Answer.ACCEPTED
    assert report.provider_message_id == f"{CONVERSATION}/{OUT_TS}"
    (request,) = slack.requests
    assert (request.method, request.path) == ("POST", "/api/chat.postMessage")
    assert request.headers["authorization"] == "Bearer the-bot-token"
    assert request.headers["content-type"].startswith("application/json")
    assert orjson.loads(slack.bodies[0]) == {
        "channel": USER,
        "text": "It is &lt;here&gt; &amp; on its way.",
        "metadata": {
            "event_type": "switchboard_message",
            "event_payload": {"message_id": "d-1"},
        },
        "mrkdwn": False,
        "unfurl_links": False,
    }


ANSWERS = [
    (answering(200, {"ok": True}), Answer.ACCEPTED, "", 0),
    (answering(200, {"ok": True, "ts": 7, "channel": "D1"}), Answer.ACCEPTED, "", 0),
    (answering(200, error("channel_not_found")), Answer.REFUSED, "channel_not_found", 0),
    (answering(200, error("invalid_auth")), Answer.REFUSED, "invalid_auth", 0),
    (answering(200, error("Says <who>?")), Answer.REFUSED, "refused", 0),
    (answering(200, error("x" * 61)), Answer.REFUSED, "refused", 0),
    (answering(200, error(["ratelimited"])), Answer.REFUSED, "refused", 0),
    (answering(200, {"ok": False}, Retry_After="7"), Answer.REFUSED, "refused", 0),
    (answering(200, error("ratelimited")), Answer.NOT_ACCEPTED, "ratelimited", 0),
    (
        answering(200, error("rate_limited"), Retry_After="3"),
        Answer.NOT_ACCEPTED,
        "rate_limited",
        3000,
    ),
    (answering(200, error("internal_error")), Answer.UNKNOWN, "internal_error", 0),
    (answering(200, error("fatal_error")), Answer.UNKNOWN, "fatal_error", 0),
    (answering(200, error("request_timeout")), Answer.UNKNOWN, "request_timeout", 0),
    (answering(200, error("service_unavailable")), Answer.UNKNOWN, "service_unavailable", 0),
    (answering(200, "<not json>"), Answer.UNKNOWN, "unreadable", 0),
    (answering(200, {"ok": "true"}), Answer.UNKNOWN, "unreadable", 0),
    (answering(429, error("ratelimited"), Retry_After="7"), Answer.NOT_ACCEPTED, "http_429", 7000),
    (answering(429, "slow down"), Answer.NOT_ACCEPTED, "http_429", 0),
    (answering(500, error("channel_not_found")), Answer.UNKNOWN, "http_500", 0),
    (answering(503, "<html>", Retry_After="7"), Answer.UNKNOWN, "http_503", 0),
    (answering(408, ""), Answer.UNKNOWN, "http_408", 0),
    (answering(400, TAKEN), Answer.REFUSED, "http_400", 0),
    (answering(302, "", Location="http://elsewhere.example"), Answer.REFUSED, "http_302", 0),
    (hang_up, Answer.UNKNOWN, "ServerDisconnectedError", 0),
]


@pytest.mark.parametrize(("handler", "answer", "reason", "retry_after_ms"), ANSWERS)
async def test_what_an_answer_means(
    slack: Provider,
    sender: SlackSender,
    handler: Handler,
    answer: Answer,
    reason: str,
    retry_after_ms: int,
) -> None:
    slack.handler = handler
    report = await sender.send(WRITTEN, workspace())
    assert (report.answer, report.reason) == (answer, reason)
    assert (report.retry_after_ms, report.provider_message_id) == (retry_after_ms, "")
    assert len(slack.requests) == 1


async def test_nobody_listening_is_certainly_not_accepted() -> None:
    (port,) = free_ports(1)
    async with aiohttp.ClientSession() as session:
        context = SendingContext(session, PUBLIC_URL, {"slack": f"http://127.0.0.1:{port}"})
        report = await SlackSender(context).send(WRITTEN, workspace())
    assert report.answer is Answer.NOT_ACCEPTED


async def test_silence_is_unknown(
    slack: Provider, monkeypatch: pytest.MonkeyPatch, sender: SlackSender
) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    slack.handler = silent
    monkeypatch.setattr(slack_sender, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    assert (await sender.send(WRITTEN, workspace())).answer is Answer.UNKNOWN
    looked_up = await sender.look_up(WRITTEN, workspace(), known_ids=frozenset())
    assert looked_up.sighting is Sighting.UNAVAILABLE


def listed(message_id: object = "d-1", **changes: Any) -> dict[str, Any]:
    """A message as Slack lists it with its metadata."""
    metadata = {
        "event_type": "switchboard_message",
        "event_payload": {"message_id": message_id},
    }
    return {"type": "message", "ts": OUT_TS, "text": "…", "metadata": metadata} | changes


def history(*messages: object, **changes: Any) -> Handler:
    """The answer to the second question."""
    return answering(200, {"ok": True, "messages": list(messages), "has_more": False} | changes)


def telling(opened: Handler, then: Handler) -> Handler:
    """Each of the two questions of a look-up has its own answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        handlers = {"/api/conversations.open": opened, "/api/conversations.history": then}
        return await handlers[request.path](request)

    return answer


async def test_a_look_up_asks_for_the_direct_messages_since_the_attempt(
    slack: Provider, sender: SlackSender
) -> None:
    slack.handler = telling(OPENED, history(listed()))
    report = await sender.look_up(WRITTEN, workspace(), known_ids=frozenset())
    assert (report.message_id, report.lookup) == ("d-1", 1)
    opening, listing = slack.requests
    assert (opening.method, opening.path) == ("POST", "/api/conversations.open")
    assert orjson.loads(slack.bodies[0]) == {"users": USER}
    assert (listing.method, listing.path) == ("GET", "/api/conversations.history")
    assert dict(listing.query) == {
        "channel": CONVERSATION,
        "oldest": f"{NOW_S - 30}.000000",
        "include_all_metadata": "true",
        "limit": "50",
    }
    tokens = {request.headers["authorization"] for request in slack.requests}
    assert tokens == {"Bearer the-bot-token"}


OTHERS: list[object] = [
    listed("d-2", text=WRITTEN.text),
    listed(7),
    listed(metadata=None),
    listed(metadata={"event_payload": "d-1"}),
    {"text": WRITTEN.text},
    "d-1",
]
SIGHTINGS = [
    (history(listed()), Sighting.FOUND),
    (history(*OTHERS, listed()), Sighting.FOUND),
    (history(listed(), has_more=True), Sighting.FOUND),
    (history(*OTHERS), Sighting.ABSENT),
    (history(), Sighting.ABSENT),
    (answering(200, {"ok": True, "messages": []}), Sighting.ABSENT),
    (history(*OTHERS, has_more=True), Sighting.UNAVAILABLE),  # it may be among the rest
]


@pytest.mark.parametrize(("then", "sighting"), SIGHTINGS)
async def test_a_message_is_recognised_by_our_id_alone(
    slack: Provider, sender: SlackSender, then: Handler, sighting: Sighting
) -> None:
    slack.handler = telling(OPENED, then)
    report = await sender.look_up(WRITTEN, workspace(), known_ids=frozenset())
    found = f"{CONVERSATION}/{OUT_TS}" if sighting is Sighting.FOUND else ""
    assert (report.sighting, report.provider_message_id) == (sighting, found)


NO_ANSWERS = [
    answering(500),
    answering(429, error("ratelimited")),
    answering(401, {"ok": True, "messages": []}),
    answering(200, error("missing_scope")),
    answering(200, {"ok": True}),
    answering(200, {"ok": True, "channel": CONVERSATION, "messages": {"0": "d-1"}}),
    answering(200, {"messages": [], "channel": {"id": CONVERSATION}}),
    answering(200, "<html>"),
    hang_up,
]


@pytest.mark.parametrize("handler", NO_ANSWERS)
async def test_what_is_no_list_has_shown_nothing(
    slack: Provider, sender: SlackSender, handler: Handler
) -> None:
    slack.handler = telling(OPENED, handler)
    report = await sender.look_up(WRITTEN, workspace(), known_ids=frozenset())
    assert report.sighting is Sighting.UNAVAILABLE
    assert slack.requests[-1].path == "/api/conversations.history"


@pytest.mark.parametrize("handler", NO_ANSWERS)
async def test_without_the_conversation_there_is_nowhere_to_look(
    slack: Provider, sender: SlackSender, handler: Handler
) -> None:
    slack.handler = telling(handler, history(listed()))
    report = await sender.look_up(WRITTEN, workspace(), known_ids=frozenset())
    assert report.sighting is Sighting.UNAVAILABLE
    assert len(slack.requests) == 1
