"""A site with the chat widget on its pages, a real intake behind it, a real browser before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from local.ports import free_ports
from services.intake.shell.chat.pages import FILE
from tests.component.intake.house import House, Visit, build, furnish
from tests.component.intake.test_deliveries import reply
from tests.component.intake.visitors import chat_account
from tests.support import browser as chromium
from tests.support import stack
from tests.support.waiting import until
from tests.support.wall import QUIET, SLOW_MS

ID = "shop-page"


@dataclass
class Shop:
    """Everything, running."""

    url: str
    house: House
    visit: Visit
    browser: Browser

    @asynccontextmanager
    async def context(self, **options: Any) -> AsyncIterator[BrowserContext]:
        """A browser of its own; what goes wrong on one of its pages fails the test."""
        context = await self.browser.new_context(**options)
        context.set_default_timeout(SLOW_MS)
        wrong: list[str] = []
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("dialog", lambda dialog: wrong.append(dialog.message))
        context.on(
            "console",
            lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
        )
        yield context
        await context.close()
        assert wrong == []

    @asynccontextmanager
    async def widget(self, *, query: str = "", **options: Any) -> AsyncIterator[Widget]:
        """A page with the widget, not opened yet."""
        async with self.context(**options) as context:
            yield await self.on_page(context, query)

    async def on_page(self, context: BrowserContext, query: str = "") -> Widget:
        """Another tab."""
        page = await context.new_page()
        await page.goto(f"{self.url}/?{query}")
        return Widget(page, self.visit)


@dataclass
class Widget:
    """The widget on a page, as a person has it."""

    page: Page
    visit: Visit

    @property
    def launcher(self) -> Locator:
        return self.page.locator(".launch")

    @property
    def field(self) -> Locator:
        return self.page.locator("textarea")

    @property
    def lines(self) -> Locator:
        return self.page.locator("li p")

    @property
    def status(self) -> Locator:
        return self.page.locator(".state")

    @property
    def attach(self) -> Locator:
        return self.page.get_by_role("button", name="Attach files")

    @property
    def files(self) -> Locator:
        """Those that go with the next message."""
        return self.page.locator(".files li")

    @property
    def note(self) -> Locator:
        return self.page.locator(".note")

    async def choose(self, *files: Any) -> None:
        """Choose files in the dialog: paths, or what they hold by name."""
        await self.page.locator("input[type=file]").set_input_files([*files])

    async def open(self) -> None:
        """Open the panel and wait until it is connected."""
        await self.launcher.click()
        await self.is_live()

    async def is_live(self) -> None:
        await expect(self.page.locator(".panel")).to_have_attribute("data-state", "live")

    async def write(self, text: str) -> None:
        """Type and send."""
        await self.field.fill(text)
        await self.field.press("Enter")

    async def shows(self, *texts: str) -> None:
        """Wait until these are the messages, each once and in this order, and none is pending."""
        await expect(self.lines).to_have_text(list(texts))
        await expect(self.page.locator("li time")).to_have_count(len(texts))

    async def conversation(self, text: str) -> asyncpg.Record:
        """The conversation that has a message with this text."""

        async def found() -> asyncpg.Record | None:
            return await self.visit.rows.fetchrow(
                "SELECT c.* FROM conversation c JOIN message m USING (conversation_id)"
                " WHERE m.text = $1",
                text,
            )

        row = await until(found, what=f"the conversation of {text!r}")
        assert row is not None
        return row

    async def answer(self, text: str, answer: str) -> str:
        """An agent answers in the conversation that has `text`; gives the message's id."""
        return await reply(self.visit, await self.conversation(text), answer)

    async def comes_to(self, message_id: str, progress: str) -> None:
        """Wait until an answer has come so far."""

        async def has_come() -> bool:
            query = "SELECT progress FROM message_delivery WHERE message_id = $1"
            return bool(await self.visit.rows.fetchval(query, message_id) == progress)

        await until(has_come, what=f"{message_id} is {progress}")


@asynccontextmanager
async def running_shop(
    kafka: stack.Kafka, postgres: stack.Postgres, folder: Path
) -> AsyncIterator[Shop]:
    """Everything started and furnished."""
    expect.set_options(timeout=SLOW_MS)
    assert FILE.is_file(), "the widget is not built: run `make widget`"
    house = await asyncio.to_thread(build, kafka, postgres, folder)
    await asyncio.to_thread(house.simulator.start)
    await asyncio.to_thread(house.intake.start)
    await furnish(house)
    path = chromium.executable() or chromium.fetched()
    async with (
        _site(house) as url,
        house.visit() as visit,
        async_playwright() as playwright,
    ):
        await visit.open_account(chat_account(ID, allowed_origins=url))
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield Shop(url, house, visit, browser)
        await browser.close()
    await asyncio.to_thread(house.intake.stop)
    await asyncio.to_thread(house.simulator.stop)


@asynccontextmanager
async def _site(house: House) -> AsyncIterator[str]:
    """A site of another origin that allows its pages nothing but the widget."""
    (port,) = free_ports(1)
    sockets = house.http_url.replace("http", "ws", 1)
    policy = (
        f"default-src 'none'; script-src {house.http_url}; require-trusted-types-for 'script'; "
        f"connect-src {house.http_url} {sockets}; base-uri 'none'; form-action 'none'"
    )

    async def page(request: web.Request) -> web.Response:
        said = {name: escape(value) for name, value in request.query.items()}
        tag = (
            f'<script src="{house.http_url}/chat/widget.js" data-account="{ID}"'
            f' data-identity="{said.get("identity", "")}" async></script>'
        )
        body = (
            f'<!doctype html><html lang="{said.get("lang", "en")}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Shop</title>{tag}<main><h1>Shop</h1><p>Parcels.</p></main></html>"
        )
        headers = {"content-security-policy": policy}
        return web.Response(text=body, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()
