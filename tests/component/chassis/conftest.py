"""One process' doors in this loop: gRPC and HTTP with Connect, around the echo service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from services.chassis.health import Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import Background
from services.chassis.rpc import connect
from services.chassis.rpc.auth import Authenticator
from services.chassis.rpc.keys import KeySet
from services.chassis.rpc.pipeline import Pipeline
from services.chassis.rpc.server import GrpcServer
from services.chassis.telemetry.metrics import Catalogue
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
    health: Health
    catalogue: Catalogue
    server: GrpcServer
    http: HttpServer
    session: aiohttp.ClientSession

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
    health, background, catalogue = Health("bus"), Background(), Catalogue("echo")
    with tokens.key_server(tokens.jwks(issuer)) as published:
        authenticator = Authenticator(keys=KeySet(published.url), issuer=ISSUER, audience=AUDIENCE)
        pipeline = Pipeline(authenticator=authenticator, catalogue=catalogue)
        servicer = echo.Echo()
        services = [echo.service(servicer)]
        server = GrpcServer(
            services,
            pipeline=pipeline,
            health=health,
            background=background,
            host="127.0.0.1",
            port=0,
            max_message_bytes=MESSAGE_BYTES,
        )
        routes = connect.mount(services, pipeline=pipeline, max_message_bytes=MESSAGE_BYTES)
        app = build_app(
            health=health,
            catalogue=catalogue,
            routes=routes,
            unlimited_prefixes=connect.prefixes(services),
        )
        http = HttpServer(app, host="127.0.0.1", port=0, background=background)
        await server.start()
        await http.start()
        health.passing("bus")
        async with aiohttp.ClientSession() as session:
            grpc_door = GrpcDoor(server.port)
            connect_door = ConnectDoor(session, http.port)
            yield House(
                grpc_door, connect_door, servicer, issuer, health, catalogue, server, http, session
            )
            await grpc_door.channel.close()
        await http.stop()
        await server.stop()
