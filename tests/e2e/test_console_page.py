"""The console's page in a real browser, before a real console whose upstreams are faked."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from switchboard.intake.v1 import conversation_service_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.routing_service_pb2 import WatchQueuesResponse
from switchboard.sla.v1 import model_pb2 as sla

from local.ports import free_ports
from services.console.shell.pages import STATIC
from tests.support import browser as chromium
from tests.support import tokens
from tests.support.fleet import Fleet, Member
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.upstreams import Upstreams
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "services" / "console" / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PHONE = {"width": 390, "height": 844}
LIVE = '[data-status="live"]'
SLOW_MS = 30_000
MINUTE_MS = 60_000


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
            await expect(page.get_by_role("row", name="billing")).to_be_visible(timeout=SLOW_MS)
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


def furnish(up: Upstreams) -> None:
    """A small contact center on an ordinary day."""
    now = time.time_ns() // 1_000_000
    for pool in ("billing", "orders"):
        up.queues.queues.add(pool=pool)
    for number, state in enumerate(
        (routing.WORK_STATE_QUEUED, routing.WORK_STATE_QUEUED, routing.WORK_STATE_ASSIGNED)
    ):
        up.queues.work.add(
            work_id=f"w{number}",
            pool="billing",
            state=state,
            arrived_at_ms=now - 90_000,
            agent_id="ann" if state == routing.WORK_STATE_ASSIGNED else "",
        )
    presences = (routing.PRESENCE_AVAILABLE, routing.PRESENCE_NO_ANSWER, routing.PRESENCE_OFFLINE)
    for name, presence in zip(("Ann", "Bob", "Cid"), presences, strict=True):
        up.agents.append(
            routing.Agent(
                agent_id=name.lower(),
                display_name=name,
                presence=presence,
                capacity=100,
                used_capacity=40,
                idle_since_ms=now - 30_000,
                pools=["billing"],
            )
        )
    for number, left in enumerate((-5_000, 200_000, 3_600_000)):
        up.clocks.clocks.add(
            clock_id=f"c{number}",
            conversation_id=f"conversation-{number}",
            metric=sla.CLOCK_METRIC_FIRST_RESPONSE,
            tier=intake_model.SERVICE_TIER_INSPIRING,
            state=sla.CLOCK_STATE_RUNNING,
            due_at_ms=now + left,
            target_ms=3_600_000,
        )
    minute = now - now % MINUTE_MS
    for back in range(30):
        up.kpis.snapshot.windows.add(
            window_start_ms=minute - back * MINUTE_MS, inbound=back % 7, resolved=back % 4
        )
    up.kpis.indicators.add(
        name="service_level",
        formula="within_goal / assigned",
        unit=1,
        value=0.88,
        n=412,
        low=0.85,
        high=0.91,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wall]:
    """Everything started once; each test has a browser context of its own."""
    assert (STATIC / "index.html").is_file(), "the page is not built: run `make console`"
    folder = tmp_path_factory.mktemp("console")
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


def queued(work_id: str, pool: str) -> WatchQueuesResponse:
    """A customer begins to wait."""
    step = WatchQueuesResponse()
    now = time.time_ns() // 1_000_000
    step.change.event_id, step.change.pool = f"queued {work_id}", pool
    step.change.work_id, step.change.conversation_id = work_id, f"of {work_id}"
    step.change.occurred_at_ms = now
    step.change.queued.reason = "requested"
    work = step.change.queued.work
    work.work_id, work.pool, work.arrived_at_ms = work_id, pool, now
    work.state = routing.WORK_STATE_QUEUED
    return step


async def test_the_board_shows_what_is_and_then_what_happens(wall: Wall) -> None:
    async with wall.board() as page:
        billing = page.get_by_role("row", name="billing")
        await expect(billing.get_by_role("cell").first).to_have_text("2")
        await expect(page.locator(".tile", has_text="Service level")).to_contain_text("88%")
        await expect(page.locator(".tile", has_text="Service level")).to_contain_text(
            "within_goal / assigned"
        )
        await expect(page.locator("#clocks li").first).to_contain_text("over by")
        await expect(page.locator("#agents")).to_contain_text("Ann")
        await expect(page.locator("#agents")).not_to_contain_text("Cid")

        wall.upstreams.push("WatchQueues", queued("w9", "orders"))
        orders = page.get_by_role("row", name="orders")
        await expect(orders.get_by_role("cell").first).to_have_text("1")
        await expect(page.locator("#events li").first).to_contain_text("Queued")
        await expect(page).to_have_title(re.compile(r"^\(\d+\) acme"))
        before = await billing.get_by_role("cell").nth(1).inner_text()
        await expect(billing.get_by_role("cell").nth(1)).not_to_have_text(before)  # time passes


async def test_the_token_leaves_the_address_and_goes_in_a_header_alone(wall: Wall) -> None:
    token = wall.token()
    async with wall.context() as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = await context.new_page()
        await page.goto(f"{wall.url}/#token={token}")
        await page.wait_for_selector(LIVE)
        assert page.url == f"{wall.url}/"
        assert not [url for url in asked if token in url.split("#")[0]]
        await page.reload()
        await page.wait_for_selector(LIVE)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Access token")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("Access token")).to_be_visible()


async def test_a_token_is_pasted_and_a_bad_one_says_what_is_wrong_with_it(wall: Wall) -> None:
    async with wall.context() as context:
        page = await context.new_page()
        await page.goto(wall.url)
        show = page.get_by_role("button", name="Show the board")
        for given, said in (
            ("", "Paste a token first."),
            ("nonsense", "This is not a token"),
            (wall.token(exp=1), "This token has expired."),
            (Issuer().token(roles=["supervisor"]), "The token was refused"),
        ):
            await page.get_by_label("Access token").fill(given)
            await show.click()
            await expect(page.get_by_role("alert")).to_contain_text(said)
        await page.get_by_label("Access token").fill(f"  {wall.token()}\n")
        await show.click()
        await page.wait_for_selector(LIVE)


async def test_a_console_that_dies_is_noticed_and_the_page_comes_back_by_itself(
    wall: Wall,
) -> None:
    async with wall.board() as page:
        wall.member.send(signal.SIGKILL)
        await expect(page.get_by_role("status")).to_contain_text("Disconnected")
        await expect(page.get_by_role("row", name="billing")).to_be_visible()
        wall.upstreams.queues.queues.add(pool="new since then")
        await page.wait_for_selector(LIVE)
        await expect(page.get_by_role("row", name="new since then")).to_be_visible()


async def test_an_upstream_that_is_away_is_shown_as_stale(wall: Wall) -> None:
    async with wall.board() as page:
        await wall.upstreams.stop()
        await expect(page.locator("#queues .stale-note")).to_contain_text("Stale since")
        await expect(page.locator("#clocks .stale-note")).to_be_visible()
        await expect(page.get_by_role("row", name="billing")).to_be_visible()
        assert await violations(page) == []
        await wall.upstreams.start()
        await expect(page.locator(".stale-note")).to_have_count(0, timeout=SLOW_MS)


async def test_all_tabs_of_a_browser_share_one_stream(wall: Wall) -> None:
    async def streams() -> float:
        return await wall.metric("console_browsers")

    async with wall.board() as first:
        before = await streams()
        token = wall.token()
        pages = [first]
        for _ in range(8):  # more than HTTP/1.1 allows connections
            page = await first.context.new_page()
            await page.goto(f"{wall.url}/#token={token}")
            pages.append(page)
        for page in pages:
            await page.bring_to_front()
            await page.wait_for_selector(LIVE)
            await expect(page.get_by_role("row", name="billing")).to_be_visible()
        assert await streams() == before + 1  # the second token's
        for page in pages[1:]:
            await page.close()

        async def given_up() -> bool:
            return await streams() == before

        await until(given_up, what="the shared stream to end")


async def test_the_page_fits_a_phone(wall: Wall) -> None:
    async with wall.board(viewport=PHONE, has_touch=True, is_mobile=True) as page:
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
        free = page.get_by_role("row", name="billing").get_by_role("cell").last
        box = await free.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["width"]
        for name in ("Pause", "Sign out"):
            button = await page.get_by_role("button", name=name).bounding_box()
            assert button is not None
            assert button["height"] >= 36
        assert await violations(page) == []


async def test_everything_is_done_with_keys(wall: Wall) -> None:
    async with wall.board() as page:
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the queues")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#queues")).to_be_focused()

        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Help")).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()

        await page.keyboard.press("f")
        await page.keyboard.type("ord")
        await expect(page.get_by_role("row", name="billing")).to_be_hidden()
        await page.get_by_role("searchbox").fill("")
        await page.keyboard.press("Escape")

        waiting = page.get_by_role("columnheader", name="Waiting")
        await waiting.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await expect(waiting).to_have_attribute("aria-sort", "descending")
        await page.keyboard.press("Enter")
        await expect(waiting).to_have_attribute("aria-sort", "ascending")

        await page.keyboard.press("p")
        await expect(page.get_by_role("status")).to_have_text("Paused")
        wall.upstreams.push("WatchQueues", queued("w10", "paused for"))
        await expect(page.get_by_role("button", name=re.compile("Go on"))).not_to_have_text(
            "Go on0"
        )
        await expect(page.get_by_role("row", name="paused for")).to_have_count(0)
        await page.keyboard.press("p")
        await expect(page.get_by_role("row", name="paused for")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_board(wall: Wall, scheme: Any) -> None:
    async with wall.board(color_scheme=scheme) as page:
        step = intake.WatchConversationsResponse()
        step.change.event_id, step.change.occurred_at_ms = f"opened {scheme}", 1_795_305_600_000
        step.change.conversation.conversation_id = "k1"
        step.change.conversation.channel = intake_model.CHANNEL_SMS
        step.change.opened.reason = "first_contact"
        wall.upstreams.push("WatchConversations", step)
        await expect(page.locator("#events")).to_contain_text("Opened")
        assert await violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_at_the_entrance(wall: Wall, scheme: Any) -> None:
    async with wall.context(color_scheme=scheme) as context:
        page = await context.new_page()
        await page.goto(wall.url)
        await page.get_by_role("button", name="Show the board").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert await violations(page) == []


async def test_an_empty_house_says_what_would_fill_it(wall: Wall) -> None:
    quiet = Upstreams()
    kept = (
        wall.upstreams.queues,
        wall.upstreams.agents,
        wall.upstreams.clocks,
        wall.upstreams.kpis,
    )
    up = wall.upstreams
    up.queues, up.agents, up.clocks, up.kpis = quiet.queues, [], quiet.clocks, quiet.kpis
    try:
        async with wall.context() as context:
            page = await context.new_page()
            await page.goto(f"{wall.url}/#token={wall.token(tenant='empty')}")
            await expect(page.locator("#queues")).to_contain_text("No queues yet.")
            await expect(page.locator("#clocks")).to_contain_text("Nothing is due.")
            await expect(page.locator("#agents")).to_contain_text("No agents yet.")
            await expect(page.locator("#volume")).to_contain_text("A quiet hour.")
            await expect(page.locator("#events")).to_contain_text("Nothing has happened yet.")
            assert await violations(page) == []
    finally:
        up.queues, up.agents, up.clocks, up.kpis = kept


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
