"""The HTTP door on a real uvicorn: probes, limits, metrics, and a stop that loses no request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.chassis import health as health_module
from services.chassis import http as http_module
from services.chassis.health import Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from tests.support.waiting import until

LIMIT = 1000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class Site:
    """A server with one route that reads its body, and one that waits."""

    def __init__(self) -> None:
        self.health = Health("bus")
        self.catalogue = Catalogue("example")
        self.entered = asyncio.Event()
        self.released = asyncio.Event()
        self.received: list[int] = []
        routes = [
            Route("/take/{what}", self._take, methods=["POST"]),
            Route("/wait", self._wait),
            Route("/free", self._take, methods=["POST"]),
        ]
        app = build_app(
            health=self.health,
            catalogue=self.catalogue,
            routes=routes,
            body_limit_bytes=LIMIT,
            unlimited_prefixes=("/free",),
        )
        self.server = HttpServer(app, host="127.0.0.1", port=0, background=Background())

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _take(self, request: Request) -> Response:
        self.received.append(len(await request.body()))
        return PlainTextResponse("taken")

    async def _wait(self, _: Request) -> Response:
        self.entered.set()
        await self.released.wait()
        return PlainTextResponse("done")

    def metrics(self) -> str:
        return self.catalogue.exposition()[0].decode()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start()
    yield site
    await site.server.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A body without a Content-Length."""
    for _ in range(size // 100):
        yield b"x" * 100


async def test_ready_means_that_every_check_holds(
    site: Site, session: aiohttp.ClientSession
) -> None:
    async with session.get(f"{site.address}/readyz") as answer:
        assert answer.status == 503
        assert await answer.json() == {"ready": False, "checks": {"bus": "not started"}}
    site.health.passing("bus")
    async with session.get(f"{site.address}/readyz") as answer:
        assert (answer.status, await answer.json()) == (
            200,
            {"ready": True, "checks": {"bus": "ok"}},
        )


async def test_live_means_that_the_loop_turns(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session.get(f"{site.address}/healthz") as answer:
        assert answer.status == 200
    monkeypatch.setattr(health_module, "LIVE_WITHIN_SECONDS", -1.0)
    async with session.get(f"{site.address}/healthz") as answer:
        assert answer.status == 503


@pytest.mark.parametrize("size", [0, LIMIT - 100, LIMIT])
async def test_bodies_up_to_the_limit_are_taken(
    site: Site, session: aiohttp.ClientSession, size: int
) -> None:
    for body in (b"x" * size, chunks(size)):
        async with session.post(f"{site.address}/take/a", data=body) as answer:
            assert answer.status == 200
    assert site.received == [size, size]


async def test_larger_bodies_are_refused_with_or_without_a_length(
    site: Site, session: aiohttp.ClientSession
) -> None:
    for body in (b"x" * (LIMIT + 1), chunks(LIMIT + 100)):
        async with session.post(f"{site.address}/take/a", data=body) as answer:
            assert answer.status == 413
    async with session.post(f"{site.address}/nowhere", data=b"x" * (LIMIT + 1)) as answer:
        assert answer.status == 413
    assert site.received == []
    assert 'code="413"' in site.metrics()


async def test_routes_that_bound_their_own_messages_are_exempt(
    site: Site, session: aiohttp.ClientSession
) -> None:
    async with session.post(f"{site.address}/free", data=b"x" * (LIMIT * 2)) as answer:
        assert answer.status == 200


async def test_a_body_that_trickles_is_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "BODY_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(b"POST /take/a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_requests_are_measured_by_route_template(
    site: Site, session: aiohttp.ClientSession
) -> None:
    for path in ("take/49170", "take/49171", "nowhere/49172", "readyz"):
        async with session.post(f"{site.address}/{path}", headers={"traceparent": TRACE}) as answer:
            await answer.read()
    text = site.metrics()
    labels = 'code="200",method="POST",route="/take/{what}"'
    assert f"http_server_request_duration_seconds_count{{{labels}}} 2.0" in text
    assert 'route="unmatched"' in text
    assert "4917" not in text
    assert "readyz" not in text


async def test_a_running_request_is_finished_before_the_stop(
    site: Site, session: aiohttp.ClientSession
) -> None:
    answer = asyncio.ensure_future(session.get(f"{site.address}/wait"))
    await until(site.entered.is_set, what="the request runs")
    stopping = asyncio.ensure_future(site.server.stop())
    await asyncio.sleep(0)
    site.released.set()
    assert await (await answer).text() == "done"
    await stopping


async def test_a_taken_port_is_an_error_and_not_an_exit(site: Site) -> None:
    app = build_app(health=Health(), catalogue=Catalogue("example"))
    other = HttpServer(app, host="127.0.0.1", port=site.server.port, background=Background())
    with pytest.raises(OSError, match=str(site.server.port)):
        await other.start()
    await other.stop()
