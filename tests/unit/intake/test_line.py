"""LINE's webhook: what becomes of each kind of event and message, and of bad input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.identity import home_id
from services.intake.core.model import Channel
from services.intake.shell.channels.line import CHANNEL, WebhookHook
from services.intake.shell.channels.line_sender import LineSender
from services.intake.shell.channels.protocol import Arrived, Item, Malformed, Unread
from services.intake.shell.wire import inputs
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.line import (
    SECRET,
    USER,
    WRITTEN_MS,
    business,
    event,
    message,
    posted,
    webhook,
)

HOOK = WebhookHook()
HOME = home_id(TENANT, "LINE", USER)
TEXT = message("text", text="Wo ist mein Päckchen? 📦")
PRESSED = event("postback", postback={"data": "order=17&do=cancel"})


def parsed(*events: Any) -> list[Item]:
    return list(HOOK.parse(posted(webhook(*events)), business()))


def arrived(happened: Mapping[str, Any]) -> Any:
    item, *leftovers = parsed(happened)
    assert leftovers in ([], [Unread("unknown")])
    assert isinstance(item, Arrived)
    return item.message


def test_a_message_is_normalised() -> None:
    said = arrived(TEXT)
    assert (said.channel, said.home_id, said.tenant_id) == (Channel.LINE, HOME, TENANT)
    assert (said.from_address, said.to_address) == (USER, "@desk-berlin")
    assert said.text == "Wo ist mein Päckchen? 📦"
    assert (said.provider_message_id, said.account_id) == ("561203948812", "line-berlin")
    assert (said.occurred_at_ms, said.received_at_ms) == (WRITTEN_MS, NOON_MS)
    assert (said.language, said.pool_hint, said.tags) == ("de", "berlin", ("sms",))
    assert said.attachments == ()


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    assert arrived(TEXT | {"timestamp": NOON_MS + 1}).occurred_at_ms == NOON_MS


@pytest.mark.parametrize("happened", [TEXT, PRESSED], ids=["message", "button"])
def test_a_redelivery_has_the_same_id(happened: dict[str, Any]) -> None:
    again = happened | {"deliveryContext": {"isRedelivery": True}, "replyToken": "another"}
    assert arrived(again) == arrived(happened)


def test_what_is_said_twice_has_two_ids() -> None:
    first, second = message("text", text="No"), message("text", text="No", id="561203948813")
    assert arrived(first).message_id != arrived(second).message_id


def test_a_button_that_is_pressed_twice_has_two_ids() -> None:
    first, second = arrived(PRESSED), arrived(PRESSED | {"webhookEventId": "01JXS0ZCGQ0000000000"})
    assert first.provider_message_id == "01JXS0ZCGQ7M3T9V5B2K8D4FHN"
    assert second.message_id != first.message_id


BUTTONS = [
    ({"data": "order=17&do=cancel"}, "[button: order=17&do=cancel]"),
    ({"data": "day", "params": {"date": "2026-03-01"}}, "[button: day]"),
    ({"data": "x" * 301}, f"[button: {'x' * 300}]"),
    ({}, "[button]"),
    (None, "[button]"),
]


@pytest.mark.parametrize(("postback", "text"), BUTTONS)
def test_a_pressed_button_tells_its_data(postback: Any, text: str) -> None:
    assert arrived(event("postback", postback=postback)).text == text


IN_LINE = {"contentProvider": {"type": "line"}}
FILES = [
    ("image", IN_LINE, "", 0),
    ("video", IN_LINE | {"duration": 60000}, "", 0),
    ("audio", IN_LINE | {"duration": 60000}, "", 0),
    ("file", {"fileName": "Rechnung.pdf", "fileSize": 2138}, "Rechnung.pdf", 2138),
    ("file", {"fileName": "a\x00.txt", "fileSize": -1}, "a.txt", 0),
    ("file", {"fileName": "n" * 300, "fileSize": 2**63}, "n" * 255, 0),
    ("file", {"fileName": 7, "fileSize": True}, "", 0),
    ("image", {"contentProvider": None}, "", 0),
]


@pytest.mark.parametrize(("kind", "content", "file_name", "size_bytes"), FILES)
def test_files_stay_with_line(kind: str, content: Any, file_name: str, size_bytes: int) -> None:
    said = arrived(message(kind, **content))
    (attachment,) = said.attachments
    prepared = {"audio": "audio/mp4", "video": "video/mp4"}
    assert (said.text, attachment.media_type) == ("", prepared.get(kind, ""))
    assert attachment.attachment_id == f"{said.message_id}-0"
    assert attachment.reference == "line:561203948812"
    assert (attachment.file_name, attachment.size_bytes) == (file_name, size_bytes)


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_a_file_of_an_app_is_where_the_app_put_it(kind: str) -> None:
    provider = {"type": "external", "originalContentUrl": "https://app.example/cat.jpg"}
    (attachment,) = arrived(message(kind, contentProvider=provider)).attachments
    assert attachment.reference == "https://app.example/cat.jpg"


LINKS = [None, "", "http://app.example/cat.jpg", "javascript:alert(1)", f"https://{'x' * 2000}"]


@pytest.mark.parametrize("link", LINKS)
def test_what_is_no_link_is_not_passed_on(link: Any) -> None:
    provider = {"type": "external", "originalContentUrl": link}
    said = arrived(message("image", contentProvider=provider))
    assert (said.text, said.attachments) == ("[image: cannot be shown]", ())


PLACE = {"latitude": 52.5, "longitude": 13.4}
TEXTS = [
    ("location", {"latitude": 52.5, "longitude": 13}, "https://www.google.com/maps?q=52.5,13"),
    (
        "location",
        PLACE | {"title": "Depot", "address": "Hafen 1"},
        "Depot, Hafen 1, https://www.google.com/maps?q=52.5,13.4",
    ),
    ("sticker", {"keywords": ["love", "happy"]}, "[sticker: love, happy]"),
    ("sticker", {"keywords": ["love", 7, ""]}, "[sticker: love]"),
    ("sticker", {"text": "Danke!", "keywords": ["thanks"]}, "[sticker: Danke!, thanks]"),
    ("sticker", {"packageId": "1", "stickerId": "2"}, "[sticker]"),
    ("sticker", {"keywords": "love"}, "[sticker]"),
    ("text", {"text": "a\x00b"}, "ab"),
    ("hologram", {"depth": 3}, "[hologram: cannot be shown]"),
    ("h" * 99, {}, f"[{'h' * 40}: cannot be shown]"),
    ("text", {}, "[text: cannot be shown]"),
    ("text", {"text": ["a"]}, "[text: cannot be shown]"),
    ("location", {"latitude": "52"}, "[location: cannot be shown]"),
]


@pytest.mark.parametrize(("kind", "content", "text"), TEXTS)
def test_whatever_a_customer_sends_can_be_read(kind: str, content: Any, text: str) -> None:
    assert arrived(message(kind, **content)).text == text


SHARED = [{"type": "group", "groupId": "C1", "userId": USER}, {"type": "room", "roomId": "R1"}]
UNREAD = [
    (event("follow", follow={"isUnblocked": False}), "follow"),
    (event("unfollow"), "unfollow"),
    *[
        (event(kind), "other_event")
        for kind in ("accountLink", "beacon", "membership", "things", "videoPlayComplete")
    ],
    (event("dream"), "unknown"),
    (event("botSuspended", source=None), "other_event"),
    *[(TEXT | {"source": source}, "group") for source in SHARED],
    *[(event("leave", source=source), "group") for source in SHARED],
    (TEXT | {"mode": "standby"}, "standby"),
    (PRESSED | {"mode": "standby"}, "standby"),
]


@pytest.mark.parametrize(("happened", "kind"), UNREAD)
def test_what_nobody_uses_is_counted_by_kind(happened: Mapping[str, Any], kind: str) -> None:
    assert parsed(happened) == [Unread(kind)]


BAD = [
    7,
    None,
    [TEXT],
    {},
    event(""),
    event("message"),
    message("text", text="Hi", id=""),
    message("text", text="Hi", id=561203948812),
    message(""),
    TEXT | {"source": None},
    TEXT | {"source": {"type": "user"}},
    TEXT | {"source": {"type": "user", "userId": "\n"}},
    TEXT | {"source": {"type": "ghost", "userId": USER}},
    TEXT | {"timestamp": str(WRITTEN_MS)},
    TEXT | {"timestamp": -1},
    TEXT | {"timestamp": True},
    TEXT | {"timestamp": None},
    PRESSED | {"webhookEventId": ""},
]


@pytest.mark.parametrize("bad", BAD)
def test_an_event_that_cannot_be_read_holds_up_nothing(bad: Any) -> None:
    first, unread, last = parsed(TEXT, bad, PRESSED)
    assert isinstance(first, Arrived)
    assert unread == Unread("malformed")
    assert isinstance(last, Arrived)


def test_a_trial_of_the_address_is_answered() -> None:
    trial = posted(webhook())
    assert HOOK.verify(trial, business())
    items = HOOK.parse(trial, business())
    assert items == []
    assert HOOK.answer(trial, items).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"events": {}}', b'{"events": null}'])
def test_another_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), business())


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "data"]), part)
    ),
    max_leaves=5,
)
KINDS = st.sampled_from(["audio", "file", "image", "location", "sticker", "text", "video", "x"])
CONTENT = {
    "id": "1",
    "text": "Hi",
    "fileName": "a.pdf",
    "fileSize": 1,
    "contentProvider": {"type": "external", "originalContentUrl": "https://app.example/a"},
    "keywords": ["love"],
    "title": "Depot",
    "address": "Hafen 1",
} | PLACE


def spoiled(data: st.DataObject, good: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data.draw(ODD) if data.draw(st.booleans()) else good[name] for name in good}


@given(st.data())
def test_no_shape_breaks_the_reading(data: st.DataObject) -> None:
    said = spoiled(data, CONTENT) | {"type": data.draw(KINDS | ODD)}
    events = [
        event("message", message=said),
        spoiled(data, event("message", message=said)),
        spoiled(data, PRESSED),
        data.draw(ODD),
    ]
    items = parsed(*events)
    assert len(items) - items.count(Unread("unknown")) <= len(events) <= len(items)
    for item in items:
        assert isinstance(item, Arrived | Unread)
        if isinstance(item, Arrived):  # and what was read can be published
            assert inputs.received(item.message).SerializeToString()


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    """Worked out with OpenSSL."""
    body = '{"destination":"U0","events":[],"note":"\\u00fc 📦"}'.encode()
    signed = posted(body, key="the-previous-key")
    assert signed.headers["x-line-signature"] == "KnhkhdCtqHK4HRaxwXG7a4e2edtnRKd2DpahOJ6I8Hc="
    account = business(secrets={"channel_secret": ("new", "the-previous-key")})
    assert HOOK.verify(signed, account)
    assert not HOOK.verify(replace(signed, body=body + b" "), account)
    assert not HOOK.verify(signed, business(secrets={"channel_secret": ("new",)}))
    assert not HOOK.verify(signed, business(secrets={}))


@pytest.mark.parametrize("signature", [None, "", "=", "ü", SECRET, "A" * 43 + "="])
def test_another_signature_is_refused(signature: str | None) -> None:
    headers = {} if signature is None else {"x-line-signature": signature}
    assert not HOOK.verify(replace(posted(webhook()), headers=headers), business())


def test_the_channel_says_where_it_is_and_how_it_answers() -> None:
    assert (CHANNEL.provider, CHANNEL.sender) == ("line", LineSender)
    (hook,) = CHANNEL.hooks
    assert (hook.path, hook.body_bytes_max) == ("/webhooks/line/{account_id}", 1024 * 1024)
