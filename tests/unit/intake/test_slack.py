"""Slack's events: what becomes of each kind, of Slack's markup, and of bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Arrived, Item, Malformed, Unread
from services.intake.shell.channels.slack import EventHook, shown
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.slack import (
    APP_USER,
    CONVERSATION,
    TS,
    USER,
    WRITTEN_S,
    callback,
    file,
    message,
    posted,
    workspace,
)

HOOK = EventHook()
PLACEHOLDER = "[message: cannot be shown]"
CHALLENGE = {"type": "url_verification", "token": "t", "challenge": "3eZbrw1a"}


def parsed(body: Any, **account: Any) -> list[Item]:
    return list(HOOK.parse(posted(body), workspace(**account)))


def arrived(event: dict[str, Any]) -> ReceiveMessage:
    item, *leftovers = parsed(callback(event))
    assert leftovers in ([], [Unread("unknown")])
    assert isinstance(item, Arrived)
    return item.message


def test_a_message_is_normalised() -> None:
    said = arrived(message())
    assert (said.channel, said.home_id) == (Channel.SLACK, home_id(TENANT, "SLACK", USER))
    assert (said.from_address, said.from_name, said.to_address) == (USER, "", APP_USER)
    assert (said.text, said.attachments) == ("Wo ist mein Päckchen?", ())
    assert said.provider_message_id == f"{CONVERSATION}/{TS}"
    assert (said.occurred_at_ms, said.received_at_ms) == (WRITTEN_S * 1000, NOON_MS)
    assert (said.language, said.pool_hint, said.tags) == ("de", "berlin", ("sms",))


TIMES = [
    (f"{WRITTEN_S}.678900", WRITTEN_S * 1000 + 678),
    (f"{WRITTEN_S}.5", WRITTEN_S * 1000 + 500),
    (f"{WRITTEN_S}", WRITTEN_S * 1000),
    (f"{WRITTEN_S + 1000}.000200", NOON_MS),  # a clock that is ahead is not believed
]


@pytest.mark.parametrize(("ts", "at_ms"), TIMES)
def test_the_time_is_in_seconds_with_a_fraction(ts: str, at_ms: int) -> None:
    assert arrived(message(ts=ts)).occurred_at_ms == at_ms


def test_a_repeat_has_the_same_id() -> None:
    first = arrived(message())
    again = posted(callback(message(client_msg_id=None), event_id="Ev2"))
    retry = replace(again, headers={**again.headers, "x-slack-retry-num": "1"})
    (item,) = HOOK.parse(retry, workspace())
    assert isinstance(item, Arrived)
    assert item.message == first
    assert arrived(message(ts=f"{WRITTEN_S}.000201")).message_id != first.message_id
    assert arrived(message(channel="D0HANS001")).message_id != first.message_id


@pytest.mark.parametrize("subtype", [None, "", "file_share", "thread_broadcast"])
def test_what_a_customer_says_has_few_subtypes(subtype: str | None) -> None:
    assert arrived(message(subtype=subtype)).text == "Wo ist mein Päckchen?"


def test_files_stay_with_slack() -> None:
    said = arrived(message(subtype="file_share", files=[file(), file(id="F2", name="b.png")]))
    first, second = said.attachments
    assert first.reference == file()["url_private_download"]
    assert (first.file_name, first.media_type) == ("label.png", "image/png")
    assert (first.size_bytes, second.file_name) == (48_213, "b.png")
    ids = [first.attachment_id, second.attachment_id]
    assert ids == [f"{said.message_id}-0", f"{said.message_id}-1"]


def test_a_file_without_an_address_for_downloads_has_the_other() -> None:
    said = arrived(message(files=[file(url_private_download=None)]))
    assert said.attachments[0].reference == file()["url_private"]


def test_a_file_of_another_workspace_is_known_by_its_id() -> None:
    said = arrived(message(text="", files=[{"id": "F7", "file_access": "check_file_info"}]))
    (attachment,) = said.attachments
    assert (attachment.reference, attachment.size_bytes) == ("slack:F7", 0)
    assert said.text == ""


@pytest.mark.parametrize("size", [None, "9", -1, 1.5, True, 2**63])
def test_a_size_that_is_none_is_not_told(size: Any) -> None:
    (attachment,) = arrived(message(files=[file(size=size)])).attachments
    assert attachment.size_bytes == 0


@pytest.mark.parametrize("event", [{"text": ""}, {"text": " \n"}, {"text": None, "files": [{}]}])
def test_a_message_of_which_nothing_can_be_shown_still_counts(event: dict[str, Any]) -> None:
    said = arrived(message(**event))
    assert (said.text, said.attachments) == (PLACEHOLDER, ())


MARKUP = [
    ("R&amp;D &lt;3 a &gt; b", "R&D <3 a > b"),
    ("&amp;lt; &amp;amp;", "&lt; &amp;"),
    ("see <https://shop.example/p?a=1&amp;b=2>!", "see https://shop.example/p?a=1&b=2!"),
    ("<https://shop.example|our &lt;shop&gt;>", "our <shop> (https://shop.example)"),
    ("<http://shop.example|shop.example>", "shop.example (http://shop.example)"),
    ("<https://shop.example|https://shop.example>", "https://shop.example"),
    ("<mailto:g@example.org|g@example.org>", "g@example.org"),
    ("<mailto:g@example.org|write>", "write (mailto:g@example.org)"),
    ("<tel:+493055|+49 30 55>", "+49 30 55 (tel:+493055)"),
    ("ask <@U1> or <@U2|hans>", "ask @U1 or @hans"),
    ("in <#C1|parcels>, <#C2>, <#C3|>", "in #parcels, #C2, #C3"),
    ("<!here> <!subteam^S1|@depot> <!date^1^{date}|18 Feb>", "@here @depot 18 Feb"),
    ("&lt;@U1&gt; &lt;https://a|b&gt;", "<@U1> <https://a|b>"),  # typed, not meant
    ("a < b, <>, <|x>, :bow: *bold*", "a < b, <>, <|x>, :bow: *bold*"),
    ("no\x00body", "nobody"),
]


@pytest.mark.parametrize(("text", "plain"), MARKUP)
def test_a_reader_needs_no_slack(text: str, plain: str) -> None:
    assert arrived(message(text=text)).text == plain


@given(st.text(max_size=40))
def test_what_a_customer_types_is_shown_as_typed(typed: str) -> None:
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert shown(escaped) == typed


UNREAD = [
    (message(bot_id="B1"), "bot"),
    (message(subtype="bot_message", user=None), "bot"),
    (message(user=APP_USER), "bot"),
    (message(bot_id="B1", channel_type="channel"), "bot"),
    (message(subtype="channel_join"), "other_subtype"),
    (message(subtype="a subtype of tomorrow"), "unknown"),
    (message(subtype="a subtype of tomorrow", channel_type="channel"), "channel"),
    (message(channel_type="channel"), "channel"),
    (message(channel_type="group"), "channel"),
    (message(channel_type="mpim"), "channel"),
    (message(type="app_mention", channel_type=None), "channel"),
    (message(type="app_home_opened"), "other_event"),
    (message(type=None), "malformed"),
    (message(user=None), "malformed"),
    (message(user="U1\n2"), "malformed"),
    (message(user="U" * 400), "malformed"),
    (message(channel=""), "malformed"),
    (message(channel_type=None), "malformed"),
    (message(ts=None), "malformed"),
    (message(ts=WRITTEN_S), "malformed"),
    (message(ts="soon"), "malformed"),
    (message(ts="-1.000000"), "malformed"),
    (message(ts="1" * 13), "malformed"),
]


@pytest.mark.parametrize(("event", "kind"), UNREAD)
def test_what_nobody_uses_is_counted_by_kind(event: dict[str, Any], kind: str) -> None:
    assert parsed(callback(event)) == [Unread(kind)]


def test_only_a_bot_among_those_who_authorised_is_the_app() -> None:
    told = callback(message(), authorizations=[{"user_id": USER, "is_bot": False}])
    assert isinstance(parsed(told)[0], Arrived)


def test_nobody_is_not_the_app() -> None:
    told = callback(message(user=None), authorizations=[{"is_bot": True}])
    assert parsed(told) == [Unread("malformed")]


def test_another_team_has_its_own_account() -> None:
    told = callback(message(), team_id="T0OTHER01")
    assert parsed(told) == [Unread("other_team")]
    assert isinstance(parsed(told, settings={})[0], Arrived)
    assert isinstance(parsed(callback(message()))[0], Arrived)


OTHER = [
    {},
    {"type": "app_rate_limited", "minute_rate_limited": 1},
    {"type": ["event_callback"], "event": message()},
    {"type": "event_callback"},
    {"type": "event_callback", "event": {}},
    {"type": "event_callback", "event": [message()]},
]


@pytest.mark.parametrize("body", OTHER)
def test_another_body_is_counted(body: dict[str, Any]) -> None:
    assert parsed(body) == [Unread("other_body")]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"payload=%7B%7D", b'{"type": NaN}'])
def test_what_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        HOOK.parse(posted(body), workspace())


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), part),
    max_leaves=5,
)
KINDS = ["bot", "preview", "channel", "malformed", "unknown"]
OTHERS = ["other_subtype", "other_event", "other_team", "other_body"]
KNOWN = [Unread(kind) for kind in KINDS + OTHERS]


@given(st.data())
def test_no_shape_breaks_the_reading(data: st.DataObject) -> None:
    def odd(whole: dict[str, Any]) -> dict[str, Any]:
        return {name: data.draw(ODD) if data.draw(st.booleans()) else whole[name] for name in whole}

    event = odd(message(subtype=None, bot_id=None, files=[odd(file()), data.draw(ODD)]))
    incoming = posted(odd(callback(event)))
    items = HOOK.parse(incoming, workspace())
    for item in items:
        assert isinstance(item, Arrived) or item in KNOWN
    assert HOOK.answer(incoming, items).status_code == 200


def test_the_signature_is_over_the_time_and_the_bytes_as_they_came() -> None:
    """Worked out with OpenSSL; Slack escapes what other encoders do not."""
    raw = '{"type":"app_rate_limited","note":"Päckchen \\ud83d\\udce6"}'.encode()
    at_s = NOON_MS // 1000 - 100
    incoming = posted(raw, key="second-key", timestamp=str(at_s))
    assert incoming.headers["x-slack-signature"] == (
        "v0=59a694a88ab4b2839a15fd7d8a61eae268e52e3d1cddb5005c3e5b9cf0d9a8a6"
    )
    account = workspace(secrets={"signing_secret": ("first-key", "second-key")})
    assert HOOK.verify(incoming, account)
    assert not HOOK.verify(incoming, workspace(secrets={"signing_secret": ("first-key",)}))
    assert not HOOK.verify(incoming, workspace(secrets={}))
    assert not HOOK.verify(replace(incoming, body=raw + b" "), account)


@pytest.mark.parametrize(
    ("late_ms", "verified"),
    [(300_000, True), (300_001, False), (-300_000, True), (-300_001, False)],
)
def test_a_signature_holds_for_five_minutes_either_way(late_ms: int, *, verified: bool) -> None:
    incoming = posted(callback(message()), now_ms=NOON_MS + late_ms)
    assert HOOK.verify(incoming, workspace()) is verified


@pytest.mark.parametrize("timestamp", ["", "now", "1.75e9", "-1", "1750000000 ", "1" * 13, "１７"])
def test_a_time_that_is_no_number_is_not_verified(timestamp: str) -> None:
    body = callback(message())
    incoming = posted(body, timestamp=timestamp, now_ms=NOON_MS)
    assert not HOOK.verify(incoming, workspace())


@pytest.mark.parametrize("lost", ["x-slack-signature", "x-slack-request-timestamp"])
def test_a_header_that_is_not_there_verifies_nothing(lost: str) -> None:
    incoming = posted(callback(message()))
    headers = {name: value for name, value in incoming.headers.items() if name != lost}
    assert not HOOK.verify(replace(incoming, headers=headers), workspace())
    moved = {**incoming.headers, "x-slack-request-timestamp": str(NOON_MS // 1000 - 1)}
    assert not HOOK.verify(replace(incoming, headers=moved), workspace())


def test_a_challenge_is_echoed_as_plain_text() -> None:
    incoming = posted(CHALLENGE)
    assert HOOK.verify(incoming, workspace())
    assert parsed(CHALLENGE) == []
    answer = HOOK.answer(incoming, [])
    assert (answer.status_code, answer.body) == (200, b"3eZbrw1a")
    assert answer.headers["content-type"].startswith("text/plain")


CHALLENGES = [("x" * 256, b"x" * 256), ("x" * 257, b""), (None, b""), (["x"], b"")]


@pytest.mark.parametrize(("challenge", "echo"), CHALLENGES)
def test_a_challenge_is_bounded(challenge: Any, echo: bytes) -> None:
    assert HOOK.answer(posted(CHALLENGE | {"challenge": challenge}), []).body == echo


@pytest.mark.parametrize("event", [message(), message(type="reaction_added"), message(ts="soon")])
def test_an_event_is_answered_with_an_empty_200(event: dict[str, Any]) -> None:
    incoming = posted(callback(event, challenge="no question"))
    answer = HOOK.answer(incoming, HOOK.parse(incoming, workspace()))
    assert (answer.status_code, answer.body) == (200, b"")
