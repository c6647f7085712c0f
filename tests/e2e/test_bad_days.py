"""Poison, Kafka away, and planted losses: the stack says what it should, and goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from local import credentials, jsonl
from local.endpoints import SMS_ACCOUNT, SMS_NUMBER
from local.ledgerbook import Book, now_ms
from local.simulator.signature import HEADER, sign
from local.verify.ledgers import PROVIDER, SeenOffer, Sent
from tests.e2e.conftest import Result, Stack
from tests.support.waiting import until_now

NOT_NOW_WITHIN_S = 3.5


async def post(stack: Stack, form: dict[str, str]) -> tuple[int, str, float]:
    """Post an SMS webhook: status, Retry-After, seconds it took."""
    url = f"{stack.state.http('intake')[0]}/webhooks/twilio/{SMS_ACCOUNT}"
    token = credentials.load(stack.home).twilio_auth_token
    headers = {HEADER: sign(token=token, url=url, form=form)}
    began_s = time.monotonic()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status, answer.headers.get("Retry-After", ""), time.monotonic() - began_s


def sms(message_id: str) -> dict[str, str]:
    return {
        "MessageSid": message_id,
        "From": "+15556660001",
        "To": SMS_NUMBER,
        "Body": "Is anybody there?",
        "AccountSid": "AC0",
        "NumMedia": "0",
    }


@contextmanager
def frozen(stack: Stack, service: str) -> Iterator[None]:
    """Stop a process's clock, not its life."""
    pid = stack.state.of(service)[0].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_kafka_away_is_answered_with_not_now_and_repeats_count_once(
    stack: Stack, demo: Result
) -> None:
    form = sms(f"SM{uuid.uuid4().hex}")
    with frozen(stack, "kafka"):
        status, retry_after, seconds = asyncio.run(post(stack, form))
    assert (status, bool(retry_after)) == (503, True)
    assert seconds < NOT_NOW_WITHIN_S
    until_now(
        lambda: asyncio.run(post(stack, form))[0] == 200, what="the door to open", deadline_s=60
    )
    assert asyncio.run(post(stack, form))[0] == 200
    book = Book(stack.home.ledgers)
    sent = Sent("twilio", SMS_ACCOUNT, form["MessageSid"], "accepted", now_ms())
    book.sent(sent)
    book.close()
    verified = stack.run("verify", "-o", "json")
    assert verified.status == 0, verified.out


def test_a_poison_record_is_set_aside_and_its_partition_goes_on(stack: Stack, demo: Result) -> None:
    asyncio.run(produce(stack, "intake.inputs.v1", b"\xff\xff not a message"))
    [letter] = until_now(lambda: stack.run("dlq", "list", "-o", "json").json, what="a letter")
    assert letter["processor"] == "intake.threader"
    assert "DecodeError" in letter["error"]
    shown = stack.run("dlq", "show", letter["id"], "-o", "json").json
    assert "record" not in shown
    assert stack.run("dlq", "replay", letter["id"]).status == 1
    assert stack.run("dlq", "discard", letter["id"], "--reason", "test").status == 0
    assert stack.run("dlq", "list", "-o", "json").json == []


def test_verify_finds_what_is_planted(stack: Stack, demo: Result) -> None:
    with planted(stack):
        found = stack.run("verify", "-o", "json")
    assert found.status == 1
    document = found.json
    assert (document["lost"], document["doubled"], document["violations"]) == (1, 1, 1)
    assert {each["what"] for each in document["findings"] if each["kind"] != "uncertain"} == {
        "message",
        "effect",
        "unknown offer",
    }


@contextmanager
def planted(stack: Stack) -> Iterator[None]:
    """Write a 2xx nobody gave, an effect that happened twice, an offer nobody made."""
    folder = stack.home.ledgers
    before = {path: path.read_bytes() for path in folder.iterdir()}
    book = Book(folder)
    book.sent(Sent("twilio", SMS_ACCOUNT, "SMnever", "accepted", 1))
    book.agent(SeenOffer("ghost", "w", "c", "agent-001", 1))
    book.close()
    effect = next(each for each in jsonl.read(folder / PROVIDER) if each["kind"] == "accepted")
    again = jsonl.Ledger(folder / PROVIDER)
    again.append(effect | {"sid": "SMagain"})
    again.close()
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


async def produce(stack: Stack, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stack.state.kafka_bootstrap) as producer:
        await producer.send_and_wait(topic, value, key=b"poison")


@pytest.mark.parametrize(
    ("change", "status"), [("signature", 401), ("body", 400), ("account", 404)]
)
def test_doors_refuse_what_they_should(
    stack: Stack, demo: Result, change: str, status: int
) -> None:
    url = f"{stack.state.http('intake')[0]}/webhooks/twilio/{SMS_ACCOUNT}"
    token = credentials.load(stack.home).twilio_auth_token
    form = {} if change == "body" else sms("SMrefused")
    if change == "account":
        url = url.replace(SMS_ACCOUNT, "nobody")
    signature = sign(token="wrong" if change == "signature" else token, url=url, form=form)

    async def knock() -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=form, headers={HEADER: signature}) as answer,
        ):
            return answer.status

    assert asyncio.run(knock()) == status
