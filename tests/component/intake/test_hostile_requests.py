"""Requests that are meant to do harm: each is refused with a 4xx, and harms nobody.

Where a case needs a right signature it has one: whoever sends it may be a provider with a bug, or a
customer whose words it passes on. What it says is then taken, or named unreadable.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import orjson
import pytest

from services.intake.shell.channels.discovery import discover
from tests.component.intake.street import (
    FORM_PATH,
    POST,
    WHATSAPP_PATH,
    Street,
    street_of,
)
from tests.unit.intake.doors import FORM, SMS, SMS_PATH
from tests.unit.intake.whatsapp import change, message, posted, webhook

JSON = {"content-type": "application/json"}
DEEP = b"[" * 5_000 + b"]" * 5_000
BOMB = gzip.compress(b'{"text": "' + b"a" * 50_000_000 + b'"}')
FORMS: dict[str, bytes] = {
    "nested five thousand deep": b'{"text": ' + DEEP + b"}",
    "NaN": b'{"text": NaN}',
    "a lone surrogate": b'{"text": "\\ud800"}',
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "not an object": b"[1, 2]",
    "cut off": b'{"text": "a',
    "nothing": b"",
    "a number too long for any type": b'{"text": ' + b"9" * 10_000 + b"}",
    "a key a million times": b"{" + b'"a":"1",' * 15_000 + b'"a":"1"}',
    "another type for text": orjson.dumps(POST | {"text": ["a"]}),
    "a header in an address": orjson.dumps(POST | {"email": "a@b.c\r\nBcc: all@b.c"}),
    "an encoded line break in a header": orjson.dumps(POST | {"email": "=?utf-8?q?a=0D=0A?=@"}),
}


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with street_of(discover()) as opened:
        yield opened


@pytest.mark.parametrize("case", FORMS)
async def test_a_hostile_form_is_refused_with_a_reason(street: Street, case: str) -> None:
    status, why, _ = await street.post(FORM_PATH, FORMS[case], **JSON)
    assert status == 400, why
    assert 0 < len(why) < 200
    assert street.around.published == []


async def test_a_bomb_that_is_packed_is_never_unpacked(street: Street) -> None:
    status, _, _ = await street.post(FORM_PATH, BOMB, **JSON, **{"content-encoding": "gzip"})
    assert status in {400, 415}
    assert street.around.published == []


async def test_a_gigabyte_is_refused_before_it_is_sent(street: Street) -> None:
    host, port = street.base.removeprefix("http://").split(":")
    for path in (FORM_PATH, SMS_PATH, WHATSAPP_PATH):
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n"
        writer.write(head.encode())
        answer = await asyncio.wait_for(reader.readline(), 30)
        assert b" 413 " in answer, path
        writer.close()


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]
)
async def test_what_no_database_holds_comes_out_as_text_or_not_at_all(
    street: Street, text: str
) -> None:
    status, _, _ = await street.form(POST | {"text": text})
    if status == 202:
        [(_, _, said)] = street.around.published
        said.inbound_message.text.encode()
        assert "\0" not in said.inbound_message.text
    else:
        assert status == 400


async def test_what_a_provider_signs_is_read_item_by_item_whatever_is_in_it(street: Street) -> None:
    hostile = [
        message("text", {"body": "\0" * 1000}),
        message("text", {"body": ["not", "text"]}),
        message("text", "not an object"),
        message("contacts", [{}] * 10_000),
        {"id": 7, "from": [], "timestamp": "x", "type": None},
        "not a message",
    ]
    good = message("text", {"body": "Hi"}) | {"id": "wamid.good"}
    incoming = posted(webhook(change(messages=[*hostile, good])))
    status, _, _ = await street.post(WHATSAPP_PATH, incoming.body, **incoming.headers)
    assert status == 200
    assert "Hi" in [said.inbound_message.text for _, _, said in street.around.published]


async def test_a_signed_body_that_is_nested_too_deep_is_refused(street: Street) -> None:
    for body in (DEEP, json.dumps({"entry": float("nan")}).encode(), b"\xff"):
        incoming = posted(body)
        status, _, _ = await street.post(WHATSAPP_PATH, incoming.body, **incoming.headers)
        assert status == 400


async def test_a_form_of_a_hundred_thousand_fields_is_refused(street: Street) -> None:
    body = "&".join(f"a{number}=1" for number in range(8_000)).encode()
    status, _, _ = await street.post(SMS_PATH, body, **{"content-type": FORM})
    assert status in {400, 401, 413}


async def test_others_are_served_while_somebody_trickles(street: Street) -> None:
    host, port = street.base.removeprefix("http://").split(":")
    slow = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
    for _, writer in slow:
        writer.write(
            f"POST {FORM_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{{".encode()
        )
    assert (await street.twilio(SMS))[0] == 200
    for _, writer in slow:
        writer.close()
