"""Telegram's webhook: what becomes of each kind of update and of message, and of bad input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Arrived, Incoming, Item, Malformed, Unread
from services.intake.shell.channels.telegram import CHANNEL, HEADER, WebhookHook
from services.intake.shell.wire import inputs
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.telegram import (
    ACCOUNT,
    CHAT,
    CHAT_ID,
    GRETE,
    PATH,
    SECRET,
    WRITTEN_S,
    bot,
    message,
    posted,
    press,
    update,
)

HOOK = WebhookHook()
TEXT = message(text="Wo ist mein Päckchen? 📦")
GROUP = {"id": -100123, "title": "Parcels", "type": "supergroup"}


def parsed(body: Mapping[str, Any]) -> Item:
    item, *leftovers = HOOK.parse(posted(body), bot())
    assert leftovers in ([], [Unread("unknown")])
    return item


def taken(body: Mapping[str, Any]) -> ReceiveMessage:
    item = parsed(body)
    assert isinstance(item, Arrived)
    return item.message


def arrived(said: Mapping[str, Any]) -> ReceiveMessage:
    return taken(update(message=said))


def test_a_message_is_normalised() -> None:
    said = arrived(TEXT)
    home = home_id(TENANT, "TELEGRAM", str(CHAT_ID))
    assert (said.tenant_id, said.channel, said.home_id) == (TENANT, Channel.TELEGRAM, home)
    assert (said.from_address, said.from_name) == (str(CHAT_ID), "Grete Samsa")
    assert (said.account_id, said.to_address) == (ACCOUNT, "@switchboard_bot")
    assert (said.text, said.attachments) == ("Wo ist mein Päckchen? 📦", ())
    assert said.provider_message_id == f"{CHAT_ID}/12"
    assert said.message_id == inbound_message_id(ACCOUNT, f"{CHAT_ID}/12")
    assert (said.occurred_at_ms, said.received_at_ms) == (WRITTEN_S * 1000, NOON_MS)
    assert (said.pool_hint, said.tags) == ("berlin", ("sms",))


def test_the_language_of_their_buttons_is_not_that_of_what_they_write() -> None:
    assert (GRETE["language_code"], arrived(TEXT).language) == ("fr", "de")


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    assert arrived(TEXT | {"date": WRITTEN_S + 1000}).occurred_at_ms == NOON_MS


def test_a_repeat_has_the_same_id() -> None:
    assert arrived(TEXT) == arrived(TEXT)
    assert taken(update(message=TEXT) | {"update_id": 10001}) == arrived(TEXT)


def test_message_ids_are_unique_only_within_a_chat() -> None:
    elsewhere = TEXT | {"chat": CHAT | {"id": CHAT_ID + 1}}
    ids = [arrived(said).message_id for said in (TEXT, TEXT | {"message_id": 13}, elsewhere)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ({"first_name": "Grete", "username": "grete"}, "Grete"),
        ({"first_name": "", "username": "grete"}, "grete"),
        ({"first_name": "Gre\x00te"}, "Grete"),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_customer_has_the_name_they_give_themselves(sender: Any, name: str) -> None:
    assert arrived(TEXT | {"from": sender}).from_name == name


PDF = {"file_id": "F7", "file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 9000}
GIF = {"file_id": "F7", "file_name": "a.mp4", "mime_type": "video/mp4", "width": 3, "height": 2}
MEDIA = [
    ({"document": PDF, "caption": "The bill"}, "The bill", "a.pdf", "application/pdf", 9000),
    ({"video": {"file_id": "F7", "mime_type": "video/mp4"}}, "", "", "video/mp4", 0),
    ({"document": PDF | {"file_id": "F8"}, "animation": GIF}, "", "a.mp4", "video/mp4", 0),
    ({"audio": {"file_id": "F7", "title": "La", "file_size": 5}}, "", "", "", 5),
    ({"voice": {"file_id": "F7", "mime_type": "audio/ogg"}}, "", "", "audio/ogg", 0),
    ({"video_note": {"file_id": "F7", "length": 240}}, "", "", "", 0),
    ({"sticker": {"file_id": "F7", "emoji": "👍"}}, "👍", "", "", 0),
    ({"sticker": {"file_id": "F7"}}, "", "", "", 0),
    ({"document": PDF | {"file_size": -1}}, "", "a.pdf", "application/pdf", 0),
    ({"document": PDF | {"file_size": 2**63}}, "", "a.pdf", "application/pdf", 0),
    ({"document": PDF | {"file_size": "big"}}, "", "a.pdf", "application/pdf", 0),
]


@pytest.mark.parametrize(("content", "text", "file_name", "media_type", "size"), MEDIA)
def test_files_stay_with_telegram(
    content: Mapping[str, Any], text: str, file_name: str, media_type: str, size: int
) -> None:
    said = arrived(message(**content))
    (attachment,) = said.attachments
    assert said.text == text
    assert attachment.attachment_id == f"{said.message_id}-0"
    assert (attachment.file_name, attachment.media_type) == (file_name, media_type)
    assert (attachment.reference, attachment.size_bytes) == ("telegram:F7", size)


def photo(file_id: str, width: Any, height: Any) -> dict[str, Any]:
    return {"file_id": file_id, "width": width, "height": height, "file_size": 7}


@pytest.mark.parametrize(
    "sizes",
    [
        [photo("S", 90, 51), photo("M", 320, 180), photo("L", 1280, 720)],
        [photo("L", 1280, 720), photo("S", 90, 51)],
        [photo("S", None, "wide"), photo("L", None, "wide")],
        [7, photo("L", 1, 1)],
    ],
)
def test_of_a_photo_the_largest_size_is_kept(sizes: list[Any]) -> None:
    said = arrived(message(photo=sizes, caption="Look"))
    assert said.text == "Look"
    assert [each.reference for each in said.attachments] == ["telegram:L"]


def test_what_is_sent_together_is_a_message_each() -> None:
    sizes = {"photo": [photo("L", 1, 1)], "media_group_id": "5"}
    first, second = (arrived(message(message_id=number, **sizes)) for number in (12, 13))
    assert first.message_id != second.message_id
    assert [len(said.attachments) for said in (first, second)] == [1, 1]


HERE = {"latitude": 52.5, "longitude": 13}
MAP = "https://www.google.com/maps?q=52.5,13"
HANS = {"phone_number": "+49 30 1", "first_name": "Hans", "last_name": "Glück"}
TEXTS = [
    ({"text": "/start"}, "/start"),
    ({"text": "a\x00b"}, "ab"),
    ({"location": HERE}, MAP),
    (
        {"location": HERE, "venue": {"location": HERE, "title": "Depot", "address": "Hafen 1"}},
        f"Depot, Hafen 1, {MAP}",
    ),
    ({"contact": HANS}, "Hans Glück, +49 30 1"),
    ({"contact": {"phone_number": "1"}}, "1"),
    ({"poll": {"question": "Tea?"}}, "[poll: cannot be shown]"),
    ({"dice": {"emoji": "🎲", "value": 6}}, "[dice: cannot be shown]"),
    ({"game": {"title": "Go"}}, "[game: cannot be shown]"),
    ({"invoice": {"title": "Tea"}}, "[invoice: cannot be shown]"),
    ({"story": {"id": 1}}, "[story: cannot be shown]"),
    ({"paid_media": {}, "caption": "Look"}, "[paid_media: cannot be shown]\nLook"),
    ({"web_app_data": {"data": "{}"}}, "[web_app_data: cannot be shown]"),
    ({"successful_payment": {}}, "[successful_payment: cannot be shown]"),
    ({"hologram": {"depth": 3}}, "[message: cannot be shown]"),
    ({}, "[message: cannot be shown]"),
    ({"text": ""}, "[text: cannot be shown]"),
    ({"text": ["a"]}, "[text: cannot be shown]"),
    ({"photo": [], "caption": "Look"}, "[photo: cannot be shown]\nLook"),
    ({"document": {"file_name": "a.pdf"}}, "[document: cannot be shown]"),
    ({"location": {"latitude": "52"}}, "[location: cannot be shown]"),
    ({"venue": {"title": "Depot"}}, "[venue: cannot be shown]"),
    ({"contact": None}, "[contact: cannot be shown]"),
]


@pytest.mark.parametrize(("content", "text"), TEXTS)
def test_whatever_a_customer_sends_can_be_read(content: Mapping[str, Any], text: str) -> None:
    said = arrived(message(**content))
    assert (said.text, said.attachments) == (text, ())


def test_a_button_is_a_message() -> None:
    said = taken(update(callback_query=press()))
    assert said.text == "[button: yes]"
    assert said.provider_message_id == "callback/4382bfdwdsb323b2d9"
    assert said.message_id == inbound_message_id(ACCOUNT, "callback/4382bfdwdsb323b2d9")
    assert (said.from_address, said.from_name) == (str(CHAT_ID), "Grete Samsa")
    assert said.home_id == arrived(TEXT).home_id
    assert (said.occurred_at_ms, said.received_at_ms) == (NOON_MS, NOON_MS)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data": "x" * 301}, f"[button: {'x' * 300}]"),
        ({"data": "a\x00b"}, "[button: ab]"),
        ({"data": None, "game_short_name": "go"}, "[button: go]"),
        ({"data": None}, "[button: cannot be shown]"),
        ({"message": {"chat": CHAT, "message_id": 11, "date": 0}}, "[button: yes]"),  # deleted
    ],
)
def test_a_button_says_what_it_stands_for(changes: Mapping[str, Any], text: str) -> None:
    assert taken(update(callback_query=press(**changes))).text == text


BOT = GRETE | {"is_bot": True}
UNREAD = [
    ({"edited_channel_post": TEXT}, "other_update"),
    ({"edited_business_message": TEXT}, "other_update"),
    ({"my_chat_member": {"chat": CHAT, "new_chat_member": {"status": "kicked"}}}, "membership"),
    ({"chat_member": {"chat": GROUP}}, "membership"),
    ({"chat_join_request": {"chat": GROUP}}, "membership"),
    ({"message_reaction_count": {"chat": GROUP}}, "other_update"),
    ({"channel_post": TEXT | {"chat": GROUP | {"type": "channel"}}}, "other_update"),
    ({"business_message": TEXT}, "other_update"),
    ({"inline_query": {"id": "7", "from": GRETE, "query": "tea"}}, "other_update"),
    ({"poll_answer": {"poll_id": "7"}}, "other_update"),
    ({"hologram": {"depth": 3}}, "unknown"),
    ({}, "unknown"),
    ({"message": TEXT | {"chat": GROUP}}, "group"),
    ({"message": TEXT | {"chat": GROUP | {"type": "group"}}}, "group"),
    ({"message": TEXT | {"chat": GROUP, "from": BOT}}, "group"),
    ({"message": TEXT | {"chat": GROUP | {"type": "channel"}}}, "other_update"),
    ({"message": TEXT | {"from": BOT}}, "bot"),
    ({"message": message(pinned_message={"message_id": 11, "chat": CHAT, "date": 0})}, "service"),
    ({"message": message(new_chat_members=[GRETE])}, "service"),
    ({"message": message(write_access_allowed={})}, "service"),
    ({"callback_query": press(message={"chat": GROUP, "message_id": 1})}, "group"),
    ({"callback_query": press(**{"from": BOT})}, "bot"),
    ({"callback_query": press(message=None, inline_message_id="7")}, "other_update"),
    ({"message": None}, "malformed"),
    ({"message": {}}, "malformed"),
    ({"message": TEXT | {"chat": {"type": "private"}}}, "malformed"),
    ({"message": TEXT | {"chat": CHAT | {"id": "7"}}}, "malformed"),
    ({"message": TEXT | {"chat": CHAT | {"id": True}}}, "malformed"),
    ({"message": TEXT | {"chat": {"id": CHAT_ID}}}, "malformed"),
    ({"message": TEXT | {"message_id": None}}, "malformed"),
    ({"message": TEXT | {"date": "soon"}}, "malformed"),
    ({"message": TEXT | {"date": -1}}, "malformed"),
    ({"callback_query": press(id="")}, "malformed"),
    ({"callback_query": press(message=None)}, "malformed"),
]


@pytest.mark.parametrize(("content", "kind"), UNREAD)
def test_what_nobody_uses_is_counted_by_kind(content: Mapping[str, Any], kind: str) -> None:
    assert parsed(update(**content)) == Unread(kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"{",
        b'{"update_id": "7"}',
        b'{"update_id": true}',
        b'{"update_id": 1.5, "message": {}}',
    ],
)
def test_another_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), bot())


KINDS = {"malformed", "unknown", "group", "bot", "service", "membership", "other_update"}
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**63, 2**64 - 1, "private", "a\x00b"])
    | st.text(max_size=3)
)
ODD = st.recursive(
    LEAF,
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), part),
    max_leaves=5,
)
FIELDS = ["file_name", "mime_type", "file_size", "width", "height", "emoji"]
FILE = st.fixed_dictionaries(
    {"file_id": st.sampled_from(["F7", "a\x00b", 7])}, optional=dict.fromkeys(FIELDS, LEAF)
)
CONTENT = [
    "text",
    "photo",
    "document",
    "sticker",
    "location",
    "venue",
    "contact",
    "poll",
    "caption",
]


def distorted(data: st.DataObject, sound: Mapping[str, Any]) -> dict[str, Any]:
    """Some of its fields as they are, others in any shape."""
    return {name: data.draw(ODD) if data.draw(st.booleans()) else sound[name] for name in sound}


@given(st.data())
def test_no_shape_breaks_the_reading(data: st.DataObject) -> None:
    content = data.draw(
        st.dictionaries(
            st.sampled_from(CONTENT), FILE | st.lists(FILE, max_size=2) | ODD, max_size=2
        )
    )
    bodies = [
        update(message=message(**content)),
        update(message=distorted(data, TEXT)),
        update(message=TEXT | {"chat": distorted(data, CHAT), "from": distorted(data, GRETE)}),
        update(callback_query=distorted(data, press())),
        update(**distorted(data, {"message": TEXT, "poll": {}})),
    ]
    for item in map(parsed, bodies):
        if isinstance(item, Arrived):
            assert inputs.received(item.message).SerializeToString()
            assert "\\x00" not in repr(item.message)  # Postgres stores no NUL
        else:
            assert isinstance(item, Unread)
            assert item.kind in KINDS


def test_every_live_token_verifies() -> None:
    assert HOOK.verify(posted(update()), bot())
    assert HOOK.verify(posted(update(), token="the-token-before"), bot())
    assert not HOOK.verify(
        posted(update(), token="the-token-before"), bot(secrets={"secret_token": (SECRET,)})
    )


@pytest.mark.parametrize("token", [None, "", "the-secret", f"{SECRET} ", SECRET.upper(), "ü"])
def test_another_token_does_not(token: str | None) -> None:
    assert not HOOK.verify(posted(update(), token=token), bot())


@pytest.mark.parametrize("token", [None, "", SECRET])
def test_without_a_secret_nothing_verifies(token: str | None) -> None:
    assert not HOOK.verify(posted(update(), token=token), bot(secrets={}))
    only_sends = bot(secrets={"bot_token": (SECRET,)})
    assert not HOOK.verify(posted(update(), token=token), only_sends)


def test_the_header_is_the_one_that_telegram_sends() -> None:
    headers = {"x-telegram-bot-api-secret-token": SECRET}
    assert HOOK.verify(Incoming(PATH, {}, headers, b"{}", NOON_MS), bot())
    assert headers.keys() == {HEADER}


@pytest.mark.parametrize("body", [update(message=TEXT), update(message={}), update(poll={})])
def test_any_update_is_answered_alike(body: Mapping[str, Any]) -> None:
    incoming = posted(body)
    answer = HOOK.answer(incoming, HOOK.parse(incoming, bot()))
    assert (answer.status_code, answer.body) == (200, b"")


def test_the_channel_has_one_hook_and_a_way_out() -> None:
    (hook,) = CHANNEL.hooks
    assert (CHANNEL.provider, hook.path) == ("telegram", "/webhooks/telegram/{account_id}")
    assert hook.body_bytes_max == 1024 * 1024
    assert CHANNEL.handshakes == ()
    assert CHANNEL.sender is not None
