"""Twilio's webhooks: what becomes of a message, of media, of each status, of bad input."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.core.model import Channel, Progress
from services.intake.shell.addresses import BadAddress
from services.intake.shell.channels.protocol import Arrived, Incoming, Malformed, Reported
from services.intake.shell.channels.twilio_sms import MessageHook, StatusHook
from tests.unit.intake.doors import RECEIPT, SMS, SMS_PATH, account, signed
from tests.unit.intake.given import HOME, NOON_MS

Form = dict[str, str]
MEDIA = {
    "NumMedia": "2",
    "MediaUrl0": "https://api.twilio.com/media/1",
    "MediaContentType0": "image/jpeg",
    "MediaUrl1": "https://api.twilio.com/media/2",
    "MediaContentType1": "video/mp4",
}


def arrived(form: Form) -> Arrived:
    (item,) = MessageHook().parse(signed(form), account())
    assert isinstance(item, Arrived)
    return item


def reported(status: str, query: Form | None = None) -> list[Any]:
    incoming = signed(RECEIPT | {"MessageStatus": status}, path=SMS_PATH + "/status", query=query)
    return list(StatusHook().parse(incoming, account()))


def test_a_message_is_normalised() -> None:
    message = arrived(SMS).message
    assert (message.channel, message.home_id) == (Channel.SMS, HOME)
    assert (message.from_address, message.to_address) == ("+4930901820", "+4930555000")
    assert message.text == "Wo ist mein Päckchen? 1+1=2"
    assert message.provider_message_id == SMS["MessageSid"]
    assert (message.occurred_at_ms, message.received_at_ms) == (NOON_MS, NOON_MS)
    assert (message.language, message.pool_hint, message.tags) == ("de", "berlin", ("sms",))


def test_a_repeat_of_twilio_has_the_same_id() -> None:
    assert arrived(SMS) == arrived(SMS)
    assert (
        arrived(SMS | {"MessageSid": "SM9"}).message.message_id != arrived(SMS).message.message_id
    )


def test_media_stay_where_they_are() -> None:
    first, second = arrived(SMS | MEDIA | {"Body": ""}).message.attachments
    assert (first.reference, first.media_type) == (MEDIA["MediaUrl0"], "image/jpeg")
    assert (second.reference, second.media_type) == (MEDIA["MediaUrl1"], "video/mp4")


def test_a_short_code_is_an_address() -> None:
    assert arrived(SMS | {"From": "88811"}).message.from_address == "88811"


def test_a_nul_never_reaches_the_database() -> None:
    assert arrived(SMS | {"Body": "a\x00b"}).message.text == "ab"


BAD_MESSAGES = [
    ({"MessageSid": ""}, Malformed, "MessageSid is missing"),
    ({"From": ""}, Malformed, "From is missing"),
    ({"To": ""}, Malformed, "To is missing"),
    ({"From": "hello"}, BadAddress, "not a telephone number"),
    ({"From": "+1"}, BadAddress, "telephone number"),
    ({"From": "+49\n30901820"}, BadAddress, "not printable"),
    ({"NumMedia": "eleven"}, Malformed, "NumMedia"),
    ({"NumMedia": "11"}, Malformed, "NumMedia"),
    ({"NumMedia": "1"}, Malformed, "MediaUrl0 is missing"),
]


@pytest.mark.parametrize(("change", "error", "why"), BAD_MESSAGES)
def test_bad_input_is_told_by_field_and_never_by_value(
    change: Form, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why) as raised:
        arrived(SMS | change)
    assert not any(
        value and value in str(raised.value) for value in change.values() if len(value) > 2
    )


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        ("application/json", b"{}", "content-type"),
        ("", b"From=1", "content-type"),
        ("application/x-www-form-urlencoded", b"From=%ff", "UTF-8"),
        ("application/x-www-form-urlencoded", "From=ü".encode(), "UTF-8"),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 201), "more than 200"),
        ("application/x-www-form-urlencoded", b"", "MessageSid is missing"),
    ],
)
def test_what_is_no_form_is_malformed(content_type: str, body: bytes, why: str) -> None:
    incoming = Incoming("https://desk.example", {}, {"content-type": content_type}, body, NOON_MS)
    with pytest.raises(Malformed, match=why):
        MessageHook().parse(incoming, account())


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("queued", Progress.SENT),
        ("sent", Progress.SENT),
        ("delivered", Progress.DELIVERED),
        ("read", Progress.READ),
        ("undelivered", Progress.FAILED),
        ("failed", Progress.FAILED),
    ],
)
def test_each_status_says_how_far_a_message_has_come(status: str, progress: Progress) -> None:
    (item,) = reported(status, {"message_id": "m-7"})
    assert isinstance(item, Reported)
    assert (item.note.progress, item.note.message_id) == (progress, "m-7")
    assert (item.note.home_id, item.note.by_provider) == (HOME, True)


def test_a_status_that_twilio_may_add_is_taken_and_ignored() -> None:
    assert reported("teleported") == []


def test_a_receipt_without_our_reference_carries_twilios() -> None:
    (item,) = reported("delivered")
    assert (item.note.message_id, item.note.provider_message_id) == ("", RECEIPT["MessageSid"])


def test_answers_are_what_twilio_wants() -> None:
    answer = MessageHook().answer(signed(SMS), [])
    assert (answer.status_code, answer.media_type) == (200, "text/xml")
    assert bytes(answer.body).endswith(b"<Response/>")
    assert StatusHook().answer(signed(RECEIPT), []).status_code == 204
