"""A channel is set up from the command line, up to the provider's handshake and first webhook."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlencode

from local import credentials, endpoints
from tests.e2e.conftest import Result, Stack
from tests.support.waiting import until_now
from tests.unit.intake.whatsapp import ACCOUNT as ID
from tests.unit.intake.whatsapp import NUMBER_ID, PATH, change, message, posted, webhook

PUT = ("accounts", "put", ID, "--channel", "whatsapp", "--provider", "whatsapp")
WHATSAPP = (*PUT, "--address", "+4930555000", "--set", f"phone_number_id={NUMBER_ID}")


def test_an_account_is_written_shown_and_used(stack: Stack) -> None:
    written = stack.run(*WHATSAPP, "--language", "de", "--tag", "vip", "--if-unseen", "fail")
    assert written.status == 0, written.err
    address = f"{stack.state.http('intake')[0]}{PATH}"
    assert f"GET {address}" in written.out
    assert stack.run("accounts", "rotate", ID, "app_secret", given="the-app-secret\n").status == 0
    assert stack.run("accounts", "rotate", ID, "verify_token", given="old").status == 0
    assert stack.run("accounts", "rotate", ID, "verify_token", given="say-friend").status == 0
    assert stack.run("accounts", "retire", ID, "verify_token", "1").status == 0

    shown = stack.run("accounts", "show", ID, "-o", "json").json
    assert shown["secrets"] == ["app_secret 1 (current)", "verify_token 2 (current)"]
    assert (shown["settings"], shown["tags"]) == ({"phone_number_id": NUMBER_ID}, ["vip"])
    assert shown["uncertain_policy"] == "UNCERTAIN_POLICY_FAIL"
    listed = stack.run("accounts", "list", "-o", "json").json
    assert ID in [each["account_id"] for each in listed]

    query = urlencode({"hub.verify_token": "say-friend", "hub.challenge": "1158"})
    with urllib.request.urlopen(f"{address}?{query}", timeout=10) as answer:
        assert answer.read() == b"1158"
    # A reaction opens no conversation: nobody here would answer it, and the demo waits for all.
    # This one names no message, so it is kept for somebody to look at.
    incoming = posted(webhook(change(messages=[message("reaction", {"emoji": "👍"})])))
    request = urllib.request.Request(address, incoming.body, dict(incoming.headers))
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200

    def parked() -> list[dict[str, str]]:
        found: list[dict[str, str]] = stack.run("accounts", "parked", ID, "-o", "json").json
        return found

    (kept,) = until_now(parked, what="the item that could not be read")
    assert (kept["kind"], "👍" in kept["payload"]) == ("malformed", True)
    assert kept["payload"] in stack.run("accounts", "parked", ID).out


def test_there_is_an_account_of_each_provider_from_the_start(stack: Stack, demo: Result) -> None:
    """The demo writes those that are missing too: it finds them all, and adds no secret."""
    stated = {each.account_id: each for each in endpoints.endpoints(credentials.load(stack.home))}
    listed = stack.run("accounts", "list", "-o", "json").json
    providers = {each["account_id"]: each["provider"] for each in listed}
    assert {name: each.provider for name, each in stated.items()}.items() <= providers.items()
    shown = stack.run("accounts", "show", "demo-telegram", "-o", "json").json
    assert shown["secrets"] == ["bot_token 1 (current)", "secret_token 1 (current)"]
    assert stated["demo-telegram"].secrets.keys() == {"bot_token", "secret_token"}


def test_what_cannot_be_written_is_said_in_a_sentence(stack: Stack) -> None:
    for arguments, words in (
        (("accounts", "show", "nobody"), "no such account"),
        ((*PUT, "--address", "me"), "account.address"),
        ((*PUT, "--address", "+4930555000", "--set", "novalue"), "--set takes name=value"),
        (
            ("accounts", "put", "x", "--channel", "pigeon", "--provider", "web", "--address", "a"),
            "channel",
        ),
        (
            ("accounts", "put", "x", "--channel", "form", "--provider", "webb", "--address", "a"),
            "account.provider: there are api",
        ),
        ((*WHATSAPP, "--if-unseen", "maybe"), "--if-unseen takes hold"),
        (("accounts", "rotate", ID, "app_secret"), "standard input"),
    ):
        refused = stack.run(*arguments)
        assert (refused.status, words in refused.err) == (1, True), (arguments, refused.err)


def test_a_chat_is_put_on_a_site(stack: Stack) -> None:
    chat = ("accounts", "put", "shop-chat", "--channel", "chat", "--provider", "web_chat")
    base = stack.state.http("intake")[0]
    settings = ("--set", f"allowed_origins={base}", "--set", "example_page=true")
    written = stack.run(*chat, "--address", "shop", *settings)
    assert written.status == 0, written.err
    tag = f'<script src="{base}/chat/widget.js" data-account="shop-chat" async></script>'
    assert tag in written.out
    assert stack.run("accounts", "show", "shop-chat", "-o", "json").json["pages"] == [
        tag,
        f"{base}/chat/shop-chat/example",
    ]
    with urllib.request.urlopen(f"{base}/chat/shop-chat/example", timeout=10) as answer:
        assert 'data-account="shop-chat"' in answer.read().decode()
