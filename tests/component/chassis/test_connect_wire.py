"""What only HTTP clients can get wrong: content types, bodies, methods, paths; and gRPC-Web."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.component.chassis.conftest import MESSAGE_BYTES, House
from tests.support import echo

JSON = "application/json"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(
    house: House,
    session: aiohttp.ClientSession,
    body: bytes,
    *,
    method: str = "Say",
    **headers: str,
) -> tuple[int, bytes, Any]:
    """Status, body and headers of a POST with a good token."""
    sent = {"authorization": f"Bearer {house.issuer.token()}", "content-type": JSON}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{house.http.port}/{echo.NAME}/{method}"
    async with session.post(url, data=body, headers=sent) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"word": 7}',
        b'{"word": "\xff"}',
        b'{"word": "\\ud800"}',
        b'{"count": "many", "word": "x"}',
        b'{"count": 1e99, "word": "x"}',
        b'{"part": ' * 2000 + b"{}" + b"}" * 2000,
        b"[" * 30_000,
    ],
)
async def test_malformed_json_is_the_callers_mistake(
    house: House, session: aiohttp.ClientSession, body: bytes
) -> None:
    status, answer, _ = await post(house, session, body)
    assert (status, b"invalid_argument" in answer) == (400, True)
    assert house.echo.heard == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/grpc", 415),
        ("application/grpc+proto", 415),
        ("application/xml", 415),
        ("application/connect+json", 415),
    ],
)
async def test_other_protocols_are_told_so(
    house: House, session: aiohttp.ClientSession, content_type: str, status: int
) -> None:
    found, _, _ = await post(house, session, b"{}", content_type=content_type)
    assert found == status


async def test_unknown_methods_and_verbs(house: House, session: aiohttp.ClientSession) -> None:
    assert (await post(house, session, b"{}", method="Nothing"))[0] == 404
    url = f"http://127.0.0.1:{house.http.port}/{echo.NAME}/Say"
    async with session.get(f"{url}?encoding=json&message={{}}") as answer:
        assert answer.status == 405


async def test_a_compressed_bomb_is_refused(house: House, session: aiohttp.ClientSession) -> None:
    bomb = gzip.compress(b'{"word": "' + b"x" * (MESSAGE_BYTES * 50) + b'"}')
    assert len(bomb) < MESSAGE_BYTES
    status, answer, _ = await post(house, session, bomb, content_encoding="gzip")
    assert (status, b"resource_exhausted" in answer) == (429, True)


async def test_grpc_web_gets_its_status_in_the_body(
    house: House, session: aiohttp.ClientSession
) -> None:
    for word, code in (("hello", "0"), ("missing", "5")):
        message = echo.Ask(word=word, count=1).SerializeToString()
        frame = struct.pack(">BI", 0, len(message)) + message
        status, body, headers = await post(
            house, session, frame, method="Watch", content_type="application/grpc-web+proto"
        )
        trailers = re.findall(rb"grpc-status: ?(\d+)", body)
        assert (status, headers.get("grpc-status") or trailers[0].decode()) == (200, code)
