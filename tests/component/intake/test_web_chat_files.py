"""Files of web chat's visitors through a running process: sent up, named, shown, and kept out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest
from switchboard.intake.v1 import conversation_service_pb2 as talk

from services.intake.core.blobs import digest_of, reference_of
from services.intake.core.model import Attachment
from services.intake.shell.chat.files_door import PER_VISITOR_MAX
from services.intake.shell.chat.uploads import (
    FILE_BYTES_MAX,
    FILES_MAX,
    PIECE_BYTES,
    Owner,
    Uploads,
)
from tests.component.intake.house import TENANT, Visit
from tests.component.intake.test_attachments import content_of, download
from tests.component.intake.visitors import SITE, Frame, Visitor, chat_account
from tests.support.memory_blobs import MemoryBlobs
from tests.support.waiting import DEADLINE_S, until

ID = "files-chat"
HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
PNG = HEAD + bytes(range(256)) * 40


def unique(size: int = 10_000) -> bytes:
    """A picture that no other test has."""
    return (HEAD + uuid4().bytes).ljust(size, b"\x07")


@pytest.fixture
async def visitor(visit: Visit) -> Visitor:
    """Somebody new on a page of the site, with a session."""
    await visit.open_account(chat_account(ID))
    found = Visitor(visit, ID)
    assert await found.enter() == 201
    return found


async def kept(visit: Visit, content: bytes) -> int:
    """How often the store has a file."""
    query = "SELECT count(*) FROM blob WHERE tenant_id = $1 AND digest = $2"
    return int(await visit.rows.fetchval(query, TENANT, digest_of(content)))


async def files_of(visit: Visit, message_id: str) -> list[dict[str, Any]]:
    """The files of a message, once it is threaded."""
    query = "SELECT attachments FROM message WHERE message_id = $1"
    found = await until(lambda: visit.rows.fetchval(query, message_id), what="the message")
    files: list[dict[str, Any]] = orjson.loads(found)
    return files


async def test_a_file_reaches_the_agent_and_comes_back_to_the_visitor(
    visit: Visit, visitor: Visitor
) -> None:
    content, large = unique(), unique(2 * PIECE_BYTES + 5)
    async with visitor.talking() as socket:
        assert socket.seen[0]["file_bytes_max"] == FILE_BYTES_MAX
        assert socket.seen[0]["files_max"] == FILES_MAX
        tokens = [
            await visitor.uploaded(content, "Foto ü.png"),
            await visitor.uploaded(large, "..\\b/large.png"),
        ]
        accepted = await socket.write("", files=tokens)
        line = await socket.hear("message", message_id=accepted["message_id"])
    shown = [(each["name"], each["media_type"], each["size_bytes"]) for each in line["attachments"]]
    expected = [("Foto ü.png", "image/png", len(content)), ("large.png", "image/png", len(large))]
    assert shown == expected
    path = urlsplit(line["attachments"][1]["url"]).path
    async with visit.session.get(visit.house.http_url + path) as answer:
        assert (answer.status, await answer.read()) == (200, large)
    message_id = accepted["message_id"]
    for file, sent in zip(await files_of(visit, message_id), [content, large], strict=True):
        assert file["reference"] == reference_of(digest_of(sent))
        given = await download(visit, message_id, file["attachment_id"])
        assert content_of(given) == sent
        assert given.messages[0].header.shown_inline
    conversation_id = await visit.rows.fetchval(
        "SELECT conversation_id FROM message WHERE message_id = $1", message_id
    )
    ask = talk.GetTimelineRequest(conversation_id=conversation_id)
    timeline = await visit.get("ConversationService.GetTimeline", ask, role="agent")
    assert "Foto ü.png" in str(timeline)
    async with visitor.talking() as again:  # as after a reload
        line = await again.hear("message", message_id=message_id)
        assert [each["name"] for each in line["attachments"]] == ["Foto ü.png", "large.png"]


async def test_a_process_that_is_killed_between_upload_and_message_loses_neither(
    visit: Visit, visitor: Visitor
) -> None:
    content, large = unique(), unique(PIECE_BYTES + 9)
    token = await visitor.uploaded(content)
    _, half = await visitor.upload(large[:PIECE_BYTES])
    visit.house.intake.kill()
    await asyncio.to_thread(visit.house.intake.start)
    status, whole = await visitor.upload(
        large[PIECE_BYTES:], so_far=half["so_far"], file_name="large.png"
    )
    assert status == 201, whole
    async with visitor.talking() as socket:
        accepted = await socket.write("Both", files=[token, whole["file"]])
    found = [file["reference"] for file in await files_of(visit, accepted["message_id"])]
    assert found == [reference_of(digest_of(each)) for each in (content, large)]


async def test_repeats_of_an_upload_and_of_a_message_change_nothing(
    visit: Visit, visitor: Visitor
) -> None:
    content = unique()
    tokens = [await visitor.uploaded(content) for _ in range(3)]
    assert await kept(visit, content) == 1
    named = str(uuid4())
    async with visitor.talking() as socket:
        first = await socket.write("Once", client_id=named, files=tokens[:1])
        again = await socket.write("Once", client_id=named, files=tokens[1:])
        assert again["message_id"] == first["message_id"]
        await socket.write("Done")
        await socket.hear_text("Done")
    assert [line["text"] for line in socket.lines] == ["Once", "Done"]
    assert len(await files_of(visit, first["message_id"])) == 1


async def refused(visitor: Visitor, *files: str) -> Frame:
    """How a message with these files is answered."""
    async with visitor.talking() as socket:
        await socket.say(type="message", id="0190aaaa-bbbb", text="Look", files=[*files])
        return await socket.hear("error", id="0190aaaa-bbbb")


async def test_nobody_can_name_what_another_visitor_has_sent(
    visit: Visit, visitor: Visitor
) -> None:
    content, large = unique(), unique(PIECE_BYTES + 9)
    token = await visitor.uploaded(content)
    _, half = await visitor.upload(large[:PIECE_BYTES])
    stranger = Visitor(visit, ID)
    assert await stranger.enter() == 201
    forged = Uploads(MemoryBlobs(), [bytes(32)], bytes_max=FILE_BYTES_MAX).token(
        Owner(TENANT, ID, "v"), Attachment("", "a.png", "image/png", 1, reference_of("ab" * 32))
    )
    digest = digest_of(content)
    for tried in (token, half["so_far"], digest, reference_of(digest), forged, "", "ä" * 9000):
        assert (await refused(stranger, tried))["code"] == "no_file"
    status, _ = await stranger.upload(b"end", so_far=half["so_far"], file_name="a.png")
    assert status == 400
    assert (await refused(visitor, *[token] * (FILES_MAX + 1)))["code"] == "too_many_files"
    async with visitor.talking() as socket:
        await socket.write("Mine", files=[token])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 201),
        ({"token": ""}, 401),
        ({"token": "nonsense"}, 401),
        ({"token": "ä"}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "null"}, 403),
        ({"account_id": "no-such-chat"}, 404),
    ],
)
async def test_only_a_session_on_a_page_of_the_site_gets_in(
    visit: Visit, visitor: Visitor, changes: dict[str, str], status: int
) -> None:
    content = unique()
    asking = replace(visitor, **changes)  # type: ignore[arg-type] # fields by name
    told, _ = await asking.upload(content, file_name="photo.png")
    assert (told, await kept(visit, content)) == (status, int(status == 201))


async def test_a_session_of_another_account_opens_nothing(visit: Visit, visitor: Visitor) -> None:
    await visit.open_account(chat_account("other-files"))
    status, _ = await replace(visitor, account_id="other-files").upload(PNG, file_name="a.png")
    assert status == 401


async def test_an_account_may_take_no_files(visit: Visit) -> None:
    await visit.open_account(chat_account("no-files", visitor_files="false"))
    visitor = Visitor(visit, "no-files")
    async with visitor.talking() as socket:
        assert "files_max" not in socket.seen[0]
    headers = visitor.headers(file_name="a.png")
    async with visit.session.post(visitor.files_url, data=PNG, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (403, "this account takes no files")


async def test_a_browser_may_ask_first(visitor: Visitor) -> None:
    ask = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    async with visitor.visit.session.options(visitor.files_url, headers=ask) as answer:
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == SITE
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert allowed == ["authorization", "content-type", "x-file-name", "x-file-so-far"]


@pytest.mark.parametrize(
    ("content", "more", "status"),
    [
        (b"", {"file_name": "empty.txt"}, 400),
        (b"short", {}, 400),
        (PNG, {"file_name": "a.png", "so_far": "nonsense"}, 400),
        (b"MZ" + bytes(100), {"file_name": "photo.png", "content_type": "image/png"}, 415),
        (b"<!doctype html><script>1</script>", {"file_name": "a.png"}, 415),
        (b"@echo off", {"file_name": "a.bat", "content_type": "text/plain"}, 415),
        (b"no type at all", {"file_name": "a"}, 415),
        (PNG.ljust(PIECE_BYTES + 1), {"file_name": "a.png"}, 413),
    ],
)
async def test_what_is_not_taken_is_said_with_a_reason(
    visitor: Visitor, content: bytes, more: dict[str, str], status: int
) -> None:
    told, why = await visitor.upload(content, **more)
    assert (told, 0 < len(why) < 200) == (status, True)


async def test_a_name_that_is_no_text_is_refused(visit: Visit, visitor: Visitor) -> None:
    headers = visitor.headers() | {"X-File-Name": "%ff%fe.png"}
    async with visit.session.post(visitor.files_url, data=PNG, headers=headers) as answer:
        assert answer.status == 400


async def test_a_file_that_grows_too_large_is_refused_before_it_is_whole(
    visitor: Visitor,
) -> None:
    piece, told = HEAD.ljust(PIECE_BYTES, b"\x01"), {"so_far": ""}
    for _ in range(FILE_BYTES_MAX // PIECE_BYTES - 1):
        status, told = await visitor.upload(piece, so_far=told["so_far"])
        assert status == 202
    assert (await visitor.upload(piece, so_far=told["so_far"]))[0] == 413
    status, _ = await visitor.upload(piece, so_far=told["so_far"], file_name="a.png")
    assert status == 201  # to the byte


async def opened(
    visitor: Visitor, length: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request of which the head and a little of the body have been sent."""
    at = urlsplit(visitor.files_url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    lines = [f"POST {at.path} HTTP/1.1", "Host: x", length]
    lines += [f"{name}: {value}" for name, value in visitor.headers(file_name="a.png").items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer


async def status_of(reader: asyncio.StreamReader) -> int:
    line = await asyncio.wait_for(reader.readline(), DEADLINE_S)
    return int(line.split()[1])


async def test_a_gigabyte_is_refused_before_it_is_sent(visitor: Visitor) -> None:
    reader, writer = await opened(visitor, f"Content-Length: {50 * PIECE_BYTES}")
    assert await status_of(reader) == 413
    writer.close()


async def test_a_body_without_an_end_is_refused_when_it_is_too_much(visitor: Visitor) -> None:
    reader, writer = await opened(visitor, "Transfer-Encoding: chunked")
    for _ in range(20):
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
    assert await status_of(reader) == 413
    writer.close()


async def test_slow_bodies_are_few_and_end(visit: Visit, visitor: Visitor) -> None:
    async with AsyncExitStack() as slow:
        ends = []
        for _ in range(PER_VISITOR_MAX + 1):
            reader, writer = await opened(visitor, "Content-Length: 1000")
            slow.callback(writer.close)
            writer.write(HEAD)
            ends.append(asyncio.ensure_future(status_of(reader)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        assert [each.result() for each in ends if each.done()] == [503]
        stranger = Visitor(visit, ID)
        assert await stranger.enter() == 201
        await stranger.uploaded(unique())
        assert sorted(await asyncio.gather(*ends)) == [408] * PER_VISITOR_MAX + [503]
    await visitor.uploaded(unique())


async def test_who_hurries_is_told_when_to_go_on(visit: Visit, visitor: Visitor) -> None:
    headers = visitor.headers(file_name="a.png")
    statuses = []
    for _ in range(100):
        async with visit.session.post(visitor.files_url, data=b"", headers=headers) as answer:
            statuses.append(answer.status)
            if answer.status == 429:
                assert int(answer.headers["retry-after"]) >= 1
                break
    assert set(statuses) == {400, 429}


async def test_who_names_a_file_keeps_it_and_what_was_swept_is_to_be_sent_again(
    visit: Visit, visitor: Visitor
) -> None:
    content = unique()
    token = await visitor.uploaded(content)
    digest, put_at = digest_of(content), "SELECT put_at_ms FROM blob WHERE digest = $1"
    aged = "UPDATE blob SET put_at_ms = put_at_ms - 80000000 WHERE digest = $1"
    await visit.rows.execute(aged, digest)
    aged_ms = await visit.rows.fetchval(put_at, digest)
    async with visitor.talking() as socket:
        await socket.write("Here", files=[token])
    assert await visit.rows.fetchval(put_at, digest) >= aged_ms + 80_000_000
    gone = unique()
    token = await visitor.uploaded(gone)
    await visit.rows.execute("DELETE FROM blob WHERE digest = $1", digest_of(gone))  # the sweep
    assert (await refused(visitor, token))["code"] == "no_file"
