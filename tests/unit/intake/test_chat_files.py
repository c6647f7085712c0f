"""Files of visitors: what is taken, who may name it, and what a message with files becomes."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.core.model import Attachment
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.chat import frames
from services.intake.shell.chat.kinds import is_taken
from services.intake.shell.chat.listening import Listener
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.uploads import (
    FILE_BYTES_MAX,
    FILES_MAX,
    PIECE_BYTES,
    NotTaken,
    Owner,
    Uploads,
    Why,
)
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake.chat import ID, KEY, VISITOR, World, chat_account, said
from tests.unit.intake.given import TENANT

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
OWNER = Owner(TENANT, ID, VISITOR)
STRANGERS = [Owner(TENANT, ID, "v-2"), Owner(TENANT, "other", VISITOR)]


def uploads(blobs: MemoryBlobs, *, key: bytes = KEY, bytes_max: int = FILE_BYTES_MAX) -> Uploads:
    return Uploads(blobs, [key], bytes_max=bytes_max)


async def sent(to: Uploads, content: bytes = PNG, *, name: str = "photo.png") -> Attachment:
    """A file, piece by piece, as the widget sends it."""
    so_far = ""
    while len(content) > PIECE_BYTES:
        so_far = await to.go_on(OWNER, so_far, content[:PIECE_BYTES])
        content = content[PIECE_BYTES:]
    return await to.finish(OWNER, so_far, content, file_name=name, claimed="image/png")


@pytest.mark.parametrize(
    ("media_type", "name", "taken"),
    [
        ("image/jpeg", "photo.jpg", True),
        ("image/heic", "IMG_0001.HEIC", True),
        ("image/png", "", True),
        ("audio/mp4", "note.m4a", True),
        ("video/quicktime", "film.mov", True),
        ("application/pdf", "bill.v2.pdf", True),
        ("text/plain", "log", True),
        ("text/csv", "orders.csv", True),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", True),
        ("application/vnd.oasis.opendocument.text", "a.odt", True),
        ("image/svg+xml", "drawing.svg", False),
        ("text/html", "page.htm", False),
        ("application/zip", "logs.zip", False),
        ("application/octet-stream", "data.bin", False),
        ("application/vnd.microsoft.portable-executable", "setup.exe", False),
        ("application/vnd.ms-word.document.macroenabled.12", "a.docm", False),
        ("text/plain", "run.bat", False),
        ("text/plain", "invoice.pdf.JS", False),
        ("text/plain", "invoice.ps1. .", False),
        ("image/png", "exe", False),
    ],
)
def test_what_is_taken_goes_by_content_and_by_what_the_name_would_start(
    media_type: str, name: str, taken: bool
) -> None:
    assert is_taken(media_type, name) is taken


@pytest.mark.parametrize("size", [100, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 7])
async def test_pieces_become_the_file_again(size: int) -> None:
    blobs = MemoryBlobs()
    content = (PNG + bytes(range(256)) * (size // 256 + 1))[:size]
    file = await sent(uploads(blobs), content)
    assert file.size_bytes == size
    assert blobs.held[TENANT, file.reference.removeprefix("blob:")] == content


async def test_a_repeat_is_the_same_file_and_another_process_goes_on_with_it() -> None:
    blobs = MemoryBlobs()
    first = await uploads(blobs).go_on(OWNER, "", PNG.ljust(PIECE_BYTES))
    held = dict(blobs.held)
    await uploads(blobs).go_on(OWNER, "", PNG.ljust(PIECE_BYTES))
    assert blobs.held == held
    ended = [
        await uploads(blobs).finish(OWNER, first, b"end", file_name="a.png", claimed="")
        for _ in range(2)
    ]
    assert ended[0] == ended[1]
    elsewhere = uploads(blobs)
    assert await elsewhere.named(OWNER, uploads(blobs).token(OWNER, ended[0])) == ended[0]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_nobody_else_can_use_what_a_visitor_was_given(stranger: Owner) -> None:
    at = uploads(MemoryBlobs())
    so_far = await at.go_on(OWNER, "", bytes(PIECE_BYTES))
    token = at.token(OWNER, await sent(at))
    with pytest.raises(BadToken):
        await at.named(stranger, token)
    with pytest.raises(BadToken):
        await at.finish(stranger, so_far, b"end", file_name="a.txt", claimed="text/plain")


async def test_only_what_was_sealed_for_it_names_a_file() -> None:
    at = uploads(MemoryBlobs())
    file = await sent(at)
    so_far = await at.go_on(OWNER, "", bytes(PIECE_BYTES))
    other_key = uploads(MemoryBlobs(), key=bytes(32)).token(OWNER, file)
    for token in (file.reference, file.reference.removeprefix("blob:"), so_far, other_key, "", "ä"):
        with pytest.raises(BadToken):
            await at.named(OWNER, token)
    with pytest.raises(BadToken):
        await at.go_on(OWNER, at.token(OWNER, file), bytes(PIECE_BYTES))


async def test_a_file_that_was_swept_is_to_be_sent_again() -> None:
    blobs = MemoryBlobs()
    at = uploads(blobs)
    so_far = await at.go_on(OWNER, "", bytes(PIECE_BYTES))
    token = at.token(OWNER, await sent(at))
    blobs.held.clear()
    with pytest.raises(NotTaken) as gone:
        await at.named(OWNER, token)
    assert gone.value.why is Why.GONE
    with pytest.raises(NotTaken) as gone:
        await at.finish(OWNER, so_far, b"end", file_name="a.txt", claimed="text/plain")
    assert gone.value.why is Why.GONE


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Why.EMPTY),
        (b"MZ" + bytes(100), Why.KIND),
        (b"<html><script>alert(1)</script>", Why.KIND),
        (b"a claim that lacks its signature", Why.KIND),
        (bytes(2 * PIECE_BYTES + 1), Why.TOO_LARGE),
        (bytes(5 * PIECE_BYTES), Why.TOO_LARGE),
    ],
)
async def test_what_is_not_taken_is_not_kept_whole(content: bytes, why: Why) -> None:
    blobs = MemoryBlobs()
    with pytest.raises(NotTaken) as refused:
        await sent(uploads(blobs, bytes_max=2 * PIECE_BYTES), content)
    assert refused.value.why is why
    assert content not in blobs.held.values()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1])
async def test_no_piece_before_the_last_is_short(size: int) -> None:
    with pytest.raises(NotTaken) as refused:
        await uploads(MemoryBlobs()).go_on(OWNER, "", bytes(size))
    assert refused.value.why is Why.PIECE


async def test_the_largest_file_is_held_by_a_token_that_fits() -> None:
    blobs = MemoryBlobs()
    content = b"".join(PNG.ljust(PIECE_BYTES, bytes([n])) for n in range(25))
    file = await sent(uploads(blobs, bytes_max=100 * PIECE_BYTES), content)
    assert file.size_bytes == FILE_BYTES_MAX
    with pytest.raises(NotTaken):
        await sent(uploads(blobs, bytes_max=100 * PIECE_BYTES), content + b"x")


async def _answered(world: World, said_so: frames.Said) -> Any:
    (answer,) = await Listener(world.standing(), "").answer(said_so)
    return said(answer)


async def test_a_message_has_its_files_in_their_order_and_needs_no_text() -> None:
    world = World()
    at = uploads(world.blobs)
    first, second = await sent(at), await sent(at, PNG + b"2", name="two.png")
    tokens = (at.token(OWNER, first), at.token(OWNER, second))
    accepted = await _answered(world, frames.Said("id-0001", "", tokens))
    assert accepted["type"] == "accepted"
    files = world.published[0].inbound_message.attachments
    assert [(each.file_name, each.media_type) for each in files] == [
        ("photo.png", "image/png"),
        ("two.png", "image/png"),
    ]
    assert [each.reference for each in files] == [first.reference, second.reference]
    named = accepted["message_id"]
    assert [each.attachment_id for each in files] == [f"{named}-0", f"{named}-1"]


@pytest.mark.parametrize("owner", STRANGERS)
async def test_a_message_cannot_have_somebody_elses_file(owner: Owner) -> None:
    world = World()
    at = uploads(world.blobs)
    token = at.token(owner, await sent(at))
    error = await _answered(world, frames.Said("id-0001", "Look", (token,)))
    assert error == {"type": "error", "code": "no_file", "id": "id-0001"}
    assert world.published == []


async def test_what_a_message_may_have_is_said_for_good() -> None:
    world = World()
    at = uploads(world.blobs)
    token = at.token(OWNER, await sent(at))
    error = await _answered(world, frames.Said("id-0001", "Look", (token,) * (FILES_MAX + 1)))
    assert error["code"] == "too_many_files"
    world.blobs.held.clear()
    error = await _answered(world, frames.Said("id-0001", "Look", (token,)))
    assert error["code"] == "no_file"
    closed = World(account=chat_account(settings={"visitor_files": "false"}), blobs=world.blobs)
    token = at.token(OWNER, await sent(at))
    error = await _answered(closed, frames.Said("id-0001", "Look", (token,)))
    assert error["code"] == "no_file"
    assert (world.published, closed.published) == ([], [])


@pytest.mark.parametrize("files", ['"token"', "[7]", "[null]", "{}"])
def test_files_are_a_list_of_texts(files: str) -> None:
    with pytest.raises(Malformed):
        frames.parse(f'{{"type":"message","id":"id-00001","text":"","files":{files}}}')


def test_a_widget_is_told_what_is_taken_where_anything_is() -> None:
    def told(file_bytes_max: int) -> Any:
        return said(
            frames.welcome(
                token="", seen=0, now_ms=1, file_bytes_max=file_bytes_max, files_max=FILES_MAX
            )
        )

    assert (told(7)["file_bytes_max"], told(7)["files_max"]) == (7, FILES_MAX)
    assert told(0) == {"type": "welcome", "seen": 0, "now_ms": 1}
