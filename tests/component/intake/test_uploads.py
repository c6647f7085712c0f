"""Files that agents send with their answers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from switchboard.intake.v1 import conversation_service_pb2 as talk
from switchboard.intake.v1 import model_pb2

from services.intake.core.blobs import digest_of, reference_of
from tests.component.intake.house import Visit, fresh_number, method
from tests.component.intake.provider import Provider, answering, listening
from tests.component.intake.test_attachments import PNG, content_of, download
from tests.component.intake.test_deliveries import settled
from tests.component.intake.test_whatsapp import post
from tests.support.doors import Reply
from tests.unit.intake.whatsapp import business, change, message

UPLOAD = "ConversationService.UploadAttachment"
PIECE = 64 * 1024


def asks(
    content: bytes, name: str = "label.png", media_type: str = "image/png", piece: int = PIECE
) -> Iterable[talk.UploadAttachmentRequest]:
    """A file as a client sends it."""
    described = talk.AttachmentDescription(file_name=name, media_type=media_type)
    yield talk.UploadAttachmentRequest(description=described)
    for begin in range(0, len(content), piece):
        yield talk.UploadAttachmentRequest(chunk=content[begin : begin + piece])


async def upload(visit: Visit, content: bytes, **about: Any) -> model_pb2.Attachment:
    """Send a file that is taken."""
    reply = await visit.call(UPLOAD, *asks(content, **about), role="agent")
    assert reply.code == "OK", (reply.code, reply.text)
    attachment: model_pb2.Attachment = reply.messages[0].attachment
    return attachment


async def answer(visit: Visit, conversation_id: str, *files: model_pb2.Attachment) -> Reply:
    """Answer the customer with files."""
    ask = talk.ReplyRequest(
        request_id=str(uuid4()),
        conversation_id=conversation_id,
        text="Here it is.",
        attachments=files,
    )
    return await visit.call("ConversationService.Reply", ask, role="agent")


async def test_a_file_is_taken_sent_and_given_back(visit: Visit) -> None:
    content = PNG + secrets.token_bytes(3 * 1024 * 1024)
    taken = await upload(visit, content)
    assert taken.reference == reference_of(digest_of(content))
    assert (taken.file_name, taken.media_type) == ("label.png", "image/png")
    assert taken.size_bytes == len(content)
    conversation = await visit.submit(fresh_number())
    reply = await answer(visit, conversation["conversation_id"], taken)
    assert reply.code == "OK", reply.text
    (message_id,) = [each.message_id for each in reply.messages]
    timeline = await visit.get(
        "ConversationService.GetTimeline",
        talk.GetTimelineRequest(conversation_id=conversation["conversation_id"]),
    )
    said = [e.message for e in timeline.entries if e.message.message_id == message_id]
    (file,) = said[0].attachments
    assert (file.reference, file.size_bytes) == (taken.reference, len(content))
    given = await download(visit, message_id, file.attachment_id)
    assert content_of(given) == content


async def test_the_same_file_is_kept_once(visit: Visit) -> None:
    content = secrets.token_bytes(1000)
    first = await upload(visit, content, name="a.bin", media_type="")
    second = await upload(visit, content, name="b.bin", media_type="application/pdf", piece=10)
    assert first.reference == second.reference
    assert (second.file_name, second.media_type) == ("b.bin", "application/octet-stream")
    count = "SELECT count(*) FROM blob WHERE digest = $1"
    assert await visit.rows.fetchval(count, digest_of(content)) == 1


async def test_an_answer_names_what_was_uploaded_and_nothing_else(visit: Visit) -> None:
    conversation_id = (await visit.submit(fresh_number()))["conversation_id"]
    content = b"<svg onload=alert(1)>" + secrets.token_bytes(100)
    taken = await upload(visit, content)
    assert taken.media_type == "image/svg+xml"
    for wrong in ("https://evil.example/x", "", "blob:" + "0" * 64, taken.reference + "0"):
        file = model_pb2.Attachment(reference=wrong)
        reply = await answer(visit, conversation_id, taken, file)
        assert reply.code == "INVALID_ARGUMENT"
        (violation,) = reply.details["BadRequest"].field_violations
        assert violation.field == "attachments[1].reference"
    lying = model_pb2.Attachment(
        reference=taken.reference, media_type="image/png", size_bytes=1, error="x"
    )
    reply = await answer(visit, conversation_id, lying)
    query = "SELECT attachments->0 FROM message WHERE message_id = $1"
    kept = await visit.rows.fetchval(query, reply.messages[0].message_id)
    assert '"image/svg+xml"' in kept
    assert f'"size_bytes": {len(content)}' in kept


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([], "INVALID_ARGUMENT"),
        ([talk.UploadAttachmentRequest(chunk=b"x")], "INVALID_ARGUMENT"),
        ([talk.UploadAttachmentRequest()], "INVALID_ARGUMENT"),
        ([*asks(b"")], "INVALID_ARGUMENT"),
        ([*asks(b"x"), *asks(b"y")], "INVALID_ARGUMENT"),
        ([*asks(b"x" * 70_000, piece=70_000)], "INVALID_ARGUMENT"),
        ([*asks(b"x", name="")], "INVALID_ARGUMENT"),
        ([*asks(bytes(26 * 1024 * 1024))], "RESOURCE_EXHAUSTED"),
    ],
    ids=["nothing", "no name", "empty", "no content", "twice", "piece", "nameless", "too large"],
)
async def test_what_is_no_file_is_refused(
    visit: Visit, sent: list[talk.UploadAttachmentRequest], code: str
) -> None:
    reply = await visit.call(UPLOAD, *sent, role="agent")
    assert reply.code == code, reply.text


async def test_files_are_for_people_of_the_house(visit: Visit) -> None:
    reply = await visit.door.call(method(UPLOAD), *asks(b"x"))
    assert reply.code == "UNAUTHENTICATED"


async def test_a_provider_fetches_the_file_of_an_answer_by_its_link(visit: Visit) -> None:
    """WhatsApp is told an address of ours, which shows the file to whoever has it."""
    provider = Provider(answering(200, {"messages": [{"id": f"wamid.{uuid4().hex}"}]}))
    await visit.open_account(business())
    async with listening(provider, visit.house.provider_port):
        address = fresh_number()
        said = message(
            "text",
            {"body": "Where is my label?"},
            id=uuid4().hex,
            timestamp=str(int(time.time())),  # an answer is for those who wrote today
            **{"from": address.removeprefix("+")},
        )
        await post(visit, change(messages=[said]))
        conversation = await visit.conversation(address)
        taken = await upload(visit, PNG)
        reply = await answer(visit, conversation["conversation_id"], taken)
        assert await settled(visit, reply.messages[0].message_id) == "SENT"
    (body,) = [orjson.loads(raw) for raw in provider.bodies]
    assert (body["type"], body["image"]["caption"]) == ("image", "Here it is.")
    link = body["image"]["link"]
    assert link.startswith(f"{visit.house.http_url}/attachments/")
    async with visit.session.get(link) as shown:
        assert (shown.status, shown.content_type) == (200, "image/png")
        assert await shown.read() == PNG
    async with visit.session.get(f"{link[:-4]}AAAA") as refused:
        assert refused.status == 404
