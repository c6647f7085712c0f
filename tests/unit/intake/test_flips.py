"""Ten thousand bits turned over in signed webhooks: each one that says something else is refused.

Twilio's own are in `test_twilio_signature.py`: what it signs are decoded parameters.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from services.intake.core.account import Account
from services.intake.shell.channels import line as line_channel
from services.intake.shell.channels import messenger as messenger_channel
from services.intake.shell.channels import slack as slack_channel
from services.intake.shell.channels import web_form
from services.intake.shell.channels import whatsapp as whatsapp_channel
from services.intake.shell.channels.protocol import Hook, Incoming
from tests.unit.intake import doors, line, messenger, slack, whatsapp

FLIPS_EACH = 2500
TEXT = "Grüße aus Köln 👋"
CASES: dict[str, tuple[Hook, Incoming, Account, tuple[str, ...]]] = {
    "whatsapp": (
        whatsapp_channel.CHANNEL.hooks[0],
        whatsapp.posted(
            whatsapp.webhook(whatsapp.change(messages=[whatsapp.message("text", {"body": TEXT})]))
        ),
        whatsapp.business(),
        ("x-hub-signature-256",),
    ),
    "messenger": (
        messenger_channel.CHANNEL.hooks[0],
        messenger.posted(messenger.webhook(messenger.entry(messenger.message(text=TEXT)))),
        messenger.page(),
        ("x-hub-signature-256",),
    ),
    "line": (
        line_channel.CHANNEL.hooks[0],
        line.posted(line.webhook(line.message("text", text=TEXT))),
        line.business(),
        ("x-line-signature",),
    ),
    "slack": (
        slack_channel.CHANNEL.hooks[0],
        slack.posted(slack.callback(slack.message(text=TEXT))),
        slack.workspace(),
        ("x-slack-signature", "x-slack-request-timestamp"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_as_its_provider_signed_it_is_let_in(name: str) -> None:
    hook, incoming, account, _ = CASES[name]
    assert hook.verify(incoming, account)
    assert hook.parse(incoming, account)


@pytest.mark.parametrize("name", CASES)
def test_no_flip_gets_in(name: str) -> None:
    hook, incoming, account, headers = CASES[name]
    dice = random.Random(name)
    places = len(incoming.body) + sum(len(incoming.headers[each]) for each in headers)
    for _ in range(FLIPS_EACH):
        flipped = _flipped(incoming, headers, dice.randrange(places), 1 << dice.randrange(7))
        assert not hook.verify(flipped, account), (flipped.body, flipped.headers)


def test_a_key_of_another_account_lets_nobody_in() -> None:
    for hook, incoming, account, _ in CASES.values():
        stranger = replace(account, secrets=dict.fromkeys(account.secrets, ("another",)))
        assert not hook.verify(incoming, stranger)


def test_a_form_that_is_to_be_signed_and_is_not_stays_out() -> None:
    hook = web_form.CHANNEL.hooks[0]
    account = doors.account(secrets={"signing_key": ("k",)})
    for header in ({}, {"x-switchboard-signature": ""}, {"x-switchboard-signature": "sha256="}):
        incoming = Incoming(url="", query={}, headers=header, body=b"{}", now_ms=0)
        assert not hook.verify(incoming, account)


def _flipped(incoming: Incoming, headers: tuple[str, ...], at: int, bit: int) -> Incoming:
    """The request with one bit turned over: in its body, or in what signs it."""
    if at < len(incoming.body):
        body = bytearray(incoming.body)
        body[at] ^= bit
        return replace(incoming, body=bytes(body))
    at -= len(incoming.body)
    for name in headers:
        value = incoming.headers[name]
        if at < len(value):
            turned = value[:at] + chr(ord(value[at]) ^ bit) + value[at + 1 :]
            return replace(incoming, headers={**incoming.headers, name: turned})
        at -= len(value)
    raise AssertionError("a place within the request")
