"""What all ways out have in common: limits before the call, and what its end shows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.intake.core.delivery.commands import Answer, Contact
from services.intake.core.model import Attachment, Kind
from services.intake.core.sms import Encoding, Length
from tests.component.intake.provider import Handler, answering, hang_up
from tests.component.intake.senders import WAYS, Called, calling
from tests.unit.intake.given import HOUR_MS

DAY_MS = 24 * HOUR_MS
ELSEWHERE = Attachment("a-1", "x.pdf", "application/pdf", 8, "https://elsewhere.example/x.pdf")


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
async def called(request: Any) -> AsyncIterator[Called]:
    async with calling(request.param) as called:
        yield called


def ago(passed_ms: int) -> int:
    """When that was."""
    return time.time_ns() // 1_000_000 - passed_ms


LONGEST = {
    "twilio": ["x" * 1600, "🎉" * 800],
    "whatsapp": ["x" * 4096],
    "messenger": ["x" * 2000],
    "telegram": ["x" * 4096],
    "line": ["x" * 5000, "🎉" * 2500],
    "slack": ["x" * 40_000, "&" * 8_000],
}
"""Slack is sent `&amp;` for `&`; Twilio and LINE count what is beyond the BMP twice."""
TEXTS = [(name, text) for name, texts in LONGEST.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), TEXTS)
async def test_the_longest_text_goes_out_and_a_longer_one_costs_no_call(
    name: str, text: str
) -> None:
    async with calling(WAYS[name]) as called:
        assert (await called.send(text=text)).answer is Answer.ACCEPTED
        report = await called.send(text=text + "x")
        assert (report.answer, report.reason) == (Answer.REFUSED, "text_too_long")
        assert report.contact is Contact.NOT_CALLED
        assert len(called.provider.requests) == 1


async def test_a_file_that_nobody_can_fetch_costs_no_call(called: Called) -> None:
    report = await called.send(attachments=(ELSEWHERE,))
    assert (report.answer, report.reason) == (Answer.REFUSED, "attachment_unavailable")
    assert report.contact is Contact.NOT_CALLED
    assert called.provider.requests == []


CONTACTS = [
    (answering(200, {"ok": True, "channel": "D1", "ts": "1.0"}), Contact.ANSWERED),
    (answering(403, {}), Contact.ANSWERED),
    (answering(429, {}), Contact.THROTTLED),
    (answering(429, {}, Retry_After="7"), Contact.THROTTLED),
    (answering(500, {}), Contact.UNREACHABLE),
    (answering(503, {}), Contact.UNREACHABLE),
    (answering(408, {}), Contact.UNREACHABLE),
    (hang_up, Contact.UNREACHABLE),
]


@pytest.mark.parametrize(("handler", "contact"), CONTACTS)
async def test_the_end_of_a_call_shows_how_the_provider_does(
    called: Called, handler: Handler, contact: Contact
) -> None:
    called.provider.handler = handler
    assert (await called.send()).contact is contact


LIMITS: list[tuple[str, Handler, Contact]] = [
    ("twilio", answering(503, {}, Retry_After="2"), Contact.THROTTLED),
    ("line", answering(503, {}, Retry_After="2"), Contact.THROTTLED),
    ("whatsapp", answering(400, {"error": {"code": 130429}}), Contact.THROTTLED),
    ("whatsapp", answering(400, {"error": {"code": 131048}}), Contact.THROTTLED),
    ("whatsapp", answering(400, {"error": {"code": 131056}}), Contact.ANSWERED),  # one recipient's
    ("messenger", answering(400, {"error": {"code": 613}}), Contact.THROTTLED),
    ("slack", answering(200, {"ok": False, "error": "ratelimited"}), Contact.THROTTLED),
    ("slack", answering(200, {"ok": False, "error": "internal_error"}), Contact.UNREACHABLE),
    ("slack", answering(200, {"ok": False, "error": "channel_not_found"}), Contact.ANSWERED),
    ("slack", answering(200, "<html>"), Contact.UNREACHABLE),
    ("telegram", answering(200, "<html>"), Contact.UNREACHABLE),
]


@pytest.mark.parametrize(("name", "handler", "contact"), LIMITS)
async def test_a_limit_in_a_providers_own_words_is_one(
    name: str, handler: Handler, contact: Contact
) -> None:
    async with calling(WAYS[name]) as called:
        called.provider.handler = handler
        assert (await called.send()).contact is contact


async def test_segments_are_counted_once_twilio_has_taken_the_text() -> None:
    async with calling(WAYS["twilio"]) as called:
        await called.send(text="я" * 71)
        called.provider.handler = answering(400, {"code": 21610})
        await called.send(text="Hello?")
        assert called.provider.counted == [Length(Encoding.UCS2, 71, 2)]


# windows


@pytest.mark.parametrize("name", ["whatsapp", "messenger"])
@pytest.mark.parametrize("passed_ms", [0, DAY_MS - 60_000])
async def test_within_a_day_all_may_be_said(name: str, passed_ms: int) -> None:
    async with calling(WAYS[name]) as called:
        report = await called.send(kind=Kind.SURVEY, last_inbound_at_ms=ago(passed_ms))
        assert report.answer is Answer.ACCEPTED
        assert called.asked.get("messaging_type", "RESPONSE") == "RESPONSE"


@pytest.mark.parametrize("name", ["whatsapp", "messenger"])
async def test_after_a_day_nothing_is_said_and_no_call_is_made(name: str) -> None:
    async with calling(WAYS[name]) as called:
        report = await called.send(last_inbound_at_ms=ago(DAY_MS))
        assert (report.answer, report.reason) == (Answer.REFUSED, "outside_window")
        assert report.contact is Contact.NOT_CALLED
        assert called.provider.requests == []


@pytest.mark.parametrize("name", ["twilio", "telegram", "line", "slack"])
async def test_the_other_channels_have_no_window(name: str) -> None:
    async with calling(WAYS[name]) as called:
        report = await called.send(last_inbound_at_ms=ago(100 * DAY_MS))
        assert report.answer is Answer.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "days", "tagged"),
    [(Kind.REPLY, 6, True), (Kind.REPLY, 7, False), (Kind.SURVEY, 6, False)],
)
async def test_what_a_person_writes_goes_to_messenger_for_a_week_where_meta_lets_it(
    kind: Kind, days: int, tagged: bool
) -> None:
    async with calling(WAYS["messenger"].with_settings(human_agent="true")) as called:
        report = await called.send(kind=kind, last_inbound_at_ms=ago(days * DAY_MS))
        assert report.reason == ("" if tagged else "outside_window")
        if tagged:
            assert called.asked["messaging_type"] == "MESSAGE_TAG"
            assert called.asked["tag"] == "HUMAN_AGENT"


TEMPLATED = WAYS["whatsapp"].with_settings(template_name="answer", template_language="de_DE")


async def test_after_a_day_whatsapp_gets_the_accounts_template() -> None:
    async with calling(TEMPLATED) as called:
        report = await called.send(text="It is on\n\nits  way.\t", last_inbound_at_ms=ago(DAY_MS))
        assert report.answer is Answer.ACCEPTED
        asked = called.asked
        assert (asked["type"], asked["biz_opaque_callback_data"]) == ("template", "d-1")
        assert asked["template"] == {
            "name": "answer",
            "language": {"code": "de_DE"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "It is on its way."}]}
            ],
        }


async def test_a_template_takes_less_text() -> None:
    async with calling(TEMPLATED) as called:
        report = await called.send(text="x" * 1025, last_inbound_at_ms=ago(DAY_MS))
        assert (report.answer, report.reason) == (Answer.REFUSED, "text_too_long")
        assert called.provider.requests == []


@pytest.mark.parametrize(
    ("template", "passed_ms", "used"),
    [
        ("", None, None),  # nobody knows whether the window is open: Meta does
        ("survey", None, "survey"),
        ("survey", DAY_MS, "survey"),
        ("survey", 0, None),
        ("", DAY_MS, "answer"),
    ],
)
async def test_a_message_may_name_its_template(
    template: str, passed_ms: int | None, used: str | None
) -> None:
    async with calling(TEMPLATED) as called:
        wrote_ms = 0 if passed_ms is None else ago(passed_ms)
        await called.send(template=template, last_inbound_at_ms=wrote_ms)
        assert called.asked.get("template", {}).get("name") == used


async def test_a_template_without_a_language_is_in_the_accounts() -> None:
    async with calling(WAYS["whatsapp"].with_settings(template_name="answer")) as called:
        await called.send(last_inbound_at_ms=ago(DAY_MS))
        assert called.asked["template"]["language"] == {"code": "de"}
