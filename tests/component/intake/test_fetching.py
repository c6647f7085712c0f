"""Fetching on real sockets: what a file may cost, and how a fetch ends that does not go well."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest
from aiohttp import web

from local.ports import free_ports
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable
from tests.component.intake.provider import Handler, answering, hang_up
from tests.component.intake.sentinel import (
    BYTES_MAX,
    LOGIN,
    World,
    get,
    redirecting,
    serving,
)

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 5000


def sending(body: bytes, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, headers=names)

    return answer


async def fetched(handler: Handler, **changes: Any) -> Fetched:
    """What a fetch gives of an API that answers so."""
    async with World().fetching() as fetcher, serving(handler) as (_, origin):
        return await get(fetcher, f"{origin}/file", origin, **changes)


async def test_a_file_comes_with_its_type_and_name() -> None:
    found = await fetched(
        sending(
            PICTURE,
            Content_Type="image/PNG; charset=x",
            Content_Disposition='attachment; filename="../../label\u202e.png"',
        )
    )
    assert found == Fetched(PICTURE, "image/png", "label.png")


async def test_a_file_without_a_type_has_none() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(PICTURE))})
        await response.prepare(request)
        response.headers.popall("Content-Type", None)
        await response.write(PICTURE)
        return response

    assert (await fetched(answer)).content == PICTURE


async def test_credentials_go_to_the_first_origin_only() -> None:
    async with World().fetching() as fetcher, serving() as one, serving() as other:
        (api, api_origin), (cdn, cdn_origin) = one, other
        steps = iter(
            [redirecting(f"{api_origin}/again"), redirecting(f"{cdn_origin}/a%2Fb?c=%2B", 307)]
        )

        async def answer(request: web.Request) -> web.StreamResponse:
            return await next(steps)(request)

        api.handler, cdn.handler = answer, sending(PICTURE)
        found = await get(fetcher, f"{api_origin}/file", api_origin, cdn_origin)
    assert found.content == PICTURE
    assert [seen.headers.get("Authorization") for seen in api.requests] == [*LOGIN.values()] * 2
    assert [seen.raw_path for seen in cdn.requests] == ["/a%2Fb?c=%2B"]
    assert "Authorization" not in cdn.requests[0].headers
    assert "Cookie" not in cdn.requests[0].headers


async def test_no_cookie_is_kept_and_no_packing_asked_for() -> None:
    async with World().fetching() as fetcher, serving() as (provider, origin):
        provider.handler = sending(PICTURE, Set_Cookie="session=1; Path=/")
        for _ in range(2):
            await get(fetcher, f"{origin}/file", origin)
    for seen in provider.requests:
        assert "Cookie" not in seen.headers
        assert seen.headers["Accept-Encoding"] == "identity"


async def test_redirects_without_end_end() -> None:
    async with World().fetching() as fetcher, serving() as (provider, origin):
        provider.handler = redirecting(f"{origin}/file")
        with pytest.raises(Forbidden, match="too_many_redirects"):
            await get(fetcher, f"{origin}/file", origin)
    assert len(provider.requests) == 4


def streaming(chunks: int) -> Handler:
    """More than allowed, and no length announced."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(chunks):
            await response.write(b"x" * 1000)
        return response

    return answer


def packed(size: int, encoding: str) -> Handler:
    """So many zeros, packed a thousand to one."""
    raw = bytes(size)
    return sending(
        gzip.compress(raw) if encoding == "gzip" else zlib.compress(raw), Content_Encoding=encoding
    )


@pytest.mark.parametrize(
    "handler",
    [
        sending(b"x" * (BYTES_MAX + 1)),
        streaming(2_000),
        packed(50_000_000, "gzip"),
        packed(50_000_000, "deflate"),
    ],
    ids=["announced", "not announced", "gzip bomb", "deflate bomb"],
)
async def test_a_file_is_as_large_as_allowed_on_the_wire_and_unpacked(handler: Handler) -> None:
    with pytest.raises(Forbidden, match="too_large"):
        await fetched(handler)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_what_is_packed_although_nobody_asked_is_unpacked(encoding: str) -> None:
    assert (await fetched(packed(BYTES_MAX, encoding))).content == bytes(BYTES_MAX)


async def test_a_file_of_just_the_size_is_taken() -> None:
    assert len((await fetched(streaming(BYTES_MAX // 1000))).content) == BYTES_MAX


@pytest.mark.parametrize(
    ("handler", "reason", "retry_after_ms", "status"),
    [
        (answering(429, Retry_After="7"), "http_429", 7000, 429),
        (answering(503), "http_503", None, 503),
        (answering(403), "http_403", None, 403),
        (answering(202), "http_202", None, 202),
        (sending(b""), "empty", None, 200),
        (
            sending(gzip.compress(PICTURE)[:40], Content_Encoding="gzip"),
            "encoding_broken",
            None,
            200,
        ),
        (sending(PICTURE, Content_Encoding="gzip"), "encoding_broken", None, 200),
        (sending(PICTURE, Content_Encoding="br"), "encoding_unknown", None, 200),
        (hang_up, "ServerDisconnectedError", None, 0),
    ],
)
async def test_what_may_work_later_says_so(
    handler: Handler, reason: str, retry_after_ms: int | None, status: int
) -> None:
    with pytest.raises(Unfetchable) as failed:
        await fetched(handler)
    found = failed.value
    assert (found.reason, found.retry_after_ms, found.status) == (reason, retry_after_ms, status)


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_gone(status: int) -> None:
    with pytest.raises(Forbidden, match=f"http_{status}"):
        await fetched(answering(status))


async def test_a_file_that_does_not_end_is_left() -> None:
    never = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        await never.wait()
        return response

    async with World().fetching(seconds=0.2) as fetcher, serving(answer) as (_, origin):
        with pytest.raises(Unfetchable, match="timeout"):
            await get(fetcher, f"{origin}/file", origin)


async def test_no_error_names_the_address() -> None:
    """A token may be a part of it."""
    (port,) = free_ports(1)
    origin = f"http://127.0.0.1:{port}"
    async with World().fetching() as fetcher:
        with pytest.raises(Unfetchable) as failed:
            await get(fetcher, f"{origin}/bot123:secret/file", origin)
    assert "secret" not in repr(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
