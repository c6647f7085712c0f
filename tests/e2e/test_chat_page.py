"""The chat widget on another site's page, in a real browser, before a real intake process."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.component.intake.visitors import proof
from tests.support import stack
from tests.support.shop import Shop, running_shop
from tests.support.wall import PHONE, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    kafka: stack.Kafka, postgres: stack.Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """Everything started once; each test has a browser context of its own."""
    async with running_shop(kafka, postgres, tmp_path_factory.mktemp("shop")) as found:
        yield found


def fresh(text: str) -> str:
    """A text that no other test has."""
    return f"{text} {uuid4()}"


async def test_a_visitor_and_an_agent_talk(shop: Shop) -> None:
    question = fresh("Where is my parcel?")
    async with shop.widget() as widget:
        await widget.open()
        await expect(widget.field).to_be_focused()
        await widget.write(question)
        await widget.shows(question)
        message_id = await widget.answer(question, "On its way")
        await widget.shows(question, "On its way")
        await widget.comes_to(message_id, "READ")

        await widget.page.keyboard.press("Escape")
        await expect(widget.launcher).to_have_accessible_name("Open chat")
        message_id = await widget.answer(question, "It is there")
        await expect(widget.launcher).to_have_accessible_name("Open chat, 1 new message")
        await widget.comes_to(message_id, "DELIVERED")
        await widget.open()
        await widget.shows(question, "On its way", "It is there")
        await widget.comes_to(message_id, "READ")
        await expect(widget.launcher).to_have_accessible_name("Close chat")


async def test_a_reload_goes_on_where_it_was(shop: Shop) -> None:
    question = fresh("Hello?")
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(question)
        await widget.answer(question, "Yes?")
        await widget.shows(question, "Yes?")
        await widget.page.reload()
        await widget.is_live()  # open, as it was left
        await widget.shows(question, "Yes?")
        await widget.write("Thanks")
        await widget.shows(question, "Yes?", "Thanks")

        await widget.page.keyboard.press("Escape")
        await widget.page.reload()
        await expect(widget.page.locator(".panel")).to_be_hidden()
        await widget.answer(question, "Welcome")
        await expect(widget.launcher).to_have_accessible_name("Open chat, 1 new message")


async def test_offline_and_back_loses_nothing(shop: Shop) -> None:
    question, first, second = fresh("Hello?"), fresh("one"), fresh("two")
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(question)
        await widget.shows(question)
        await widget.page.context.set_offline(True)
        await expect(widget.status).to_contain_text("You are offline")
        await widget.write(first)
        await widget.write(second)
        await expect(widget.page.get_by_text("Sending…")).to_have_count(2)
        await widget.answer(question, "Meanwhile")
        await widget.page.context.set_offline(False)
        await widget.shows(question, "Meanwhile", first, second)
        await expect(widget.status).to_be_empty()
        conversation = await widget.conversation(second)
        texts = await shop.visit.texts(conversation["conversation_id"])
        assert texts == [question, "Meanwhile", first, second]


async def test_a_server_that_dies_loses_nothing(shop: Shop) -> None:
    question, meanwhile, later = fresh("Hello?"), fresh("Still there?"), fresh("And now?")
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(question)
        await widget.shows(question)
        shop.house.intake.kill()
        await expect(widget.status).to_contain_text("Connecting")
        await widget.write(meanwhile)
        await asyncio.to_thread(shop.house.intake.start)
        await widget.shows(question, meanwhile)

        shop.house.intake.kill()
        await expect(widget.status).to_contain_text("Connecting")
        await widget.write(later)
        await widget.page.reload()  # the browser has kept the widget
        await expect(widget.page.get_by_text("Sending…")).to_be_visible()
        await asyncio.to_thread(shop.house.intake.start)
        await widget.shows(question, meanwhile, later)
        conversation = await widget.conversation(later)
        texts = await shop.visit.texts(conversation["conversation_id"])
        assert texts == [question, meanwhile, later]


async def test_who_types_faster_than_is_taken_loses_nothing_and_no_order(shop: Shop) -> None:
    texts = [fresh(str(number)) for number in range(13)]
    async with shop.widget() as widget:
        await widget.open()
        for text in texts:
            await widget.write(text)
        await widget.shows(*texts)
        conversation = await widget.conversation(texts[-1])
        assert await shop.visit.texts(conversation["conversation_id"]) == texts


async def test_all_tabs_show_the_same_once(shop: Shop) -> None:
    question, more = fresh("From one tab"), fresh("From the other")
    async with shop.widget() as one:
        await one.open()
        await one.write(question)
        await one.shows(question)
        other = await shop.on_page(one.page.context)
        await other.open()
        await other.shows(question)
        await other.write(more)
        await one.shows(question, more)
        await other.shows(question, more)
        await other.page.keyboard.press("Escape")
        await one.page.bring_to_front()
        await one.answer(question, "To both")
        await one.shows(question, more, "To both")
        await expect(other.launcher).to_have_accessible_name("Open chat")  # it was read in one


async def test_a_text_is_a_text(shop: Shop) -> None:
    hostile = fresh('<img src=x onerror="alert(1)"><script>alert(2)</script>')
    linked = (
        "See https://example.org/a_(b)?c=d. And http://[bad, javascript:alert(3), "
        'https://user@example.com/"onmouseover=alert(4)'
    )
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(hostile)
        await widget.shows(hostile)
        await widget.answer(hostile, linked)
        await widget.shows(hostile, linked)
        assert await widget.page.locator("li img, li script").count() == 0
        links = widget.page.locator("li a")
        found = [await link.get_attribute("href") for link in await links.all()]
        assert found == ["https://example.org/a_(b)?c=d", "https://user@example.com/"]
        await expect(links.first).to_have_attribute("rel", "noopener noreferrer nofollow")
        await widget.page.reload()
        await widget.shows(hostile, linked)


async def test_who_signs_in_goes_on_and_who_signs_out_leaves_nothing(shop: Shop) -> None:
    question, person = fresh("Before I sign in"), f"c-{uuid4()}"
    signed_in = urlencode({"identity": proof(sub=person, name="Grete", exp=int(time.time()) + 600)})
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(question)
        await widget.shows(question)
        await widget.page.goto(f"{shop.url}/?{signed_in}")
        await widget.is_live()
        await widget.shows(question)
        await widget.write("It is me")
        await widget.shows(question, "It is me")

        await widget.page.goto(f"{shop.url}/")
        await widget.is_live()
        await widget.shows()
        assert person not in str(await widget.page.context.storage_state())
    async with shop.widget(query=signed_in) as elsewhere:
        await elsewhere.open()
        await elsewhere.shows(question, "It is me")
        await elsewhere.page.evaluate("window.switchboardChat.identify('')")
        await elsewhere.shows()


async def test_everything_is_done_with_keys(shop: Shop) -> None:
    question = fresh("By keys")
    async with shop.widget() as widget:
        await widget.page.keyboard.press("Tab")
        await expect(widget.launcher).to_be_focused()
        await widget.page.keyboard.press("Enter")
        await expect(widget.field).to_be_focused()
        await widget.is_live()
        await widget.page.keyboard.type(question)
        await widget.page.keyboard.press("Shift+Enter")
        await widget.page.keyboard.type("and below")
        await widget.page.keyboard.press("Enter")
        await widget.shows(re.sub(r"\s+", " ", f"{question}\nand below"))
        await widget.page.keyboard.press("Shift+Tab")
        await expect(widget.attach).to_be_focused()
        async with widget.page.expect_file_chooser() as choosing:
            await widget.page.keyboard.press("Enter")
        assert (await choosing.value).is_multiple()
        await widget.page.keyboard.press("Shift+Tab")
        await expect(widget.page.get_by_role("log")).to_be_focused()
        await widget.page.keyboard.press("Escape")
        await expect(widget.launcher).to_be_focused()
        await expect(widget.launcher).to_have_attribute("aria-expanded", "false")


async def test_it_speaks_the_pages_language(shop: Shop) -> None:
    async with shop.widget(query="lang=de-AT") as widget:
        await expect(widget.launcher).to_have_accessible_name("Chat öffnen")
        await widget.open()
        await expect(widget.page.get_by_role("dialog")).to_have_accessible_name(
            "Chatten Sie mit uns"
        )
        await widget.write(fresh("Grüß Gott"))
        await expect(widget.page.locator("li time")).to_have_count(1)
    async with shop.widget(query="lang=tlh") as widget:
        await expect(widget.launcher).to_have_accessible_name("Open chat")


async def test_it_fits_a_phone(shop: Shop) -> None:
    async with shop.widget(viewport=PHONE, has_touch=True, is_mobile=True) as widget:
        await widget.launcher.tap()
        await widget.is_live()
        await widget.write(fresh("x" * 300))
        await expect(widget.page.locator("li time")).to_have_count(1)
        panel = await widget.page.locator(".panel").bounding_box()
        assert panel == {"x": 0, "y": 0, **PHONE}
        assert await widget.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for name in ("Send", "Close chat", "Attach files"):
            button = await widget.page.get_by_role("button", name=name).bounding_box()
            assert button is not None
            assert min(button["width"], button["height"]) >= 40
        assert await violations(widget.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(shop: Shop, scheme: Any) -> None:
    question = fresh("Hello?")
    async with shop.widget(color_scheme=scheme) as widget:
        assert await violations(widget.page) == []
        await widget.open()
        await widget.write(question)
        await widget.answer(question, "See https://example.org")
        await widget.shows(question, "See https://example.org")
        await widget.page.context.set_offline(True)
        await widget.write("Offline")
        await expect(widget.page.get_by_text("Sending…")).to_be_visible()
        assert await violations(widget.page) == []
        pale = "document.getElementById('switchboard-chat').style.cssText = %r"
        colours = "--switchboard-accent: #999; --switchboard-on-accent: #ccc"
        await widget.page.evaluate(pale % colours)
        assert await violations(widget.page) != []  # it does look inside
