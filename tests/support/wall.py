"""A real console process before faked upstreams, and a real browser before it.

`python -m tests.support.wall docs/img/console.png` takes the picture of the README.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from local.ports import free_ports
from services.console.shell.pages import STATIC
from tests.support import browser as chromium
from tests.support import tokens
from tests.support.fleet import Fleet, Member
from tests.support.house import furnish, queued
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.upstreams import Upstreams
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "services" / "console" / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PHONE = {"width": 390, "height": 844}
WALL = {"width": 1440, "height": 1080}
LIVE = '[data-status="live"]'
SLOW_MS = 30_000


@dataclass(slots=True)
class Wall:
    """A console process, what is behind it, and a browser before it."""

    url: str
    upstreams: Upstreams
    issuer: Issuer
    member: Member
    browser: Browser

    def token(self, **claims: Any) -> str:
        """A supervisor's token."""
        return self.issuer.token(**{"roles": ["supervisor"], "tenant": "acme", **claims})

    @asynccontextmanager
    async def context(self, **options: Any) -> AsyncIterator[BrowserContext]:
        """A browser of its own: no storage, no worker shared with other tests."""
        context = await self.browser.new_context(**options)
        context.set_default_timeout(SLOW_MS)
        yield context
        await context.close()

    @asynccontextmanager
    async def board(self, **options: Any) -> AsyncIterator[Page]:
        """The board, live; an error on the page fails the test."""
        async with self.context(**options) as context:
            page = await context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(f"{self.url}/#token={self.token()}")
            await page.wait_for_selector(LIVE)
            await expect(page.get_by_role("row", name="billing")).to_be_visible()
            yield page
            assert not errors

    async def metric(self, name: str) -> float:
        """A figure of the console process; -1 while it does not answer."""
        try:
            async with aiohttp.ClientSession() as session:
                text = await (await session.get(f"{self.url}/metrics")).text()
        except aiohttp.ClientError:
            return -1
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else -1


@asynccontextmanager
async def running_wall(folder: Path) -> AsyncIterator[Wall]:
    """Everything started, furnished and serving; `folder` takes keys and logs."""
    expect.set_options(timeout=SLOW_MS)
    assert (STATIC / "index.html").is_file(), "the page is not built: run `make console`"
    upstreams, issuer = Upstreams(), Issuer()
    furnish(upstreams)
    await upstreams.start()
    (folder / "jwks.json").write_bytes(tokens.jwks(issuer))
    http_port, grpc_port = free_ports(2)
    target = f"ipv4:127.0.0.1:{upstreams.port}"
    settings = {
        "HTTP_PORT": str(http_port),
        "GRPC_PORT": str(grpc_port),
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS": str(folder / "jwks.json"),
        **{f"{name}_TARGET": target for name in ("INTAKE", "ROUTING", "SLA", "INSIGHTS")},
    }
    environment = {f"SWITCHBOARD_{key}": value for key, value in settings.items()}
    environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'protos' / 'gen'}"
    member = Member("console", "services.console", environment, folder / "console.log")
    path = chromium.executable() or chromium.fetched()
    async with Fleet(member), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        wall = Wall(f"http://127.0.0.1:{http_port}", upstreams, issuer, member, browser)

        async def serves() -> bool:
            return await wall.metric("console_browsers") >= 0

        await until(serves, what="the console to serve", deadline_s=60)
        yield wall
        await browser.close()
    await upstreams.stop()


async def violations(page: Page) -> Sequence[str]:
    """What axe holds against the page as it is now, a line each."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
    )
    return [
        f"{item['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for item in found
        for node in item["nodes"]
    ]


async def picture(path: Path) -> None:
    """Take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_wall(Path(folder)) as wall, wall.board(viewport=WALL) as page:
            for number, pool in enumerate(("billing", "vip", "returns", "orders")):
                wall.upstreams.push("WatchQueues", queued(f"picture {number}", pool))
            await expect(page.locator("#events li")).to_have_count(4)
            await page.screenshot(path=path, full_page=True, animations="disabled")


if __name__ == "__main__":
    asyncio.run(picture(Path(sys.argv[1])))
