"""The console in this loop, in front of faked upstreams behind a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from switchboard.console.v1 import console_service_pb2 as pb

from services.chassis.health import DRAINING
from services.chassis.http import HttpServer
from services.chassis.lifecycle import App
from services.chassis.rpc.methods import describe
from services.chassis.rpc.server import GrpcServer
from services.console.app import build
from services.console.settings import ConsoleSettings
from tests.support import tokens
from tests.support.doors import GrpcDoor
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.upstreams import Upstreams
from tests.support.waiting import until

WATCH = describe(pb.DESCRIPTOR.services_by_name["ConsoleService"].methods[0])


@dataclass(slots=True)
class Console:
    """A running gateway."""

    app: App
    upstreams: Upstreams
    issuer: Issuer
    door: GrpcDoor
    http_url: str

    def token(self, **claims: Any) -> str:
        """A supervisor's token."""
        return self.issuer.token(**{"roles": ["supervisor"], "tenant": "acme", **claims})

    def look(self, token: str = "", **request: Any) -> Browser:
        """Open a stream as a browser does."""
        asked = pb.WatchWallboardRequest(**request)
        return Browser(self.door.begin(WATCH, asked, token=token or self.token()))


class Browser:
    """One stream: what it has been told, folded as the page folds it."""

    def __init__(self, rpc: Any) -> None:
        self.rpc = rpc
        self.steps: list[pb.WatchWallboardResponse] = []
        self._forget()

    def _forget(self) -> None:
        self.queues: dict[str, Any] = {}
        self.agents: dict[str, Any] = {}
        self.clocks: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.events: list[Any] = []
        self.indicators: dict[str, Any] = {}
        self.totals = pb.WallboardTotals()

    async def read(self) -> None:
        """Take the next step."""
        step: pb.WatchWallboardResponse = await self.rpc.read()
        self.steps.append(step)
        kind = step.WhichOneof("kind")
        if kind in ("snapshot", "change"):
            self._fold(getattr(step, kind), fresh=kind == "snapshot")

    async def until(self, seen: Any, what: str) -> None:
        """Read until something is seen."""

        async def looked() -> bool:
            if not seen(self):
                await self.read()
            return bool(seen(self))

        await until(looked, what=what)

    def _fold(self, rows: Any, *, fresh: bool) -> None:
        if fresh:
            self._forget()
        self.queues |= {row.pool: row for row in rows.queues}
        self.agents |= {row.agent_id: row for row in rows.agents}
        self.clocks |= {row.clock_id: row for row in rows.clocks}
        self.sources |= {row.name: row for row in rows.sources}
        self.events = [*rows.events, *self.events]
        self.indicators |= {row.name: row for row in rows.indicators}
        if rows.HasField("totals"):
            self.totals = rows.totals
        if not fresh:
            for gone in rows.removed_clock_ids:
                del self.clocks[gone]
            for gone in rows.removed_agent_ids:
                del self.agents[gone]

    def is_live(self) -> bool:
        """Whether every part of the board is fresh."""
        return len(self.sources) == 5 and all(
            row.state == pb.SOURCE_STATE_LIVE for row in self.sources.values()
        )


@pytest.fixture
async def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    """A gateway whose upstreams serve."""
    monkeypatch.setattr("services.console.shell.upstreams.AGENTS_SECONDS", 0.2)
    monkeypatch.setattr("services.console.shell.upstreams.PAUSE_SECONDS_MAX", 0.5)
    issuer, upstreams = Issuer(), Upstreams()
    await upstreams.start()
    (tmp_path / "jwks.json").write_bytes(tokens.jwks(issuer))
    target = f"ipv4:127.0.0.1:{upstreams.port}"
    settings = ConsoleSettings(
        intake_target=target,
        routing_target=target,
        sla_target=target,
        insights_target=target,
        auth_issuer=ISSUER,
        auth_audience=AUDIENCE,
        auth_jwks=str(tmp_path / "jwks.json"),
    )
    app = build(settings)
    for component in app.components:
        await component.start()
    app.health.passing(DRAINING)
    (grpc,) = [part for part in app.components if isinstance(part, GrpcServer)]
    (http,) = [part for part in app.components if isinstance(part, HttpServer)]
    door = GrpcDoor(grpc.port)
    yield Console(app, upstreams, issuer, door, f"http://127.0.0.1:{http.port}")
    await door.channel.close()
    app.health.drain()
    for component in reversed(app.components):
        await component.stop()
    await upstreams.stop()
