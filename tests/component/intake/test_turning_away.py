"""What a gate turns away before anybody reads it, on a real uvicorn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.chassis.health import Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.shell.one_of import OneOf
from services.intake.shell.turning_away import gated
from tests.support.waiting import DEADLINE_S

WHOLE = b"POST /take/a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = WHOLE[:-2].replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")


class Site:
    """A gate that the test shuts, and whom it met."""

    def __init__(self) -> None:
        self.shut = True
        self.targets: list[bytes] = []
        self.passed = 0
        self.met = asyncio.Event()
        routes = [Route("/take/{what}", self._take, methods=["POST"]), Route("/", self._greet)]
        app = build_app(health=Health(), catalogue=Catalogue("example"), routes=[OneOf(routes)])
        self.server = HttpServer(app, host="127.0.0.1", port=0, background=Background())
        self.server.speak(http=gated(self))

    def is_open(self) -> bool:
        return not self.shut

    def refuses(self, target: bytes) -> bool:
        self.targets.append(target)
        self.met.set()
        return target != b"/take/welcome"

    def note_passed(self) -> None:
        self.passed += 1
        self.met.set()

    async def read(self, line: Line, piece: bytes) -> None:
        """Have a piece of a request, and nothing else, come in."""
        self.met.clear()
        await line.say(piece)
        async with asyncio.timeout(DEADLINE_S):
            await self.met.wait()

    async def _take(self, request: Request) -> Response:
        return PlainTextResponse(request.path_params["what"] + str(len(await request.body())))

    async def _greet(self, _: Request) -> Response:
        return PlainTextResponse("good day")


class Line:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], str]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:-1])}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body.decode()

    async def rest(self) -> bytes:
        return await self._reader.read()

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start()
    yield site
    await site.server.stop()


@pytest.fixture
async def line(site: Site) -> AsyncIterator[Line]:
    line = Line(*await asyncio.open_connection("127.0.0.1", site.server.port))
    yield line
    line.close()


async def test_what_the_gate_refuses_is_told_when_to_come_back(site: Site, line: Line) -> None:
    for _ in range(3):  # on one connection
        await line.say(WHOLE)
        status, headers, why = await line.answer()
        assert (status, headers["retry-after"], why) == (503, "2", "too much at once")
    assert site.targets == [b"/take/a?b=1"] * 3
    assert site.passed == 0
    site.shut = False
    await line.say(WHOLE)
    status, _, said = await line.answer()
    assert (status, said) == (200, "a2")
    site.shut = True
    await line.say(WHOLE)
    assert (await line.answer())[0] == 503


async def test_what_the_gate_lets_in_goes_on(site: Site, line: Line) -> None:
    await line.say(WHOLE.replace(b"/take/a?b=1", b"/take/welcome"))
    assert (await line.answer())[2] == "welcome2"
    assert site.passed == 1


async def test_who_wants_to_hang_up_is_left(site: Site, line: Line) -> None:
    del site
    await line.say(WHOLE.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    status, headers, _ = await line.answer()
    assert (status, headers["connection"]) == (503, "close")
    assert await line.rest() == b""


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE[:-2], b"hi"),
        (WHOLE[:40], WHOLE[40:]),
        (CHUNKED, b"2\r\nhi\r\n0\r\n\r\n"),
        (b"POST /take/a HTTP/1.1\r\nX: ", WHOLE),
    ],
    ids=["body later", "head in two", "chunked", "a request in a header"],
)
async def test_what_does_not_come_in_one_piece_is_read(
    site: Site, line: Line, pieces: tuple[bytes, ...]
) -> None:
    for piece in pieces:
        await site.read(line, piece)
    assert site.passed == len(pieces)
    status, _, said = await line.answer()
    assert (status, said) == (200, "a2")
    assert site.targets == []


async def test_two_requests_in_one_piece_are_both_read(site: Site, line: Line) -> None:
    await line.say(WHOLE + WHOLE)
    assert [(await line.answer())[0] for _ in range(2)] == [200, 200]
    assert site.targets == []


@pytest.mark.parametrize("seed", range(8))
async def test_each_request_has_one_answer_in_its_turn(site: Site, line: Line, seed: int) -> None:
    """However a connection's bytes are cut, and whenever the gate is shut in between."""
    dice = random.Random(seed)
    for number in range(25):
        site.shut = dice.random() < 0.7
        body = b"x" * dice.choice([0, 1, 2000])
        head = b"POST /take/%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        whole = head % (number, len(body)) + body
        cuts = sorted(dice.sample(range(len(whole)), dice.choice([0, 0, 1, 3])))
        for begin, end in pairwise([0, *cuts, len(whole)]):
            if end > begin:
                await site.read(line, whole[begin:end])
        status, _, said = await line.answer()
        assert (status, said) in {(200, f"{number}{len(body)}"), (503, "too much at once")}
    assert 0 < len(site.targets) < 25


async def test_who_only_looks_is_never_turned_away(site: Site, line: Line) -> None:
    await line.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await line.answer())[2] == "good day"
    assert site.targets == []


async def test_a_route_among_many_refuses_what_is_not_its_method(site: Site, line: Line) -> None:
    site.shut = False
    await line.say(b"GET /take/a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await line.answer())[0] == 405
    await line.say(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await line.answer())[0] == 404
