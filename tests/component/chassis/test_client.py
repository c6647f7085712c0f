"""The channel policy: calls are spread, follow health, and survive a replica's graceful stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr

from services.chassis.health import DRAINING
from services.chassis.process import Process
from services.chassis.rpc import client
from services.chassis.rpc.server import GrpcServer
from services.chassis.settings import ServiceSettings
from services.chassis.telemetry import tracing
from tests.support import echo, tokens
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.waiting import until


class Replica:
    """One gRPC server of two behind the same name."""

    def __init__(self, jwks: Path) -> None:
        settings = ServiceSettings(
            kafka_bootstrap="unused:1",
            postgres_dsn=SecretStr("unused"),
            auth_issuer=ISSUER,
            auth_audience=AUDIENCE,
            auth_jwks=str(jwks),
        )
        self.process = Process("echo", settings)
        self.echo = echo.Echo()
        self.server: GrpcServer = self.process.doors([echo.service(self.echo)])[0]

    async def start(self) -> None:
        await self.server.start()
        self.process.health.passing(DRAINING)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def replicas(tmp_path: Path, issuer: Issuer) -> AsyncIterator[list[Replica]]:
    (tmp_path / "jwks.json").write_bytes(tokens.jwks(issuer))
    found = [Replica(tmp_path / "jwks.json") for _ in range(2)]
    for replica in found:
        await replica.start()
    yield found
    for replica in found:
        await replica.server.stop()


async def say(channel: grpc.aio.Channel, token: str, count: int) -> Counter[str]:
    """Call `count` times in a row; gives how the calls ended."""
    rpc = channel.unary_unary(
        f"/{echo.NAME}/Say",
        request_serializer=echo.Ask.SerializeToString,
        response_deserializer=echo.Answer.FromString,
    )
    ends: Counter[str] = Counter()
    for _ in range(count):
        try:
            await rpc(echo.Ask(word="x"), metadata=client.metadata(token), timeout=10)
            ends["OK"] += 1
        except grpc.aio.AioRpcError as error:
            ends[error.code().name] += 1
    return ends


async def test_calls_are_spread_and_follow_health(replicas: list[Replica], issuer: Issuer) -> None:
    target = "ipv4:" + ",".join(f"127.0.0.1:{replica.server.port}" for replica in replicas)
    first, second = replicas
    token = issuer.token()
    async with client.channel(target) as channel:

        async def both_hear() -> bool:
            assert await say(channel, token, 10) == {"OK": 10}
            return bool(first.echo.heard and second.echo.heard)

        await until(both_hear, what="both replicas answer")
        first.process.health.failing("bus", "kafka is away")

        async def only_second_hears() -> bool:
            first.echo.heard.clear()
            assert await say(channel, token, 10) == {"OK": 10}
            return not first.echo.heard

        await until(only_second_hears, what="traffic leaves the replica that is not ready")
        first.process.health.failing("bus", "")
        await until(both_hear, what="traffic comes back")


async def test_a_graceful_stop_fails_no_call(replicas: list[Replica], issuer: Issuer) -> None:
    target = "ipv4:" + ",".join(f"127.0.0.1:{replica.server.port}" for replica in replicas)
    first, second = replicas
    async with client.channel(target) as channel:
        calling = asyncio.ensure_future(say(channel, issuer.token(), 300))
        await until(lambda: len(first.echo.heard) > 20, what="both replicas answer")
        first.process.health.drain()
        await first.server.stop()
        assert await calling == {"OK": 300}
    assert len(second.echo.heard) > len(first.echo.heard)


def test_metadata_carries_the_trace_of_the_work_in_hand() -> None:
    assert client.metadata("abc") == (("authorization", "Bearer abc"),)
    with tracing.span("work") as span:
        expected = ("traceparent", span.traceparent.decode())
        assert client.metadata("abc")[1] == expected
