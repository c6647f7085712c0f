"""Messenger's webhook: what becomes of messages, buttons, echoes, receipts, and of bad input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.commands import NoteProgress, ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel, Progress
from services.intake.shell.channels.messenger import CHANNEL, WebhookHook
from services.intake.shell.channels.messenger_sender import MessengerSender
from services.intake.shell.channels.protocol import Arrived, Item, Malformed, Reported, Unread
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.messenger import (
    ACCOUNT,
    PAGE,
    PERSON,
    WRITTEN_MS,
    attached,
    delivery,
    echo,
    entry,
    event,
    file,
    message,
    page,
    posted,
    webhook,
)

HOOK = WebhookHook()
HOME = home_id(TENANT, "MESSENGER", PERSON)
TEXT = message(text="Wo ist mein Päckchen? 📦")
BUTTON = event("postback", {"mid": "m_PRESSED", "title": "Track it", "payload": "TRACK"})
UNNAMED = event("postback", {"title": "Track it", "payload": "TRACK"})
NOTHING = "[message: cannot be shown]"


def parsed(*events: Mapping[str, Any], **account: Any) -> list[Item]:
    return list(HOOK.parse(posted(webhook(entry(*events))), page(**account)))


def arrived(told: Mapping[str, Any]) -> ReceiveMessage:
    item, *leftovers = parsed(told)
    assert leftovers in ([], [Unread("unknown")])
    assert isinstance(item, Arrived)
    return item.message


def reported(told: Mapping[str, Any]) -> list[NoteProgress]:
    items = parsed(told)
    assert [item.recipient for item in items if isinstance(item, Reported)] == [PERSON] * len(items)
    return [item.note for item in items if isinstance(item, Reported)]


def test_a_message_is_normalised() -> None:
    said = arrived(TEXT)
    assert (said.channel, said.home_id) == (Channel.MESSENGER, HOME)
    assert (said.from_address, said.to_address, said.from_name) == (PERSON, PAGE, "")
    assert said.text == "Wo ist mein Päckchen? 📦"
    assert said.provider_message_id == "m_IN"
    assert said.message_id == inbound_message_id(ACCOUNT, "m_IN")
    assert (said.occurred_at_ms, said.received_at_ms) == (WRITTEN_MS, NOON_MS)
    assert (said.language, said.pool_hint, said.tags) == ("de", "berlin", ("sms",))


@pytest.mark.parametrize(
    ("timestamp", "occurred_at_ms"),
    [
        (NOON_MS + 1, NOON_MS),
        (2**63, NOON_MS),
        (str(WRITTEN_MS), WRITTEN_MS),
        (str(WRITTEN_MS // 1000), WRITTEN_MS // 1000 * 1000),
    ],
)
def test_times_are_ours_at_the_latest(timestamp: object, occurred_at_ms: int) -> None:
    assert arrived(TEXT | {"timestamp": timestamp}).occurred_at_ms == occurred_at_ms


@pytest.mark.parametrize("timestamp", [None, True, 0, -1, 1.5, "", "soon", "9" * 16, [1], {}])
def test_what_has_no_time_is_malformed(timestamp: object) -> None:
    assert parsed(TEXT | {"timestamp": timestamp}) == [Unread("malformed")]


@pytest.mark.parametrize("told", [TEXT, BUTTON, UNNAMED])
def test_a_repeat_has_the_same_id(told: dict[str, Any]) -> None:
    (first,) = parsed(told)
    assert parsed(told) == [first]


def test_another_message_has_another_id() -> None:
    other = message(text="Wo ist mein Päckchen? 📦", mid="m_NEXT")
    assert arrived(other).message_id != arrived(TEXT).message_id


def test_a_button_says_what_is_written_on_it() -> None:
    said = arrived(BUTTON)
    assert (said.text, said.provider_message_id, said.home_id) == ("Track it", "m_PRESSED", HOME)
    assert arrived(event("postback", {"mid": "m_PRESSED", "payload": "TRACK"})).text == "[button]"


def test_a_button_without_an_id_is_named_by_who_pressed_it_when() -> None:
    assert arrived(UNNAMED).provider_message_id == f"postback/{PERSON}/{WRITTEN_MS}"
    ahead = arrived(UNNAMED | {"timestamp": NOON_MS + 5})
    assert ahead.provider_message_id == f"postback/{PERSON}/{NOON_MS + 5}"


def test_a_chosen_answer_is_a_text() -> None:
    assert arrived(message(text="Blue", quick_reply={"payload": "BLUE"})).text == "Blue"


@pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
def test_media_stay_with_meta(kind: str) -> None:
    said = arrived(attached(file(kind, "https://cdn.example/7")))
    (attachment,) = said.attachments
    assert (said.text, attachment.reference) == ("", "https://cdn.example/7")
    assert (attachment.file_name, attachment.media_type, attachment.size_bytes) == ("", "", 0)


def test_several_files_are_kept_apart() -> None:
    files = [file("image", "https://cdn.example/1"), file("audio", "https://cdn.example/2")]
    said = arrived(attached(files[0], {"type": "image", "payload": {}}, files[1], text="Look"))
    assert said.text == "Look"
    assert [(each.attachment_id, each.reference) for each in said.attachments] == [
        (f"{said.message_id}-0", "https://cdn.example/1"),
        (f"{said.message_id}-1", "https://cdn.example/2"),
    ]


STICKERS = [
    [file("image", "https://cdn.example/like", sticker_id=369239263222822)],
    [file("sticker", "https://cdn.example/like", sticker_id=369239263222822)],
    [
        file("image", "https://cdn.example/like", sticker_id=369239263222822),
        file("sticker", "https://cdn.example/same", sticker_id=369239263222822),
    ],
    [
        file("image", "https://cdn.example/like", sticker_id=369239263222822),
        {"type": "sticker", "payload": {"sticker_id": 369239263222822}},
    ],
]


@pytest.mark.parametrize("attachments", STICKERS)
def test_a_sticker_is_one_image(attachments: list[dict[str, Any]]) -> None:
    (attachment,) = arrived(attached(*attachments)).attachments
    assert attachment.reference == "https://cdn.example/like"


def place(**coordinates: Any) -> dict[str, Any]:
    return {"type": "location", "title": "Depot", "payload": {"coordinates": coordinates}}


LINK = {"type": "fallback", "title": "Tea", "url": "https://tea.example", "payload": None}
POST = {"type": "post", "payload": {"title": "Tea", "url": "https://tea.example"}}
TEMPLATE = {"type": "template", "title": "Tea", "url": "https://tea.example", "payload": {"x": 1}}
SHOWN = [
    (attached(place(lat=52.5, long=13)), "Depot, https://www.google.com/maps?q=52.5,13"),
    (
        attached({"type": "location", "payload": {"coordinates": {"lat": 0, "long": -1.5}}}),
        "https://www.google.com/maps?q=0,-1.5",
    ),
    (attached(place(lat="52")), "Depot"),
    (attached(LINK), "Tea, https://tea.example"),
    (attached(POST), "Tea, https://tea.example"),
    (attached(TEMPLATE), "Tea, https://tea.example"),
    (attached({"type": "fallback", "title": "Tea"}), "Tea"),
    (
        attached(LINK, place(lat=1, long=2), text="Look"),
        "Look\nTea, https://tea.example\nDepot, https://www.google.com/maps?q=1,2",
    ),
    (message(text="one\x00two"), "onetwo"),
    (message(), NOTHING),
    (message(text=7), NOTHING),
    (message(is_unsupported=True), NOTHING),
    (attached(), NOTHING),
    (attached("image", 7, None), NOTHING),
    (attached({"type": "fallback", "payload": None}), NOTHING),
    (attached({"type": "hologram", "payload": {"depth": 3}}), NOTHING),
    (attached({"type": "image", "payload": {"url": 7}}), NOTHING),
    (attached({"type": ["image"], "payload": "url"}), NOTHING),
]


@pytest.mark.parametrize(("told", "text"), SHOWN)
def test_whatever_a_customer_sends_can_be_read(told: dict[str, Any], text: str) -> None:
    said = arrived(told)
    assert (said.text, said.attachments) == (text, ())


def test_an_echo_names_our_message() -> None:
    (note,) = reported(echo())
    assert (note.progress, note.message_id) == (Progress.SENT, "d-1")
    assert (note.provider_message_id, note.home_id) == ("m_OUT", HOME)
    assert (note.account_id, note.tenant_id) == (ACCOUNT, TENANT)
    assert (note.occurred_at_ms, note.by_provider) == (WRITTEN_MS, True)


def test_a_delivery_names_messages_as_meta_does() -> None:
    notes = reported(delivery("m_1", "m_2"))
    assert [note.provider_message_id for note in notes] == ["m_1", "m_2"]
    assert {(note.progress, note.message_id) for note in notes} == {(Progress.DELIVERED, "")}
    assert {(note.home_id, note.by_provider) for note in notes} == {(HOME, True)}
    assert {note.occurred_at_ms for note in notes} == {WRITTEN_MS}


def test_a_delivery_without_a_time_has_that_of_its_watermark() -> None:
    told = delivery("m_1")
    del told["timestamp"]
    (note,) = reported(told)
    assert note.occurred_at_ms == WRITTEN_MS - 250


def test_a_delivery_is_taken_message_by_message() -> None:
    items = parsed(delivery("m_1", 7, "", None, ["m_3"], "m_2"))
    assert [type(item) for item in items] == [Reported, *[Unread] * 4, Reported]
    assert {item.kind for item in items if isinstance(item, Unread)} == {"malformed"}


MALFORMED = [
    message(mid=""),
    message(mid=7),
    event("message", None),
    event("message", "hello"),
    event("postback", {"title": "Track it"}, timestamp=None),
    TEXT | {"sender": {}},
    TEXT | {"sender": {"user_ref": "u"}},
    TEXT | {"sender": {"id": int(PERSON)}},
    TEXT | {"sender": {"id": "a\nb"}},
    UNNAMED | {"sender": None},
    echo(mid=None),
    echo() | {"recipient": {"id": ""}},
    echo() | {"timestamp": "soon"},
    delivery("m_1", sender={}),
    delivery("m_1", timestamp="soon"),
]


@pytest.mark.parametrize("told", MALFORMED)
def test_what_cannot_be_read_holds_up_nothing(told: dict[str, Any]) -> None:
    items = parsed(TEXT, told, echo())
    assert [type(item) for item in items] == [Arrived, Unread, Reported]
    assert items[1] == Unread("malformed")


UNREAD = [
    (echo(metadata=None), "echo"),
    (echo(metadata=""), "echo"),
    (echo(metadata={"id": "d-1"}), "echo"),
    (echo(is_deleted=True), "echo"),
    (event("delivery", {"watermark": WRITTEN_MS}), "watermark"),
    (event("delivery", {"mids": [], "watermark": WRITTEN_MS}), "watermark"),
    (event("delivery", {"mids": {"0": "m_1"}}), "watermark"),
    (event("delivery", None), "watermark"),
    (event("read", {"watermark": WRITTEN_MS}), "watermark"),
    (event("referral", {"ref": "ad", "source": "SHORTLINK"}), "other_event"),
    (event("optin", {"type": "notification_messages"}), "other_event"),
    (event("account_linking", {"status": "linked"}), "other_event"),
    (event("pass_thread_control", {"new_owner_app_id": "1"}), "other_event"),
    ({}, "unknown"),
]


@pytest.mark.parametrize(("told", "kind"), UNREAD)
def test_what_nobody_uses_is_counted_by_kind(told: Mapping[str, Any], kind: str) -> None:
    assert parsed(told) == [Unread(kind)]


ENTRIES = [
    (entry(TEXT, TEXT, id="1"), ["other_page"]),
    (entry(TEXT, id=int(PAGE)), ["other_page"]),
    ({"id": PAGE, "time": NOON_MS, "standby": [TEXT, echo()]}, ["standby", "standby"]),
    ({"id": PAGE, "changes": [{"field": "feed", "value": {}}]}, ["other_event"]),
    ({"id": PAGE, "messaging": "none"}, []),
]


@pytest.mark.parametrize(("told", "kinds"), ENTRIES)
def test_an_entry_may_be_for_somebody_else(told: Mapping[str, Any], kinds: list[str]) -> None:
    items = HOOK.parse(posted(webhook(told, entry(TEXT))), page())
    assert items == [*map(Unread, kinds), *parsed(TEXT)]


def test_without_a_page_in_the_settings_any_page_is_taken() -> None:
    items = HOOK.parse(posted(webhook(entry(TEXT, id="1"))), page(settings={}))
    assert [type(item) for item in items] == [Arrived]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"object": "instagram"}', b'{"object": [1]}']
)
def test_another_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), page())


NAMES = ["id", "mid", "mids", "type", "payload", "url", "title", "coordinates", "lat", "sticker_id"]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 9) | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(NAMES), part),
    max_leaves=6,
)
WHOLE = [
    attached(LINK, place(lat=1, long=2), file("image", "u", sticker_id=7), text="Look"),
    BUTTON,
    UNNAMED,
    echo(),
    delivery("m_1", "m_2"),
]


def bent(whole: Any, data: st.DataObject) -> Any:
    """The same with a part here and there that is something else."""
    if data.draw(st.integers(0, 5)) == 0:
        return data.draw(ODD)
    if isinstance(whole, dict):
        return {name: bent(part, data) for name, part in whole.items()}
    return [bent(part, data) for part in whole] if isinstance(whole, list) else whole


@given(st.data())
def test_no_shape_breaks_the_reading(data: st.DataObject) -> None:
    told = bent(entry(data.draw(st.sampled_from(WHOLE))), data)
    items = HOOK.parse(posted(webhook(told, entry(TEXT))), page(settings={}))
    assert all(isinstance(item, Arrived | Reported | Unread) for item in items)
    assert items[-1:] == parsed(TEXT)


@given(ODD, ODD)
def test_no_entry_breaks_the_reading(one: Any, other: Any) -> None:
    body = {"object": "page", "entry": [one, {"messaging": other, "standby": one, "changes": 7}]}
    items = HOOK.parse(posted(body), page(settings={}))
    assert all(isinstance(item, Unread) for item in items)


def test_the_signature_is_by_a_live_secret_of_the_app() -> None:
    incoming = posted(webhook(entry(TEXT)), key="key")
    assert HOOK.verify(incoming, page(secrets={"app_secret": ("new", "key")}))
    assert not HOOK.verify(incoming, page(secrets={"app_secret": ("new",)}))
    assert not HOOK.verify(incoming, page(secrets={}))


def test_the_answer_is_200_whatever_was_in_it() -> None:
    incoming = posted(webhook(entry(TEXT)))
    answer = HOOK.answer(incoming, HOOK.parse(incoming, page()))
    assert (answer.status_code, answer.body) == (200, b"")


def test_the_channel_has_one_hook_its_handshake_and_a_way_out() -> None:
    (hook,), (handshake,) = CHANNEL.hooks, CHANNEL.handshakes
    assert hook.path == handshake.path == "/webhooks/messenger/{account_id}"
    assert (CHANNEL.provider, CHANNEL.sender) == ("messenger", MessengerSender)
    query = {"hub.verify_token": "say-friend", "hub.challenge": "1158"}
    answer = handshake.answer(query, page())
    assert answer is not None
    assert answer.body == b"1158"
    assert handshake.answer(query | {"hub.verify_token": "mellon"}, page()) is None
