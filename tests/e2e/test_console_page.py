"""The console's page in a real browser, before a real console whose upstreams are faked."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect
from switchboard.intake.v1 import conversation_service_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model

from tests.support.house import queued
from tests.support.tokens import Issuer
from tests.support.upstreams import Upstreams
from tests.support.waiting import until
from tests.support.wall import LIVE, PHONE, Wall, running_wall, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wall]:
    """Everything started once; each test has a browser context of its own."""
    async with running_wall(tmp_path_factory.mktemp("console")) as found:
        yield found


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
        await expect(page.locator(".stale-note")).to_have_count(0)


async def test_all_tabs_of_a_browser_share_one_stream(wall: Wall) -> None:
    async def streams_are(number: float) -> bool:
        return await wall.metric("console_browsers") == number

    async with wall.board() as first:
        await until(lambda: streams_are(1), what="earlier tests' streams to end")
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
        assert await streams_are(2)  # the first tab's token, and that of the eight others
        for page in pages[1:]:
            await page.close()
        await until(lambda: streams_are(1), what="the shared stream to end")


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
