"""Twilio's signature: vectors that OpenSSL made, two live tokens, and every flip refused."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.channels.twilio_signature import HEADER, Form, is_signed
from services.intake.shell.channels.twilio_sms import MessageHook
from tests.unit.intake.doors import SMS, TOKEN, account, signed

URL = "https://desk.example/webhooks/twilio/sms-berlin"
FORM: Form = {
    "Body": ["Wo ist mein Päckchen?"],
    "From": ["+4930901820"],
    "MessageSid": ["SM00000000000000000000000000000007"],
    "To": ["+4930555000"],
}
JSON_BODY = b'{"text": "Guten Tag", "n": 1}'
JSON_URL = f"{URL}?bodySHA256=1c9124e6e4b9a3fc08c815ae8dc4a201ab76a284840b50ade5366578ec45fe0b"
VECTORS = [
    # printf %s "$url$names_and_values" | openssl dgst -sha1 -hmac "$token" -binary | base64
    pytest.param(URL, FORM, "4R4SKcPNc/gtc0qG4qp2bCC7twk=", id="plain"),
    pytest.param(
        "https://desk.example:8443/webhooks/twilio/sms-berlin",
        FORM,
        "4R4SKcPNc/gtc0qG4qp2bCC7twk=",
        id="signed without our port",
    ),
    pytest.param(URL, FORM, "00zfJDlokBX9FjpUo0+a7UQisA4=", id="signed with 443"),
    pytest.param(
        "http://desk.example/webhooks/twilio/sms-berlin",
        FORM,
        "ptGdZmVr36h+ZyygJdJ/7aQ89wc=",
        id="signed with 80",
    ),
    pytest.param(
        f"{URL}/status?message_id=m-7&x=1", FORM, "cwqGGDB7DKoXRg2OIknvNslbfa8=", id="query"
    ),
    pytest.param(
        URL,
        {"Z": ["9"], "A": ["B2", "B1", "B2"]},
        "303gvHGSelpmSX5lTd5tD23+DO0=",
        id="values doubled and out of order",
    ),
]


@pytest.mark.parametrize(("url", "form", "signature"), VECTORS)
def test_vectors_verify(url: str, form: Form, signature: str) -> None:
    assert is_signed(url=url, form=form, signature=signature, tokens=[TOKEN])
    assert not is_signed(url=url, form=form, signature=signature, tokens=["another"])


def test_a_json_body_is_covered_by_its_hash_in_the_query() -> None:
    signature = "tOg8jEgjwS3TumA3HqUbphsOrFY="
    tokens = [TOKEN]
    assert is_signed(url=JSON_URL, form={}, signature=signature, tokens=tokens, body=JSON_BODY)
    other = JSON_BODY.replace(b"1", b"2")
    assert not is_signed(url=JSON_URL, form={}, signature=signature, tokens=tokens, body=other)
    assert not is_signed(url=URL, form={}, signature=signature, tokens=tokens, body=JSON_BODY)


@pytest.mark.parametrize("token", [TOKEN, "the-token-before"])
def test_both_live_tokens_verify(token: str) -> None:
    assert MessageHook().verify(signed(SMS, token=token), account())


def test_an_account_without_a_token_takes_nothing() -> None:
    incoming = signed(SMS, token="")
    assert not MessageHook().verify(incoming, account(secrets={}))


@pytest.mark.parametrize("signature", ["", "AAAA", "ü", "4R4SKcPNc/gtc0qG4qp2bCC7twk", " "])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert not is_signed(url=URL, form=FORM, signature=signature, tokens=[TOKEN])


def test_every_bit_of_the_signature_counts() -> None:
    incoming, hook = signed(SMS), MessageHook()
    right = incoming.headers[HEADER]
    for at in range(len(right) * 7):
        flipped = _flip(right.encode(), at // 7, at % 7).decode("latin-1")
        headers = {**incoming.headers, HEADER: flipped}
        assert not hook.verify(replace(incoming, headers=headers), account()), flipped


def test_five_thousand_flips_of_the_body_are_refused_or_change_nothing_that_is_signed() -> None:
    incoming, hook = signed(SMS), MessageHook()
    dice, refused = random.Random(7), 0
    said = hook.parse(incoming, account())
    for _ in range(5000):
        body = _flip(incoming.body, dice.randrange(len(incoming.body)), dice.randrange(8))
        flipped = replace(incoming, body=body)
        try:
            holds = hook.verify(flipped, account())
        except Malformed:
            holds = False
        refused += not holds
        # A flip may leave every decoded value as it was, such as %2B and %2b.
        assert not holds or hook.parse(flipped, account()) == said
    assert refused > 4800


def test_every_flip_of_the_url_is_refused() -> None:
    incoming, hook = signed(SMS, query={"message_id": "m-7"}), MessageHook()
    for at in range(len("https://desk.example"), len(incoming.url)):
        url = _flip(incoming.url.encode(), at, 0).decode()
        assert not hook.verify(replace(incoming, url=url), account()), url


def _flip(text: bytes, at: int, bit: int) -> bytes:
    return text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :]
