"""The survey's page: what a customer sees, what a mail scanner does, what a stranger gets."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from switchboard.feedback.v1 import model_pb2 as model
from switchboard.intake.v1 import model_pb2 as intake

from tests.component.feedback.customers import Asked, asked, now_ms
from tests.support.conversations import TOPIC
from tests.support.served import Served
from tests.support.stack import Kafka
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = {"content-type": "application/x-www-form-urlencoded"}
SENT, ANSWERED = model.SURVEY_STATE_SENT, model.SURVEY_STATE_ANSWERED


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser."""
    async with aiohttp.ClientSession() as session:
        yield session


async def fetched(
    http: aiohttp.ClientSession, method: str, url: str, **options: object
) -> tuple[int, str]:
    async with http.request(method, url, **options) as response:  # type: ignore[arg-type] # aiohttp's own options
        return response.status, await response.text()


async def test_the_page_asks_in_the_customers_language(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback, language="de-CH")
    status, page = await fetched(http, "GET", customer.url)
    assert status == 200
    assert '<html lang="de" dir="ltr">' in page
    assert "Wie zufrieden sind Sie mit unserem Service?" in page
    assert len(re.findall(r'type="radio" name="score"', page)) == 5
    assert "<script" not in page


async def test_the_page_may_not_be_kept_indexed_framed_or_passed_on(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    async with http.get(customer.url) as response:
        given = response.headers
    assert given["cache-control"] == "no-store"
    assert given["referrer-policy"] == "no-referrer"
    assert "noindex" in given["x-robots-tag"]
    assert "frame-ancestors 'none'" in given["content-security-policy"]


async def test_row_28_opening_the_link_records_nothing(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    for method in ("HEAD", "GET", "GET", "OPTIONS"):
        await fetched(http, method, customer.url)
        await fetched(http, method, customer.url + "?score=1")
    assert (await customer.survey()).state == SENT


async def test_a_form_is_recorded_and_thanked_for(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback, language="fr")
    form = {"score": "5", "comment": "Très <b>bien</b>\r\nmerci", "request_id": str(uuid4())}
    status, page = await fetched(http, "POST", customer.url, data=form)
    survey = await customer.survey()
    assert (status, survey.state, survey.score) == (200, ANSWERED, 5)
    assert "Merci pour votre réponse." in page
    assert survey.comment == "Très <b>bien</b>\nmerci"
    await customer.says("scheduled", "sent", "answered")


async def test_a_form_sent_twice_is_one_answer_and_thanked_for_twice(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    form = {"score": "4", "request_id": str(uuid4())}
    first = await fetched(http, "POST", customer.url, data=form)
    second = await fetched(http, "POST", customer.url, data=form)
    assert first == second
    assert first[0] == 200
    await customer.says("scheduled", "sent", "answered")


async def test_intake_is_told_of_an_answer_once_and_without_cards(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    comment = "Refund it to 4242 4242 4242 4242"
    form = {"score": "2", "comment": comment, "request_id": str(uuid4())}
    for _ in range(2):
        assert (await fetched(http, "POST", customer.url, data=form))[0] == 200
    [told] = await until(customer.told, what="the answer in intake's mailbox")
    survey = await customer.survey()
    assert (told.survey_id, told.conversation_id) == (survey.survey_id, survey.conversation_id)
    assert (told.kind, told.score) == (intake.FEEDBACK_KIND_CSAT, 2)
    assert (told.score_min, told.score_max) == (1, 5)
    assert told.comment == survey.comment == "Refund it to •••• •••• •••• 4242"
    assert told.answered_at_ms == survey.answered_at_ms
    for topic, key in (
        ("feedback.inputs.v1", survey.conversation_id),
        ("feedback.events.v1", survey.conversation_id),
        ("intake.inputs.v1", customer.home_id),
    ):
        assert not [value for value in await feedback.read(topic, key) if b"4242 4242" in value]


async def test_of_a_hundred_answers_at_once_one_is_taken(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    answers = [
        fetched(http, "POST", customer.url, json={"score": 3 + number % 3}) for number in range(100)
    ]
    statuses = Counter(status for status, _ in await asyncio.gather(*answers))
    assert statuses == {200: 1, 404: 99}
    await customer.says("scheduled", "sent", "answered")


async def test_a_bad_answer_opens_a_recovery(feedback: Served, http: aiohttp.ClientSession) -> None:
    customer = await asked(feedback)
    status, text = await fetched(http, "POST", customer.url, json={"score": 1})
    assert (status, text) == (200, '{"status":"recorded"}')
    await customer.says("scheduled", "sent", "answered", "recovery_opened")
    assert (await customer.survey()).recovery


async def reopen(customer: Asked) -> None:
    thread = customer.thread
    event = thread.reopened(now_ms())
    await customer.feedback.publish(TOPIC, thread.conversation_id, event)
    await customer.becomes(model.SURVEY_STATE_CANCELLED)


async def test_every_bad_link_gets_one_and_the_same_answer(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    used, reopened, good = [await asked(feedback) for _ in range(3)]
    await fetched(http, "POST", used.url, json={"score": 5})
    await reopen(reopened)
    flipped = good.url[:-1] + ("A" if good.url[-1] != "A" else "B")
    bad = {
        "used": used.url,
        "withdrawn": reopened.url,
        "changed": flipped,
        "cut": good.url[:-4],
        "made up": f"{feedback.http_url}/s/{'x' * 56}",
        "not a token": f"{feedback.http_url}/s/hello",
    }
    shown = {await fetched(http, "GET", url) for url in bad.values()}
    posted = {await fetched(http, "POST", url, data={"score": "1"}) for url in bad.values()}
    assert len(shown | posted) == 1
    assert next(iter(shown))[0] == 404
    assert (await good.survey()).state == SENT


BAD_BODIES = {
    "no score": (b"comment=hello", FORM),
    "score 0": (b"score=0", FORM),
    "score 6": (b"score=6", FORM),
    "a word": (b"score=five", FORM),
    "a huge number": (b"score=" + b"9" * 5000, FORM),
    "another digit": ("score=\u0665".encode(), FORM),
    "no body": (b"", FORM),
    "not UTF-8": (b"score=5&comment=\xff\xfe", FORM),
    "NUL": (b"score=5&comment=a%00b", FORM),
    "a novel": (b"score=5&comment=" + b"x" * 2001, FORM),
    "no UUID": (b"score=5&request_id=1", FORM),
    "too many fields": (b"&".join(b"a=1" for _ in range(99)), FORM),
    "broken JSON": (b'{"score": 5', {"content-type": "application/json"}),
    "a JSON list": (b"[5]", {"content-type": "application/json"}),
    "true": (b'{"score": true}', {"content-type": "application/json"}),
    "a deep JSON": (b"[" * 9000, {"content-type": "application/json"}),
    "a number as comment": (b'{"score":5,"comment":7}', {"content-type": "application/json"}),
}


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_a_malformed_answer_is_told_so_and_recorded_nowhere(
    feedback: Served, http: aiohttp.ClientSession, case: str
) -> None:
    customer = await asked(feedback)
    body, headers = BAD_BODIES[case]
    status, text = await fetched(http, "POST", customer.url, data=body, headers=headers)
    assert status == 400
    assert "alert" in text or '"reason"' in text
    assert (await customer.survey()).state == SENT


async def test_a_body_that_is_too_large_is_refused(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    body = b"score=5&comment=" + b"x" * 20_000
    status, _ = await fetched(http, "POST", customer.url, data=body, headers=FORM)
    assert status == 413
    assert (await customer.survey()).state == SENT


async def test_what_a_customer_typed_comes_back_as_text_never_as_markup(
    feedback: Served, http: aiohttp.ClientSession
) -> None:
    customer = await asked(feedback)
    form = {"comment": "</textarea><script>alert(1)</script>"}
    status, page = await fetched(http, "POST", customer.url, data=form)
    assert status == 400
    assert "<script>" not in page
    assert "&lt;/textarea&gt;&lt;script&gt;" in page


async def test_while_kafka_is_away_the_form_comes_back_and_may_be_sent_again(
    feedback: Served, http: aiohttp.ClientSession, broker: Kafka
) -> None:
    customer = await asked(feedback)
    form = {"score": "2", "comment": "Slow", "request_id": str(uuid4())}
    broker.server.kill()
    began = time.monotonic()
    async with http.post(customer.url, data=form) as response:
        page, seconds = await response.text(), time.monotonic() - began
        assert (response.status, response.headers["retry-after"]) == (503, "2")
    assert seconds < 3
    assert form["request_id"] in page
    assert "Slow</textarea>" in page
    await asyncio.to_thread(broker.server.start)

    async def sent_again() -> bool:
        return (await fetched(http, "POST", customer.url, data=form))[0] == 200

    await until(sent_again, what="the answer after the outage", deadline_s=60)
    assert (await customer.survey()).score == 2
    await customer.says("scheduled", "sent", "answered", "recovery_opened")
