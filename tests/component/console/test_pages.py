"""The page's files: their headers, and what is said where they were not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from starlette.applications import Starlette
from yarl import URL

from services.chassis.http import HttpServer
from services.chassis.lifecycle import Background
from services.console.shell import pages
from tests.component.console.conftest import Console


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET gave."""

    status: int
    text: str
    headers: dict[str, str]


async def get(base: str, path: str) -> Answer:
    """Ask for a path as it is written, dots and all."""
    url = URL(base + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url) as found:
        headers = {name.lower(): value for name, value in found.headers.items()}
        return Answer(found.status, await found.text(), headers)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """The pages of a folder on a free port; gives the base address."""
    app = Starlette(routes=pages.routes(folder))
    server = HttpServer(app, host="127.0.0.1", port=0, background=Background())
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[str]:
    """A page as the build leaves it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "assets" / "main-abc.js").write_text("1")
    async with serving(tmp_path) as base:
        yield base


async def test_the_page_may_load_its_own_files_and_nothing_else(built: str) -> None:
    answer = await get(built, "/")
    assert (answer.status, answer.text) == (200, "<title>page</title>")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_assets_are_kept_and_the_page_is_asked_for_again(built: str) -> None:
    assert "immutable" in (await get(built, "/assets/main-abc.js")).headers["cache-control"]
    assert (await get(built, "/")).headers["cache-control"] == "no-cache"
    missing = await get(built, "/assets/nothing.js")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")


async def test_no_path_leads_out_of_the_folder(built: str, tmp_path: Path) -> None:
    (tmp_path.parent / "secret.txt").write_text("secret")
    for path in (
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
    ):
        assert (await get(built, path)).status == 404


async def test_a_page_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as base:
        answer = await get(base, "/")
    assert answer.status == 503
    assert "make console" in answer.text


async def test_probes_are_not_hidden_by_the_page(console: Console) -> None:
    assert (await get(console.http_url, "/readyz")).status == 200
    assert "console_browsers" in (await get(console.http_url, "/metrics")).text
