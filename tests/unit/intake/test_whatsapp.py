"""WhatsApp's webhook: what becomes of each kind of message, of statuses, and of bad input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.identity import home_id
from services.intake.core.model import Channel, Progress
from services.intake.shell.channels.meta_webhook import Subscription
from services.intake.shell.channels.protocol import Arrived, Item, Malformed, Reported, Unread
from services.intake.shell.channels.whatsapp import WebhookHook
from tests.unit.intake.given import ADDRESS, NOON_MS, TENANT
from tests.unit.intake.whatsapp import (
    PATH,
    WRITTEN_S,
    business,
    change,
    message,
    posted,
    status,
    webhook,
)

HOOK = WebhookHook()
HOME = home_id(TENANT, "WHATSAPP", ADDRESS)
TEXT = message("text", {"body": "Wo ist mein Päckchen? 📦"})


def parsed(*changes: Mapping[str, Any], **account: Any) -> list[Item]:
    return list(HOOK.parse(posted(webhook(*changes)), business(**account)))


def arrived(said: Mapping[str, Any]) -> Any:
    item, *leftovers = parsed(change(messages=[said]))
    assert leftovers in ([], [Unread("unknown")])
    assert isinstance(item, Arrived)
    return item.message


def reported(told: Mapping[str, Any]) -> Any:
    (item,) = parsed(change(statuses=[told]))
    assert isinstance(item, Reported)
    return item.note


def test_a_message_is_normalised() -> None:
    said = arrived(TEXT)
    assert (said.channel, said.home_id) == (Channel.WHATSAPP, HOME)
    assert (said.from_address, said.from_name) == (ADDRESS, "Grete")
    assert said.text == "Wo ist mein Päckchen? 📦"
    assert said.provider_message_id == "wamid.IN"
    assert (said.occurred_at_ms, said.received_at_ms) == (WRITTEN_S * 1000, NOON_MS)
    assert (said.language, said.pool_hint, said.tags) == ("de", "berlin", ("sms",))


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    assert arrived(TEXT | {"timestamp": str(WRITTEN_S + 1000)}).occurred_at_ms == NOON_MS


def test_a_repeat_has_the_same_id() -> None:
    assert arrived(TEXT) == arrived(TEXT)
    assert arrived(TEXT | {"id": "wamid.NEXT"}).message_id != arrived(TEXT).message_id


MEDIA = [
    ("image", {"id": "7", "mime_type": "image/jpeg", "caption": "Look"}, "Look", ""),
    ("video", {"id": "7", "mime_type": "video/mp4"}, "", ""),
    ("sticker", {"id": "7", "mime_type": "image/webp"}, "", ""),
    ("audio", {"id": "7", "mime_type": "audio/ogg; codecs=opus", "voice": True}, "", ""),
    ("document", {"id": "7", "mime_type": "application/pdf", "filename": "a.pdf"}, "", "a.pdf"),
]


@pytest.mark.parametrize(("kind", "content", "text", "file_name"), MEDIA)
def test_media_stay_with_meta(kind: str, content: Any, text: str, file_name: str) -> None:
    said = arrived(message(kind, content))
    (attachment,) = said.attachments
    assert (said.text, attachment.file_name) == (text, file_name)
    assert (attachment.reference, attachment.media_type) == ("whatsapp:7", content["mime_type"])


CARD = {
    "name": {"formatted_name": "Hans Glück"},
    "phones": [{"phone": "+49 30 1"}],
    "emails": [{"email": "hans@example.org"}],
}
TEXTS = [
    ("button", {"payload": "p", "text": "Yes, please"}, "Yes, please"),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}, "Yes"),
    ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Blue"}}, "Blue"),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent"}}, "Sent"),
    ("location", {"latitude": 52.5, "longitude": 13}, "https://www.google.com/maps?q=52.5,13"),
    (
        "location",
        {"latitude": 52.5, "longitude": 13.4, "name": "Depot", "address": "Hafen 1"},
        "Depot, Hafen 1, https://www.google.com/maps?q=52.5,13.4",
    ),
    ("contacts", [CARD, CARD], "\n".join(["Hans Glück, +49 30 1, hans@example.org"] * 2)),
    ("order", {"product_items": [{"product_retailer_id": "TEA", "quantity": 2}]}, "2 × TEA"),
    ("unsupported", {"type": "poll"}, "[poll: cannot be shown]"),
    ("hologram", {"depth": 3}, "[hologram: cannot be shown]"),
    ("text", {}, "[text: cannot be shown]"),
    ("image", {"caption": "no id"}, "[image: cannot be shown]"),
    ("location", {"latitude": "52"}, "[location: cannot be shown]"),
    ("interactive", None, "[interactive: cannot be shown]"),
]


@pytest.mark.parametrize(("kind", "content", "text"), TEXTS)
def test_whatever_a_customer_sends_can_be_read(kind: str, content: Any, text: str) -> None:
    assert arrived(message(kind, content)).text == text


def test_who_hides_their_number_is_known_by_an_id() -> None:
    hidden = {"from": None, "from_user_id": "DE.13491208655302741918"}
    contact = {"profile": {"name": "Hans"}, "user_id": "DE.13491208655302741918"}
    (item,) = parsed(change(messages=[TEXT | hidden], contacts=[contact]))
    assert isinstance(item, Arrived)
    assert item.message.from_address == "DE.13491208655302741918"
    assert item.message.from_name == "Hans"


STEPS = [
    ("sent", Progress.SENT),
    ("delivered", Progress.DELIVERED),
    ("read", Progress.READ),
    ("played", Progress.READ),
    ("failed", Progress.FAILED),
]


@pytest.mark.parametrize(("step", "progress"), STEPS)
def test_a_status_names_our_message(step: str, progress: Progress) -> None:
    note = reported(status(step))
    assert (note.progress, note.message_id) == (progress, "d-1")
    assert (note.provider_message_id, note.home_id) == ("wamid.OUT", HOME)


def test_a_failure_says_why() -> None:
    assert reported(status("failed", errors=[{"code": 131026}])).reason == "131026"


def test_a_batch_is_taken_item_by_item() -> None:
    bad = [TEXT | {"id": ""}, TEXT | {"from": "me"}, TEXT | {"timestamp": "soon"}]
    items = parsed(
        change(messages=[TEXT, *bad, TEXT | {"id": "wamid.2"}]), change(statuses=[status("read")])
    )
    assert [type(item) for item in items] == [Arrived, *[Unread] * 3, Arrived, Reported]
    assert {item.kind for item in items if isinstance(item, Unread)} == {"malformed"}


UNREAD = [
    (change(messages=[TEXT | {"group_id": "Y2FwaV9ncm91cA"}]), "group"),
    (change(messages=[message("system", {"body": "new number"})]), "system"),
    (change(statuses=[status("warming")]), "other_status"),
    (change(statuses=[status("read", recipient_type="group")]), "other_status"),
    (change("message_template_status_update", event="APPROVED"), "other_field"),
    (change(metadata={"phone_number_id": "1"}, messages=[TEXT]), "other_number"),
]


@pytest.mark.parametrize(("told", "kind"), UNREAD)
def test_what_nobody_uses_is_counted_by_kind(told: Mapping[str, Any], kind: str) -> None:
    assert parsed(told) == [Unread(kind)]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"object": "page"}', b'{"object": [1]}'])
def test_another_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), business())


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), part),
    max_leaves=5,
)


@given(st.data())
def test_no_shape_breaks_the_reading(data: st.DataObject) -> None:
    said = {name: data.draw(ODD) if data.draw(st.booleans()) else TEXT[name] for name in TEXT}
    told = {name: data.draw(ODD) for name in status("read")}
    value = change(messages=[said], statuses=[told])["value"]
    odd = {name: data.draw(ODD) if data.draw(st.booleans()) else value[name] for name in value}
    for item in HOOK.parse(posted(webhook({"field": "messages", "value": odd})), business()):
        assert isinstance(item, Arrived | Reported | Unread)


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    """Worked out with OpenSSL; Meta escapes what other encoders do not."""
    escaped = posted(b'{"object":"\\ud83d\\udce6"}', key="key")
    assert escaped.headers["x-hub-signature-256"] == (
        "sha256=b3c305652e2795a384b82c93dd577fa7fc3b7cf6366aac7e79801c55e19161b9"
    )
    account = business(secrets={"app_secret": ("new", "key")})
    assert HOOK.verify(escaped, account)
    assert not HOOK.verify(escaped, business(secrets={"app_secret": ("new",)}))
    assert not HOOK.verify(escaped, business(secrets={}))


def test_a_handshake_is_answered_with_its_challenge() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "say-friend", "hub.challenge": "1158"}
    answer = Subscription(PATH).answer(query, business())
    assert answer is not None
    assert (answer.status_code, answer.body) == (200, b"1158")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "change",
    [{"hub.verify_token": "mellon"}, {"hub.verify_token": ""}, {"hub.challenge": "x" * 257}],
)
def test_a_handshake_without_the_token_gets_nothing(change: dict[str, str]) -> None:
    query = {"hub.verify_token": "say-friend", "hub.challenge": "1158"} | change
    assert Subscription(PATH).answer(query, business()) is None
    assert Subscription(PATH).answer(query | {"hub.verify_token": ""}, business(secrets={})) is None
