"""The web form: two encodings, one message, and a table of bad input."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.addresses import BadAddress
from services.intake.shell.channels.protocol import Arrived, Incoming, Malformed
from services.intake.shell.channels.web_form import SIGNATURE, FormHook
from tests.unit.intake.doors import account
from tests.unit.intake.given import NOON_MS

POST = {
    "message_id": "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000",
    "email": " Grete@Example.org ",
    "name": "Grete",
    "subject": "Parcel",
    "text": "Where is it?",
}


def form_account(**changes: Any) -> Account:
    return account(
        **{
            "account_id": "form-1",
            "channel": Channel.FORM,
            "provider": "web",
            "address": "contact",
            "secrets": {},
        }
        | changes
    )


def incoming(body: bytes, content_type: str = "application/json", **headers: str) -> Incoming:
    return Incoming(
        "https://desk.example/forms/form-1",
        {},
        {"content-type": content_type, **headers},
        body,
        NOON_MS,
    )


def arrived(said: Incoming, of: Account | None = None) -> Arrived:
    (item,) = FormHook().parse(said, of or form_account())
    assert isinstance(item, Arrived)
    return item


def test_json_and_an_ordinary_form_are_the_same_message() -> None:
    as_json = arrived(incoming(orjson.dumps(POST)))
    as_form = arrived(
        incoming(urlencode(POST).encode(), "application/x-www-form-urlencoded;charset=UTF-8")
    )
    assert as_json == as_form
    assert as_json.message.from_address == "grete@example.org"
    assert as_json.client_message_id == POST["message_id"]
    assert as_json.message.provider_message_id == ""


def test_a_telephone_number_will_do() -> None:
    post = {key: value for key, value in POST.items() if key != "email"} | {"phone": "030 901820"}
    said = incoming(orjson.dumps(post))
    assert arrived(said, form_account(settings={"region": "DE"})).message.from_address == (
        "+4930901820"
    )


def test_the_page_is_told_our_id() -> None:
    item = arrived(incoming(orjson.dumps(POST)))
    answer = FormHook().answer(incoming(orjson.dumps(POST)), [item])
    assert answer.status_code == 202
    assert orjson.loads(bytes(answer.body)) == {"message_id": item.message.message_id}


def test_a_public_form_needs_no_signature() -> None:
    assert FormHook().verify(incoming(orjson.dumps(POST)), form_account())


@pytest.mark.parametrize("key", ["now", "before"])
def test_an_account_with_keys_takes_signed_posts_only(key: str) -> None:
    body = orjson.dumps(POST)
    signature = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    keyed = form_account(secrets={"signing_key": ("now", "before")})
    assert FormHook().verify(incoming(body, **{SIGNATURE: signature}), keyed)
    assert not FormHook().verify(incoming(body + b" ", **{SIGNATURE: signature}), keyed)
    assert not FormHook().verify(incoming(body), keyed)


BAD_POSTS = [
    ({"message_id": ""}, Malformed, "message_id is missing"),
    ({"message_id": "short"}, Malformed, "message_id is not 8 to 64"),
    ({"message_id": "x" * 65}, Malformed, "message_id is not 8 to 64"),
    ({"text": ""}, Malformed, "text is missing"),
    ({"text": "\x00"}, Malformed, "text is missing"),
    ({"text": "x" * 16_001}, Malformed, "text is longer than 16000"),
    ({"text": ["a"]}, Malformed, "text is not text"),
    ({"name": 7}, Malformed, "name is not text"),
    ({"subject": "x" * 999}, Malformed, "subject is longer than 998"),
    ({"email": ""}, Malformed, "phone is missing"),
    ({"email": "a b@c"}, BadAddress, "mailbox"),
    ({"email": "@"}, BadAddress, "mailbox"),
    ({"email": "", "phone": "twelve"}, BadAddress, "telephone"),
]


@pytest.mark.parametrize(("change", "error", "why"), BAD_POSTS)
def test_bad_fields(change: dict[str, Any], error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        arrived(incoming(orjson.dumps(POST | change)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"text": NaN}',
        b'{"text": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_json_tricks_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        arrived(incoming(body))


def test_another_media_type_is_malformed() -> None:
    with pytest.raises(Malformed, match="content-type"):
        arrived(incoming(orjson.dumps(POST), "text/plain"))
