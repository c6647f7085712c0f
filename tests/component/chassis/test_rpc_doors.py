"""Errors, validation, deadlines and the drain look the same through both doors."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.rpc.methods import describe
from tests.component.chassis.conftest import MESSAGE_BYTES, House
from tests.support import echo
from tests.support.doors import Reply, ended
from tests.support.waiting import until

METHODS = {name: describe(method) for name, method in echo.METHODS.items()}
DOORS = ("grpc", "connect")
KINDS = ("Say", "Collect", "Watch", "Talk")
pytestmark = pytest.mark.parametrize("door", DOORS)


async def ask(house: House, door: str, kind: str, *asks: Any, seconds: float = 10) -> Reply:
    token = house.issuer.token()
    return await house.door(door).call(METHODS[kind], *asks, token=token, seconds=seconds)


async def test_application_errors_carry_their_details(house: House, door: str) -> None:
    for kind in KINDS:
        reply = await ask(house, door, kind, echo.Ask(word="missing", count=1))
        assert (reply.code, reply.text) == ("NOT_FOUND", "no such word")
        info = reply.details["ErrorInfo"]
        assert (info.reason, info.domain, dict(info.metadata)) == (
            "WORD_MISSING",
            "switchboard",
            {"word": "missing"},
        )


async def test_retry_info_says_when_to_come_back(house: House, door: str) -> None:
    for kind in KINDS:
        reply = await ask(house, door, kind, echo.Ask(word="busy", count=1))
        assert reply.code == "UNAVAILABLE"
        assert reply.details["RetryInfo"].retry_delay.ToMilliseconds() == 1500


@pytest.mark.parametrize(
    ("word", "code"),
    [("crash", "INTERNAL"), ("away", "UNAVAILABLE"), ("both", "FAILED_PRECONDITION")],
)
async def test_other_errors_are_translated_without_their_text(
    house: House, door: str, word: str, code: str
) -> None:
    for kind in KINDS:
        reply = await ask(house, door, kind, echo.Ask(word=word, count=1))
        assert (kind, reply.code) == (kind, code)
        assert "secret" not in reply.text
        assert "postgres" not in reply.text


@pytest.mark.parametrize("kind", KINDS)
async def test_validation_names_the_fields(house: House, door: str, kind: str) -> None:
    bad = echo.Ask(parts=[echo.Part(text="fine"), echo.Part(code="x")], count=1)
    reply = await ask(house, door, kind, bad)
    assert reply.code == "INVALID_ARGUMENT"
    found = {item.field: item.reason for item in reply.details["BadRequest"].field_violations}
    assert found == {"word": "string.min_len", "parts[1].code": "string.min_len"}
    assert house.echo.heard == []


@pytest.mark.parametrize("kind", ["Collect", "Talk"])
async def test_every_message_of_a_stream_is_validated(house: House, door: str, kind: str) -> None:
    asks = (echo.Ask(word="one"), echo.Ask(word="two"), echo.Ask(word=""))
    reply = await ask(house, door, kind, *asks)
    assert reply.code == "INVALID_ARGUMENT"
    assert house.echo.heard == (["one", "two"] if kind == "Talk" else [])


@pytest.mark.parametrize("kind", ["Planned", "PlannedWatch"])
async def test_what_is_not_built_yet_says_so(house: House, door: str, kind: str) -> None:
    assert (await ask(house, door, kind, echo.Ask(word="x"))).code == "UNIMPLEMENTED"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_callers_deadline_ends_the_work(house: House, door: str, kind: str) -> None:
    reply = await ask(house, door, kind, echo.Ask(word="wait", count=0), seconds=0.3)
    assert reply.code == "DEADLINE_EXCEEDED"
    await until(house.echo.ended.is_set, what="the servicer is stopped")
    await until(
        lambda: 'grpc_code="DEADLINE_EXCEEDED"' in metrics(house), what="counted as a deadline"
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_too_large_a_message_is_refused(house: House, door: str, kind: str) -> None:
    large = echo.Ask(word="x", part=echo.Part(text="y" * (MESSAGE_BYTES + 1)), count=1)
    assert (await ask(house, door, kind, large)).code == "RESOURCE_EXHAUSTED"
    assert "x" not in house.echo.heard


async def test_a_stream_may_be_longer_than_one_message_may_be(house: House, door: str) -> None:
    asks = [echo.Ask(word="x", part=echo.Part(text="y" * 30_000)) for _ in range(6)]
    assert len((await ask(house, door, "Talk", *asks)).messages) == 6


async def test_a_drain_ends_streams_at_once_and_unary_calls_finish(house: House, door: str) -> None:
    watch = asyncio.ensure_future(ask(house, door, "Watch", echo.Ask(word="hold", count=1)))
    await until(house.echo.waiting.is_set, what="the stream waits")
    house.process.health.drain()
    reply = await watch
    assert (reply.code, len(reply.messages)) == ("UNAVAILABLE", 1)
    assert (await ask(house, door, "Watch", echo.Ask(word="again"))).code == "UNAVAILABLE"
    assert (await ask(house, door, "Say", echo.Ask(word="last"))).code == "OK"


async def test_calls_are_counted_and_timed(house: House, door: str) -> None:
    await ask(house, door, "Watch", echo.Ask(word="x", count=3))
    await ask(house, door, "Watch", echo.Ask(word="missing", count=1))
    text = metrics(house)
    method = f'grpc_method="Watch",grpc_service="{echo.NAME}",grpc_type="server_stream"'
    assert f"grpc_server_started_total{{{method}}} 2.0" in text
    assert f"grpc_server_msg_sent_total{{{method}}} 3.0" in text
    assert re.search(r'grpc_server_handled_total{grpc_code="NOT_FOUND",.*"Watch".*} 1\.0', text)
    assert f"grpc_server_handling_seconds_count{{{method}}} 2.0" in text


def metrics(house: House) -> str:
    return house.process.catalogue.exposition()[0].decode()


async def test_health_by_name_follows_readiness(house: House, door: str) -> None:
    del door  # health is served over gRPC alone
    stub = health_pb2_grpc.HealthStub(house.grpc.channel)

    async def status(name: str) -> int:
        found = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        return int(found.status)

    async def become(expected: int) -> None:
        async def all_are() -> bool:
            return {await status(name) for name in ("", "readiness", echo.NAME)} == {expected}

        await until(all_are, what="health follows")

    serving = health_pb2.HealthCheckResponse.SERVING
    not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
    for reason, expected in (("", serving), ("kafka is away", not_serving), ("", serving)):
        house.process.health.failing("bus", reason)
        await become(expected)
        assert await status("liveness") == serving
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await status("unknown")


async def test_reflection_is_off(house: House, door: str) -> None:
    del door  # reflection exists over gRPC alone
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    call: Any = house.grpc.channel.stream_stream(path)()
    await call.done_writing()
    assert await ended(call) is grpc.StatusCode.UNIMPLEMENTED


async def test_a_browser_of_another_origin_gets_no_permission(house: House, door: str) -> None:
    del door  # CORS exists over HTTP alone
    url = f"http://127.0.0.1:{house.http.port}/{echo.NAME}/Say"
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    async with aiohttp.ClientSession() as session, session.options(url, headers=headers) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
