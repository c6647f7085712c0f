"""Files on their way out: one call a message, with the file in it or a link to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.core.delivery.model import Phase
from services.intake.core.model import Attachment
from tests.component.intake.provider import NOW_S, answering
from tests.component.intake.senders import WAYS, Called, calling
from tests.unit.intake.doors import PUBLIC_URL

BASE = f"{PUBLIC_URL}/attachments"
PHOTO = Attachment("a-1", "photo.jpg", "image/jpeg", 900_000, "blob:1")
BILL = Attachment("a-2", "bill\n.pdf", "application/pdf; x=y", 48_213, "blob:2")
CLIP = Attachment("a-3", "clip.mp4", "video/mp4", 12_000_000, "blob:3")
SHEET = Attachment("a-4", "", "text/csv", 70, "blob:4")
SONG = Attachment("a-5", "song.mp3", "audio/mpeg", 3_000_000, "blob:5")
UNKNOWN_SIZE = replace(PHOTO, size_bytes=0)
TEXT = "It is on its way."


def form(called: Called, name: str) -> list[str]:
    """The values of a field of the one form."""
    return [value for field, value in called.asked if field == name]


async def sent(called: Called, *files: Attachment, text: str = TEXT) -> Any:
    """The one body that a message with files is."""
    report = await called.send(attachments=files, text=text)
    assert report.answer is Answer.ACCEPTED
    assert len(called.provider.requests) == 1
    return called.asked


LINKED = f"{TEXT}\n\nbill .pdf: {BASE}/2\n{BASE}/4"


@pytest.mark.parametrize("name", ["whatsapp", "messenger", "telegram", "slack", "line"])
async def test_what_does_not_go_along_is_linked_below_the_text(name: str) -> None:
    sheet_first = (replace(BILL, size_bytes=200_000_000), SHEET)
    async with calling(WAYS[name]) as called:
        body = await sent(called, *sheet_first)
        texts = {
            "whatsapp": lambda: body["text"]["body"],
            "messenger": lambda: body["message"]["text"],
            "telegram": lambda: body["text"],
            "slack": lambda: body["text"],
            "line": lambda: body["messages"][0]["text"],
        }
        assert texts[name]() == LINKED


@pytest.mark.parametrize("name", ["whatsapp", "messenger", "telegram", "slack", "line"])
async def test_links_count_as_text(name: str) -> None:
    longest = {
        "whatsapp": 4096,
        "messenger": 2000,
        "telegram": 4096,
        "slack": 40_000,
        "line": 5000,
    }[name]
    async with calling(WAYS[name]) as called:
        report = await called.send(attachments=(SHEET,), text="x" * longest)
        assert (report.answer, report.reason) == (Answer.REFUSED, "text_too_long")
        assert called.provider.requests == []


# Twilio


async def test_an_sms_has_the_addresses_alone() -> None:
    async with calling(WAYS["twilio"]) as called:
        await sent(called, PHOTO, BILL)
        assert form(called, "Body") == [f"{TEXT}\n\n{BASE}/1\n{BASE}/2"]
        assert form(called, "MediaUrl") == []
        assert called.provider.counted[0].segments == 1


async def test_an_mms_has_all_its_files_and_no_segments() -> None:
    async with calling(WAYS["twilio"].with_settings(mms="true")) as called:
        await sent(called, PHOTO, BILL)
        assert form(called, "Body") == [TEXT]
        assert form(called, "MediaUrl") == [f"{BASE}/1", f"{BASE}/2"]
        assert called.provider.counted == []


@pytest.mark.parametrize(
    "files", [[PHOTO] * 11, [CLIP], [PHOTO] * 6, [UNKNOWN_SIZE]], ids=["many", "1", "all", "0"]
)
async def test_what_no_mms_holds_is_linked(files: list[Attachment]) -> None:
    async with calling(WAYS["twilio"].with_settings(mms="true")) as called:
        await sent(called, *files)
        assert form(called, "MediaUrl") == []
        assert form(called, "Body")[0].count(BASE) == len(files)


async def test_a_message_with_links_is_recognised_by_all_of_its_text() -> None:
    async with calling(WAYS["twilio"]) as called:
        said = replace(called.way.dispatch, attachments=(BILL,), phase=Phase.LOOKING_UP, lookups=1)
        listed = {
            "sid": "SM9",
            "body": f"{TEXT}\n\n{BASE}/2",
            "direction": "outbound-api",
            "date_created": "Sun, 15 Jun 2025 15:06:41 +0000",
        }
        assert NOW_S == 1_750_000_000
        called.provider.handler = answering(200, {"messages": [listed]})
        for text, sighting in ((TEXT, Sighting.FOUND), ("Other.", Sighting.ABSENT)):
            report = await called.sender.look_up(
                replace(said, text=text), called.way.account, known_ids=frozenset()
            )
            assert report.sighting is sighting


# WhatsApp


@pytest.mark.parametrize(
    ("file", "kind", "media"),
    [
        (PHOTO, "image", {"link": f"{BASE}/1", "caption": TEXT}),
        (CLIP, "video", {"link": f"{BASE}/3", "caption": TEXT}),
        (BILL, "document", {"link": f"{BASE}/2", "caption": TEXT, "filename": "bill .pdf"}),
    ],
)
async def test_whatsapp_gets_a_file_with_the_text_below_it(
    file: Attachment, kind: str, media: dict[str, str]
) -> None:
    async with calling(WAYS["whatsapp"]) as called:
        body = await sent(called, file)
        assert (body["type"], body[kind], "text" in body) == (kind, media, False)
        assert body["biz_opaque_callback_data"] == "d-1"


async def test_whatsapp_gets_the_first_of_several_files_and_links_to_the_others() -> None:
    async with calling(WAYS["whatsapp"]) as called:
        body = await sent(called, PHOTO, BILL, text="")
        assert body["image"] == {"link": f"{BASE}/1", "caption": f"bill .pdf: {BASE}/2"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (PHOTO, "x" * 1025),
        (SONG, TEXT),
        (SHEET, TEXT),
        (UNKNOWN_SIZE, TEXT),
        (replace(PHOTO, size_bytes=5_000_001), TEXT),
    ],
)
async def test_whatsapp_gets_a_link_to_what_has_no_room_for_the_text(
    file: Attachment, text: str
) -> None:
    async with calling(WAYS["whatsapp"]) as called:
        body = await sent(called, file, text=text)
        assert body["type"] == "text"
        assert BASE in body["text"]["body"]


# Messenger


@pytest.mark.parametrize(
    ("file", "kind"), [(PHOTO, "image"), (CLIP, "video"), (SONG, "audio"), (BILL, "file")]
)
async def test_messenger_gets_a_file_that_stands_alone(file: Attachment, kind: str) -> None:
    async with calling(WAYS["messenger"]) as called:
        body = await sent(called, file, text="")
        url = f"{BASE}/{file.reference.removeprefix('blob:')}"
        assert body["message"] == {
            "attachment": {"type": kind, "payload": {"url": url, "is_reusable": False}},
            "metadata": "d-1",
        }


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ((PHOTO,), TEXT),
        ((PHOTO, BILL), ""),
        ((UNKNOWN_SIZE,), ""),
        ((replace(PHOTO, size_bytes=8_000_001),), ""),
        ((replace(BILL, size_bytes=25_000_001),), ""),
    ],
)
async def test_messenger_gets_links_beside_a_text(files: tuple[Attachment, ...], text: str) -> None:
    async with calling(WAYS["messenger"]) as called:
        message = (await sent(called, *files, text=text))["message"]
        assert message["text"].count(BASE) == len(files)
        assert "attachment" not in message


# Telegram


@pytest.mark.parametrize(
    ("file", "method", "content"),
    [
        (PHOTO, "sendPhoto", {"photo": f"{BASE}/1", "caption": TEXT}),
        (BILL, "sendDocument", {"document": f"{BASE}/2", "caption": TEXT}),
    ],
)
async def test_telegram_gets_a_file_with_the_text_below_it(
    file: Attachment, method: str, content: dict[str, str]
) -> None:
    async with calling(WAYS["telegram"]) as called:
        body = await sent(called, file)
        assert called.methods == [method]
        assert body == content | {"chat_id": called.way.dispatch.recipient}


async def test_telegram_gets_a_file_without_a_text() -> None:
    async with calling(WAYS["telegram"]) as called:
        body = await sent(called, PHOTO, text="")
        assert "caption" not in body


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (PHOTO, "x" * 1025),
        (CLIP, TEXT),
        (SHEET, TEXT),
        (UNKNOWN_SIZE, TEXT),
        (replace(PHOTO, size_bytes=5_000_001), TEXT),
        (replace(BILL, size_bytes=20_000_001), TEXT),
    ],
)
async def test_telegram_gets_a_link_to_what_it_would_not_fetch(file: Attachment, text: str) -> None:
    async with calling(WAYS["telegram"]) as called:
        body = await sent(called, file, text=text)
        assert called.methods == ["sendMessage"]
        assert BASE in body["text"]


# LINE


def image(number: int) -> dict[str, str]:
    url = f"{BASE}/{number}"
    return {"type": "image", "originalContentUrl": url, "previewImageUrl": url}


async def test_line_shows_images_beside_the_text_and_links_in_it() -> None:
    async with calling(WAYS["line"]) as called:
        body = await sent(called, BILL, PHOTO)
        said = {"type": "text", "text": f"{TEXT}\n\nbill .pdf: {BASE}/2"}
        assert body["messages"] == [said, image(1)]


async def test_line_shows_an_image_alone() -> None:
    async with calling(WAYS["line"]) as called:
        assert (await sent(called, PHOTO, text=""))["messages"] == [image(1)]


async def test_line_takes_five_objects_a_call() -> None:
    photos = [replace(PHOTO, reference=f"blob:{number}") for number in range(6)]
    async with calling(WAYS["line"]) as called:
        said, *images = (await sent(called, *photos))["messages"]
        assert images == [image(number) for number in range(4)]
        assert said["text"].count(BASE) == 2


@pytest.mark.parametrize("file", [replace(PHOTO, size_bytes=1_000_001), UNKNOWN_SIZE, CLIP])
async def test_line_gets_a_link_to_what_is_no_preview_of_itself(file: Attachment) -> None:
    async with calling(WAYS["line"]) as called:
        (said,) = (await sent(called, file))["messages"]
        assert BASE in said["text"]


# Slack


async def test_slack_gets_links_with_our_reference() -> None:
    async with calling(WAYS["slack"]) as called:
        body = await sent(called, PHOTO, text="a & b")
        assert body["text"] == f"a &amp; b\n\nphoto.jpg: {BASE}/1"
        assert body["metadata"]["event_payload"] == {"message_id": "d-1"}
