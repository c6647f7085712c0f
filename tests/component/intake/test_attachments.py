"""Files through a running process: fetched from providers, kept, given to agents, sent by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import orjson
import pytest
from aiohttp import web
from switchboard.intake.v1 import conversation_service_pb2 as talk
from switchboard.intake.v1 import customer_service_pb2

from services.intake.core.blobs import digest_of, reference_of
from services.intake.shell.channels.twilio_signature import HEADER, sign
from tests.component.intake.house import ACCOUNT_SID, AUTH_TOKEN, Visit, fresh_number
from tests.component.intake.provider import Provider, listening
from tests.component.intake.test_webhooks import SMS_PATH
from tests.support.doors import Reply
from tests.support.waiting import until
from tests.unit.intake.doors import FORM, SMS
from tests.unit.intake.whatsapp import PATH, business, change, message, posted, webhook

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 900
NOT_STORED = "ATTACHMENT_NOT_STORED"


@dataclass
class Meta:
    """WhatsApp's API: an address for each id, and there the file, once `gate` is open."""

    visit: Visit
    content: bytes = PNG
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    logins: set[str | None] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As Meta does."""
        self.asked.append(request.path)
        self.logins.add(request.headers.get("Authorization"))
        if request.path != "/attachments":
            origin = f"http://127.0.0.1:{self.visit.house.provider_port}"
            return web.json_response({"url": f"{origin}/attachments?mid=7&hash=x%2Fy"})
        await self.gate.wait()
        return web.Response(body=self.content, status=self.status, content_type="image/jpeg")


@pytest.fixture
async def meta(visit: Visit) -> AsyncIterator[Meta]:
    await visit.open_account(business())
    made = Meta(visit)
    made.gate.set()
    async with listening(Provider(made.answer), visit.house.provider_port):
        yield made


async def picture(visit: Visit, media_id: str = "") -> asyncpg.Record:
    """A customer sends a picture on WhatsApp; gives its message."""
    wamid = f"wamid.{uuid4().hex}"
    sent = {"id": media_id or uuid4().hex, "mime_type": "image/jpeg", "caption": "My label"}
    address = fresh_number()
    said = message("image", sent, **{"from": address.removeprefix("+"), "id": wamid})
    incoming = posted(webhook(change(messages=[said])))
    url = visit.house.http_url + PATH
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()
    return await row_of(visit, wamid)


async def row_of(visit: Visit, provider_message_id: str) -> asyncpg.Record:
    """A message by its provider's id, once it is there."""
    query = "SELECT * FROM message WHERE provider_message_id = $1"
    found = await until(lambda: visit.rows.fetchrow(query, provider_message_id), what="a message")
    assert found is not None
    return found


async def settled(visit: Visit, message_id: str) -> dict[str, Any]:
    """The one file of a message, once nobody waits for it any more."""

    async def file() -> dict[str, Any] | None:
        query = "SELECT attachments FROM message WHERE message_id = $1"
        found: dict[str, Any]
        (found,) = orjson.loads(await visit.rows.fetchval(query, message_id))
        is_settled = found["reference"].startswith("blob:") or found["error"]
        return found if is_settled else None

    settled: dict[str, Any] | None = await until(file, what="the file")
    assert settled is not None
    waiting = "SELECT count(*) FROM media_wanted WHERE message_id = $1"
    assert await visit.rows.fetchval(waiting, message_id) == 0
    return settled


async def download(visit: Visit, message_id: str, attachment_id: str, **who: str) -> Reply:
    """Ask for a file as an agent does."""
    ask = talk.DownloadAttachmentRequest(message_id=message_id, attachment_id=attachment_id)
    who = {"role": "agent", **who}
    return await visit.call("ConversationService.DownloadAttachment", ask, **who)


def content_of(reply: Reply) -> bytes:
    """The pieces together."""
    assert reply.code == "OK", (reply.code, reply.text)
    assert all(len(each.chunk) <= 64 * 1024 for each in reply.messages)
    return b"".join(each.chunk for each in reply.messages[1:])


async def test_a_picture_on_whatsapp_is_fetched_kept_and_given(visit: Visit, meta: Meta) -> None:
    row = await picture(visit, "7601")
    file = await settled(visit, row["message_id"])
    assert file["reference"] == reference_of(digest_of(PNG))
    assert (file["media_type"], file["size_bytes"]) == ("image/png", len(PNG))
    assert meta.asked == ["/v23.0/7601", "/attachments"]
    assert meta.logins == {"Bearer the-access-token"}
    reply = await download(visit, row["message_id"], file["attachment_id"])
    assert content_of(reply) == PNG
    header = reply.messages[0].header
    assert (header.attachment.media_type, header.shown_inline) == ("image/png", True)
    timeline = await visit.get(
        "ConversationService.GetTimeline",
        talk.GetTimelineRequest(conversation_id=row["conversation_id"]),
    )
    (said,) = [entry.message for entry in timeline.entries if entry.HasField("message")]
    assert said.attachments[0].reference == file["reference"]


async def test_a_picture_by_mms_is_fetched_kept_and_given(visit: Visit) -> None:
    admin = f"{visit.house.simulator_url}/admin/media"
    async with visit.session.post(admin, data=PNG, headers={"Content-Type": "image/png"}) as answer:
        ids = await answer.json()
    path = f"Messages/{ids['message_sid']}/Media/{ids['media_sid']}"
    where = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/{path}"
    form = {
        **SMS,
        "From": fresh_number(),
        "MessageSid": ids["message_sid"],
        "NumMedia": "1",
        "MediaUrl0": where,
        "MediaContentType0": "image/png",
    }
    url = visit.house.http_url + SMS_PATH
    signature = sign(
        url=url, form={name: [value] for name, value in form.items()}, token=AUTH_TOKEN
    )
    headers = {"content-type": FORM, HEADER: signature}
    body = urlencode(form).encode()
    async with visit.session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    row = await row_of(visit, ids["message_sid"])
    file = await settled(visit, row["message_id"])
    assert file["reference"] == reference_of(digest_of(PNG))
    assert content_of(await download(visit, row["message_id"], file["attachment_id"])) == PNG


async def test_a_crash_leaves_no_file_behind(visit: Visit, meta: Meta) -> None:
    meta.gate.clear()
    rows = [await picture(visit) for _ in range(5)]
    await until(lambda: "/attachments" in meta.asked, what="a fetch under way")
    visit.house.intake.kill()
    meta.gate.set()
    await asyncio.to_thread(visit.house.intake.start)
    for row in rows:
        file = await settled(visit, row["message_id"])
        assert file["reference"] == reference_of(digest_of(PNG))


async def test_a_file_that_cannot_be_had_says_why(visit: Visit, meta: Meta) -> None:
    meta.content = bytes(26 * 1024 * 1024)
    row = await picture(visit)
    file = await settled(visit, row["message_id"])
    assert (file["error"], file["reference"][:9]) == ("too_large", "whatsapp:")
    reply = await download(visit, row["message_id"], file["attachment_id"])
    assert (reply.code, reply.details["ErrorInfo"].reason) == ("FAILED_PRECONDITION", NOT_STORED)
    assert reply.details["ErrorInfo"].metadata["error"] == "too_large"


async def test_a_page_that_poses_as_a_picture_is_no_picture(visit: Visit, meta: Meta) -> None:
    meta.content = b"<!DOCTYPE html><script>alert(document.cookie)</script>"
    row = await picture(visit)
    file = await settled(visit, row["message_id"])
    assert file["media_type"] == "text/html"
    reply = await download(visit, row["message_id"], file["attachment_id"])
    assert not reply.messages[0].header.shown_inline


async def test_a_provider_that_is_away_is_asked_again(visit: Visit, meta: Meta) -> None:
    meta.status = 503
    row = await picture(visit)
    await until(lambda: meta.asked.count("/attachments") >= 2, what="another attempt")
    meta.status = 200
    file = await settled(visit, row["message_id"])
    assert file["reference"] == reference_of(digest_of(PNG))


async def test_a_file_is_its_tenants_and_its_messages(visit: Visit, meta: Meta) -> None:
    row = await picture(visit)
    file = await settled(visit, row["message_id"])
    for message_id, attachment_id, who in (
        (row["message_id"], file["attachment_id"], {"tenant": "other"}),
        (row["message_id"], "another", {}),
        ("another", file["attachment_id"], {}),
    ):
        reply = await download(visit, message_id, attachment_id, **who)
        assert (reply.code, reply.messages) == ("NOT_FOUND", [])


async def test_whoever_is_erased_leaves_no_wish_for_their_files(visit: Visit, meta: Meta) -> None:
    meta.gate.clear()
    row = await picture(visit)
    await until(lambda: "/attachments" in meta.asked, what="a fetch under way")
    wishes = "SELECT count(*) FROM media_wanted WHERE message_id = $1"
    assert await visit.rows.fetchval(wishes, row["message_id"]) == 1
    conversation = await visit.conversation(row["from_address"])
    ask = customer_service_pb2.EraseCustomerRequest(
        request_id=str(uuid4()), customer_id=conversation["customer_id"], reason="asked"
    )
    await visit.get("CustomerService.EraseCustomer", ask)
    assert await visit.rows.fetchval(wishes, row["message_id"]) == 0
    meta.gate.set()  # what comes of the fetch after that names nothing
    count = "SELECT attachments FROM message WHERE message_id = $1"
    await settled(visit, (await picture(visit))["message_id"])
    assert orjson.loads(await visit.rows.fetchval(count, row["message_id"])) == []
