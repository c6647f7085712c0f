"""Files of messages, from the threader's side: wanted with their message, settled once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.attachments import settle
from services.intake.core.blobs import reference_of
from services.intake.core.commands import SettleMedia
from services.intake.core.events import AttachmentChanged, MediaSettled
from services.intake.core.identity import home_id
from services.intake.core.media import FILES_MAX, WantedMedia
from services.intake.core.model import Attachment, Message
from services.intake.shell.consumers.wanting import MediaWanted
from services.intake.shell.wire import inputs, media
from tests.unit.intake.desk import Desk
from tests.unit.intake.given import ADDRESS, HOME, NOON_MS, TENANT, after, events_of, inbound

BLOB = reference_of("ab" * 32)
LABEL = Attachment("m-1-0", "", "image/jpeg", 0, "whatsapp:7601")
VOICE = Attachment("m-1-1", "note.ogg", "audio/ogg", 900, "whatsapp:7602")
HAVE = {"reference": BLOB, "media_type": "image/png", "size_bytes": 48_213}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.start()
    yield desk
    assert desk.letters() == []


async def write(desk: Desk, *files: Attachment, message_id: str = "m-1") -> None:
    """The customer writes, and attaches files."""
    command = replace(inbound(message_id, at_ms=desk.now_ms), attachments=files)
    await desk.put(inputs.received(replace(command, new_conversation_id="")))


def told_files(desk: Desk) -> list[WantedMedia]:
    """The files that a process of this desk was told to fetch."""
    return [fact.wanted for fact in desk.told if isinstance(fact, MediaWanted)]


async def waiting(desk: Desk) -> list[str]:
    """The files that are written down as wanted."""
    return sorted(row["attachment_id"] for row in await desk.rows("media_wanted") if row["waiting"])


async def stored(desk: Desk, file: WantedMedia, **changes: Any) -> None:
    """The fetcher has it."""
    told = {"file_name": "", **HAVE, **changes}
    await desk.put(media.stored(file, **told, now_ms=desk.now_ms), key=file.home_id)


async def files(desk: Desk) -> list[dict[str, Any]]:
    """The files of the one message, as its row has them."""
    (row,) = await desk.rows("message")
    found: list[dict[str, Any]] = row["attachments"]
    return found


async def test_a_file_is_wanted_with_its_message(desk: Desk) -> None:
    await write(desk, LABEL, VOICE)
    assert await waiting(desk) == ["m-1-0", "m-1-1"]
    first, second = told_files(desk)
    conversation = await desk.conversation()
    assert (first.attachment, second.attachment) == (LABEL, VOICE)
    assert (first.home_id, first.tenant_id, first.account_id) == (HOME, TENANT, "sms-berlin")
    assert first.conversation_id == conversation["conversation_id"]


async def test_what_is_ours_or_nowhere_is_not_wanted(desk: Desk) -> None:
    await write(desk, replace(LABEL, reference=BLOB), replace(VOICE, reference=""))
    await desk.reply()
    assert (await waiting(desk), told_files(desk)) == ([], [])


async def test_of_one_message_so_many_files_are_wanted(desk: Desk) -> None:
    many = [replace(LABEL, attachment_id=f"m-1-{number}") for number in range(FILES_MAX + 5)]
    await write(desk, *many)
    assert len(await waiting(desk)) == FILES_MAX
    assert len(await files(desk)) == FILES_MAX + 5


async def test_a_stored_file_is_in_its_message_and_told(desk: Desk) -> None:
    await write(desk, LABEL, VOICE)
    await stored(desk, told_files(desk)[0], file_name="label.png")
    assert await waiting(desk) == ["m-1-1"]
    first, second = await files(desk)
    assert first == {"attachment_id": "m-1-0", "file_name": "label.png", "error": "", **HAVE}
    assert second["reference"] == VOICE.reference
    assert desk.kinds() == ["opened", "message_added", "attachment_changed"]
    changed = desk.events()[-1]
    assert (changed.sequence, changed.actor) == (3, media.ACTOR)
    assert changed.attachment_changed.message_id == "m-1"
    assert changed.attachment_changed.attachment.reference == BLOB
    (row,) = await desk.rows("message")
    assert row["sequence"] == 2


async def test_a_file_keeps_the_name_that_its_message_gave(desk: Desk) -> None:
    await write(desk, VOICE)
    await stored(desk, told_files(desk)[0], file_name="something.bin")
    assert (await files(desk))[0]["file_name"] == "note.ogg"


async def test_word_that_comes_twice_changes_nothing(desk: Desk) -> None:
    await write(desk, LABEL)
    (file,) = told_files(desk)
    for _ in range(3):
        await stored(desk, file)
    await stored(desk, file, reference=reference_of("cd" * 32))  # somebody else fetched it, too
    await desk.put(media.failed(file, error="http_404", now_ms=desk.now_ms))
    assert desk.kinds() == ["opened", "message_added", "attachment_changed"]
    assert (await files(desk))[0]["reference"] == BLOB
    assert (await files(desk))[0]["error"] == ""


async def test_a_file_that_cannot_be_had_says_why_and_stays_where_it_is(desk: Desk) -> None:
    await write(desk, LABEL)
    (file,) = told_files(desk)
    await desk.put(media.failed(file, error="too_large", now_ms=desk.now_ms))
    assert await waiting(desk) == []
    (held,) = await files(desk)
    assert (held["reference"], held["error"]) == (LABEL.reference, "too_large")
    assert desk.events()[-1].attachment_changed.attachment.error == "too_large"
    await stored(desk, file)  # another process had it after all
    (held,) = await files(desk)
    assert (held["reference"], held["error"]) == (BLOB, "")


async def test_what_a_process_leaves_is_taken_up_by_the_next(desk: Desk) -> None:
    await write(desk, LABEL, VOICE)
    await stored(desk, told_files(desk)[0])
    assert desk.media.adopted == []
    await desk.start()
    assert [each.attachment for each in desk.media.adopted] == [VOICE]
    assert desk.media.adopted == told_files(desk)[1:]


async def test_a_file_of_no_message_is_not_wanted_any_more(desk: Desk) -> None:
    await write(desk, LABEL)
    (file,) = told_files(desk)
    await stored(desk, replace(file, message_id="m-gone"))
    assert desk.kinds() == ["opened", "message_added"]
    assert (await files(desk))[0]["reference"] == LABEL.reference


async def test_a_file_of_a_message_that_was_taken_back_is_not_wanted_any_more(desk: Desk) -> None:
    message = _message(attachments=())
    known = replace(after(inbound()), messages={"m-1": message})
    assert settle(known, _settled()) == (MediaSettled("m-1", "m-1-0"),)


def test_a_decision_changes_one_file_only() -> None:
    known = replace(after(inbound()), messages={"m-1": _message(attachments=(LABEL, VOICE))})
    changed, settled = events_of(known, _settled())
    assert isinstance(changed, AttachmentChanged)
    assert changed.message.attachments == (changed.attachment, VOICE)
    assert settled == MediaSettled("m-1", "m-1-0")


def _message(attachments: tuple[Attachment, ...]) -> Message:
    (added,) = (
        event.message
        for event in events_of(after(), inbound())
        if hasattr(event, "message") and isinstance(event.message, Message)
    )
    return replace(added, attachments=attachments)


def _settled() -> SettleMedia:
    return SettleMedia(TENANT, HOME, "m-1", "m-1-0", BLOB, "image/png", 9, "", "")


async def test_word_of_a_file_goes_after_its_customer(desk: Desk) -> None:
    """Two addresses turn out to be one person while the file is being fetched."""
    candidates = (f"+49309018{number}" for number in range(100, 999))
    address = next(each for each in candidates if home_id(TENANT, "SMS", each) < HOME)
    other_home = home_id(TENANT, "SMS", address)
    other = replace(inbound("m-2", at_ms=desk.now_ms), from_address=address, home_id=other_home)
    await desk.put(inputs.received(replace(other, new_conversation_id="")), key=other_home)
    await write(desk, LABEL)
    (file,) = told_files(desk)
    identity = model_pb2.Identity(
        channel=model_pb2.CHANNEL_SMS, address=ADDRESS, home_id=HOME, verified=True
    )
    await desk.put(
        commands_pb2.IntakeInput(
            tenant_id=TENANT,
            request_id="req-link",
            actor="agent/ada",
            home_id=other_home,
            received_at_ms=NOON_MS,
            link_identity=commands_pb2.LinkIdentity(
                customer_id=other_home,
                identity=identity,
                reason=commands_pb2.LinkReason(rule="api", confidence=1.0, actor="agent/ada"),
            ),
        ),
        key=other_home,
    )
    yielded = {row["home_id"]: row["yields_to"] for row in await desk.rows("customer")}
    assert yielded[HOME] == other_home
    await stored(desk, file)
    (row,) = [row for row in await desk.rows("message") if row["message_id"] == "m-1"]
    assert row["attachments"][0]["reference"] == BLOB
    assert await waiting(desk) == []
    assert desk.kinds().count("attachment_changed") == 1
