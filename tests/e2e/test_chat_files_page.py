"""A visitor sends files with the chat widget, in a real browser, before a real intake process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from playwright.async_api import JSHandle, Page, Route, expect

from services.intake.core.blobs import digest_of
from services.intake.shell.chat.uploads import FILE_BYTES_MAX, FILES_MAX, PIECE_BYTES
from tests.component.intake.test_attachments import content_of, download
from tests.support import stack
from tests.support.shop import Shop, Widget, running_shop
from tests.support.wall import PHONE, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


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


def picture(name: str = "photo.png", size: int = 5000) -> Any:
    """A file as the dialog gives it."""
    content = (HEAD + uuid4().bytes).ljust(size, b"\x01")
    return {"name": name, "mimeType": "image/png", "buffer": content}


async def files_of(widget: Widget, text: str) -> list[dict[str, Any]]:
    """The files of the message with this text."""
    await widget.conversation(text)
    query = "SELECT attachments FROM message WHERE text = $1"
    found: list[dict[str, Any]] = orjson.loads(await widget.visit.rows.fetchval(query, text))
    return found


async def test_files_go_with_a_message_and_are_there_after_a_reload(shop: Shop) -> None:
    question, small, large = fresh("Look"), picture(), picture("large.png", 2 * PIECE_BYTES + 9)
    async with shop.widget() as widget:
        await widget.open()
        await widget.choose(small, large)
        await expect(widget.files).to_have_text(["photo.png", "large.png"])
        await expect(widget.note).to_have_text("large.png is attached.")
        await expect(widget.files.locator("progress")).to_have_count(0)
        await widget.write(question)
        await widget.shows(question)
        await expect(widget.files).to_have_count(0)
        await widget.page.reload()
        await widget.is_live()
        await widget.shows(question)
        links = widget.page.locator("li .file a")
        await expect(links).to_have_text(["photo.png", "large.png"])
        await expect(links.first).to_have_attribute("rel", "noopener noreferrer nofollow")
        for index, file in enumerate((small, large)):
            address = await links.nth(index).get_attribute("href")
            assert address is not None
            async with shop.visit.session.get(address) as answer:
                assert await answer.read() == file["buffer"]
        message_id = await shop.visit.rows.fetchval(
            "SELECT message_id FROM message WHERE text = $1", question
        )
        for file, sent in zip(await files_of(widget, question), (small, large), strict=True):
            given = await download(shop.visit, message_id, file["attachment_id"])
            assert content_of(given) == sent["buffer"]


async def test_a_file_needs_no_text_and_is_sent_once_the_visitor_is_back(shop: Shop) -> None:
    question = fresh("Hello?")
    async with shop.widget() as widget:
        await widget.open()
        await widget.write(question)
        await widget.shows(question)
        await widget.choose(picture("offline.png"))
        await expect(widget.note).to_have_text("offline.png is attached.")
        await widget.page.context.set_offline(True)
        await expect(widget.status).to_contain_text("You are offline")
        await widget.page.get_by_role("button", name="Send").click()
        await expect(widget.page.locator("li.visitor .file")).to_have_text("📎 offline.png")
        await expect(widget.page.get_by_text("Sending…")).to_be_visible()
        await widget.page.context.set_offline(False)
        await expect(widget.page.locator("li.visitor .file a")).to_have_text("offline.png")


async def test_a_server_that_dies_in_between_loses_no_file(shop: Shop) -> None:
    question = fresh("Both?")
    async with shop.widget() as widget:
        await widget.open()
        await widget.choose(picture("before.png"))
        await expect(widget.note).to_have_text("before.png is attached.")
        shop.house.intake.kill()
        await expect(widget.status).to_contain_text("Connecting")
        await widget.choose(picture("while.png"))
        await expect(widget.files.locator("progress")).to_be_visible()
        await widget.write(question)
        await expect(widget.note).to_have_text("Please wait until the files are attached.")
        await asyncio.to_thread(shop.house.intake.start)
        await expect(widget.note).to_have_text("while.png is attached.")
        await expect(widget.field).to_have_value(question)
        await widget.field.press("Enter")
        await widget.shows(question)
        names = [file["file_name"] for file in await files_of(widget, question)]
        assert names == ["before.png", "while.png"]


async def test_a_piece_that_is_lost_is_sent_again_and_its_progress_is_shown(shop: Shop) -> None:
    question, large = fresh("Again"), picture("film.png", 3 * PIECE_BYTES)
    arrived: asyncio.Queue[Route] = asyncio.Queue()

    async def held(route: Route) -> None:
        if route.request.method == "POST":
            await arrived.put(route)
        else:
            await route.continue_()

    async with shop.widget() as widget:
        await widget.open()
        await widget.page.route("**/files", held)
        await widget.choose(large)
        progress = widget.page.get_by_role("progressbar", name="film.png")
        await (await arrived.get()).continue_()
        second = await arrived.get()
        assert float(await progress.evaluate("it => it.value")) >= 1 / 3
        await second.abort()
        await (await arrived.get()).continue_()
        await (await arrived.get()).continue_()
        await expect(widget.note).to_have_text("film.png is attached.")
        await widget.write(question)
        await widget.shows(question)
        (file,) = await files_of(widget, question)
        assert file["size_bytes"] == len(large["buffer"])


async def test_what_is_taken_out_is_not_sent(shop: Shop) -> None:
    question, kept = fresh("One of them"), picture("kept.png")
    async with shop.widget() as widget:
        await widget.open()
        held: asyncio.Queue[Route] = asyncio.Queue()
        await widget.page.route("**/files", held.put)
        await widget.choose(picture("stopped.png"), picture("waiting.png"))
        await held.get()
        for name in ("waiting.png", "stopped.png"):
            await widget.page.get_by_role("button", name=f"Remove {name}").click()
        await expect(widget.files).to_have_count(0)
        await expect(widget.field).to_be_focused()
        await widget.page.unroute("**/files")
        await widget.choose(kept, picture("attached.png"))
        await expect(widget.note).to_have_text("attached.png is attached.")
        await widget.page.get_by_role("button", name="Remove attached.png").click()
        await widget.write(question)
        await widget.shows(question)
        assert [each["file_name"] for each in await files_of(widget, question)] == ["kept.png"]


async def test_what_is_not_taken_is_said(shop: Shop, tmp_path: Path) -> None:
    huge = tmp_path / "huge.mov"
    with huge.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    program = {"name": "setup.exe", "mimeType": "image/png", "buffer": b"MZ" + bytes(100)}
    async with shop.widget() as widget:
        await widget.open()
        await widget.choose(huge)
        await expect(widget.note).to_have_text("huge.mov is too large: at most 25 MB.")
        await widget.choose(program)
        await expect(widget.note).to_have_text("setup.exe is not of a kind that can be sent.")
        await widget.choose({"name": "empty.txt", "mimeType": "text/plain", "buffer": b""})
        await expect(widget.note).to_have_text("empty.txt could not be attached.")
        await expect(widget.files).to_have_count(0)
        await expect(widget.note).to_have_attribute("role", "status")
        assert await violations(widget.page) == []
        await widget.choose(*(picture(f"{number}.png") for number in range(FILES_MAX + 1)))
        await expect(widget.files).to_have_count(FILES_MAX)
        await expect(widget.files.locator("progress")).to_have_count(0)
        await expect(widget.note).to_have_text("At most 10 files go with a message.")


async def dragged(page: Page, *, text: str = "") -> JSHandle:
    """A picture on its way, and a text if there is one."""
    made = """(text) => {
        const moved = new DataTransfer();
        const head = [137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82];
        moved.items.add(new File([new Uint8Array(head)], "image.png", {type: "image/png"}));
        if (text) moved.items.add(text, "text/plain");
        return moved;
    }"""
    return await page.evaluate_handle(made, text)


async def test_a_file_is_dropped_and_a_picture_is_pasted(shop: Shop) -> None:
    question = fresh("Two ways")
    async with shop.widget() as widget:
        await widget.open()
        panel = widget.page.locator(".panel")
        moved = await dragged(widget.page)
        await panel.dispatch_event("dragover", {"dataTransfer": moved})
        await expect(panel).to_have_class("panel over")
        await panel.dispatch_event("drop", {"dataTransfer": moved})
        await expect(panel).to_have_class("panel")
        await expect(widget.note).to_have_text("image.png is attached.")
        pasted = (
            "(field, moved) => field.dispatchEvent("
            "new ClipboardEvent('paste', {clipboardData: moved, bubbles: true}))"
        )
        await widget.field.evaluate(pasted, await dragged(widget.page, text="cells of a sheet"))
        await expect(widget.files).to_have_count(1)
        await widget.field.evaluate(pasted, moved)
        await expect(widget.files).to_have_count(2)
        await expect(widget.files.locator("progress")).to_have_count(0)
        await widget.write(question)
        await widget.shows(question)
        names = [each["file_name"] for each in await files_of(widget, question)]
        assert names == ["image.png", "image.png"]


async def test_a_file_that_is_kept_no_more_is_asked_for_again(shop: Shop) -> None:
    question, gone = fresh("Too late"), picture("gone.png")
    async with shop.widget() as widget:
        await widget.open()
        await widget.choose(gone)
        await expect(widget.note).to_have_text("gone.png is attached.")
        swept = "DELETE FROM blob WHERE digest = $1"
        await shop.visit.rows.execute(swept, digest_of(gone["buffer"]))
        await widget.write(question)
        failed = widget.page.locator("li.failed")
        await expect(failed).to_contain_text("Not sent: its files are gone.")
        await failed.get_by_role("button", name="Edit and send again").click()
        await expect(widget.field).to_have_value(question)
        await expect(widget.files).to_have_count(0)
        await widget.choose(gone)
        await expect(widget.note).to_have_text("gone.png is attached.")
        await widget.field.press("Enter")
        await widget.shows(question)
        assert len(await files_of(widget, question)) == 1


async def test_who_signs_out_leaves_no_file(shop: Shop) -> None:
    async with shop.widget() as widget:
        await widget.open()
        await widget.choose(picture())
        await expect(widget.note).to_have_text("photo.png is attached.")
        await widget.page.evaluate("window.switchboardChat.identify('another')")
        await expect(widget.files).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_a_phone_has_room(shop: Shop, scheme: Any) -> None:
    question = fresh("Look")
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    async with shop.widget(**options) as widget:
        await widget.open()
        held: asyncio.Queue[Route] = asyncio.Queue()
        await widget.choose(picture("a name that is far too long to fit into a line.png" * 4))
        await expect(widget.note).to_contain_text("is attached.")
        await widget.page.route("**/files", held.put)
        await widget.choose(picture("second.png"))
        await held.get()
        await expect(widget.page.get_by_role("progressbar", name="second.png")).to_be_visible()
        assert await violations(widget.page) == []
        assert await widget.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        remove = widget.page.get_by_role("button", name="Remove second.png")
        box = await remove.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
        assert box["x"] + box["width"] <= PHONE["width"]
        await remove.tap()
        await widget.write(question)
        await widget.shows(question)
        assert await violations(widget.page) == []
