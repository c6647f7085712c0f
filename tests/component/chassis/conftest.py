"""One process' doors in this loop: gRPC and HTTP with Connect, around the echo service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from pydantic import SecretStr

from services.chassis.health import DRAINING
from services.chassis.http import HttpServer
from services.chassis.process import Process
from services.chassis.settings import ServiceSettings
from tests.support import echo, tokens
from tests.support.doors import ConnectDoor, Door, GrpcDoor
from tests.support.tokens import AUDIENCE, ISSUER, Issuer

MESSAGE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class House:
    """A process' doors and what is behind them."""

    grpc: GrpcDoor
    connect: ConnectDoor
    echo: echo.Echo
    issuer: Issuer
    process: Process
    http: HttpServer

    def door(self, name: str) -> Door:
        """A door by name."""
        return self.grpc if name == "grpc" else self.connect


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """One signing key for the module's tests."""
    return Issuer()


@pytest.fixture
async def house(issuer: Issuer) -> AsyncIterator[House]:
    """Both doors open on free ports."""
    with tokens.key_server(tokens.jwks(issuer)) as published:
        process = Process("echo", _settings(published.url))
        process.health.failing("bus", "not started")
        servicer = echo.Echo()
        server, http = process.doors([echo.service(servicer)])
        await server.start()
        await http.start()
        process.health.passing("bus")
        process.health.passing(DRAINING)
        async with aiohttp.ClientSession() as session:
            grpc_door = GrpcDoor(server.port)
            connect_door = ConnectDoor(session, http.port)
            yield House(grpc_door, connect_door, servicer, issuer, process, http)
            await grpc_door.channel.close()
        await http.stop()
        await server.stop()


def _settings(jwks: str) -> ServiceSettings:
    return ServiceSettings(
        kafka_bootstrap="unused:1",
        postgres_dsn=SecretStr("unused"),
        auth_issuer=ISSUER,
        auth_audience=AUDIENCE,
        auth_jwks=jwks,
        max_message_bytes=MESSAGE_BYTES,
    )
