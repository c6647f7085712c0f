"""Edits, deletions and reactions of each provider, by the rules of each, and what answers what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.account import Account
from services.intake.core.commands import EditMessage, ReactToMessage, RetractMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.shell.channels.line import WebhookHook as LineHook
from services.intake.shell.channels.messenger import WebhookHook as MessengerHook
from services.intake.shell.channels.protocol import (
    Arrived,
    Hook,
    Incoming,
    Item,
    Linked,
    Revised,
    Unread,
)
from services.intake.shell.channels.slack import EventHook
from services.intake.shell.channels.telegram import WebhookHook as TelegramHook
from services.intake.shell.channels.twilio_sms import MessageHook
from services.intake.shell.channels.whatsapp import WebhookHook as WhatsAppHook
from services.intake.shell.wire import inputs
from tests.unit.intake import doors, line, messenger, slack, telegram, whatsapp
from tests.unit.intake.given import NOON_MS, TENANT
from tests.unit.intake.test_whatsapp_changes import edit, moved


def taken(hook: Hook, incoming: Incoming, account: Account) -> list[Item]:
    return list(hook.parse(incoming, account))


def on_whatsapp(message: Mapping[str, Any]) -> list[Item]:
    body = whatsapp.webhook(whatsapp.change(messages=[message]))
    return taken(WhatsAppHook(), whatsapp.posted(body), whatsapp.business())


def on_messenger(event: Mapping[str, Any]) -> list[Item]:
    body = messenger.webhook(messenger.entry(event))
    return taken(MessengerHook(), messenger.posted(body), messenger.page())


def on_telegram(**update: Any) -> list[Item]:
    return taken(TelegramHook(), telegram.posted(telegram.update(**update)), telegram.bot())


def on_slack(event: Mapping[str, Any]) -> list[Item]:
    return taken(EventHook(), slack.posted(slack.callback(event)), slack.workspace())


def on_line(event: Mapping[str, Any]) -> list[Item]:
    return taken(LineHook(), line.posted(line.webhook(event)), line.business())


def revision(items: list[Item]) -> Any:
    (item,) = items
    assert isinstance(item, Revised), item
    return item.revision


def arrived(items: list[Item]) -> Any:
    (item,) = items
    assert isinstance(item, Arrived), item
    return item.message


def test_messenger_edits_replace_the_text() -> None:
    said = {"mid": "m_IN", "text": "Wo nur?", "num_edit": 1}
    edit = revision(on_messenger(messenger.event("message_edit", said)))
    assert isinstance(edit, EditMessage)
    assert (edit.provider_message_id, edit.text) == ("m_IN", "Wo nur?")
    assert edit.occurred_at_ms == messenger.WRITTEN_MS
    assert edit.home_id == home_id(TENANT, "MESSENGER", messenger.PERSON)


@pytest.mark.parametrize(
    ("said", "reaction"),
    [
        ({"action": "react", "emoji": "❤️", "reaction": "love"}, "❤️"),
        ({"action": "react", "reaction": "love"}, "love"),
        ({"action": "unreact", "emoji": "❤️", "reaction": "love"}, ""),
        ({"action": "unreact"}, ""),
    ],
)
def test_messenger_reactions_end_with_unreact(said: dict[str, str], reaction: str) -> None:
    reacted = revision(on_messenger(messenger.event("reaction", {"mid": "m_OUT"} | said)))
    assert isinstance(reacted, ReactToMessage)
    assert (reacted.provider_message_id, reacted.reaction) == ("m_OUT", reaction)


def test_messenger_unsends_in_a_message() -> None:
    unsent = revision(on_messenger(messenger.message(is_deleted=True)))
    assert isinstance(unsent, RetractMessage)
    assert unsent.provider_message_id == "m_IN"


def test_messenger_says_which_message_is_quoted() -> None:
    said = messenger.message(text="This one", reply_to={"mid": "m_OUT"})
    assert arrived(on_messenger(said)).in_reply_to == ("m_OUT",)
    assert arrived(on_messenger(messenger.message(text="Hi"))).in_reply_to == ()


@pytest.mark.parametrize(
    "event",
    [
        messenger.event("message_edit", {"text": "Wo?"}),
        messenger.event("reaction", {"mid": "m_OUT", "action": "react"}),
        messenger.event("reaction", None),
        messenger.message(mid="", is_deleted=True),
    ],
)
def test_messenger_changes_of_nothing_are_counted(event: dict[str, Any]) -> None:
    assert on_messenger(event) == [Unread("malformed")]


EDITED = telegram.message(text="Wo nur?", edit_date=telegram.WRITTEN_S + 2)


def test_telegram_edits_have_a_time_of_their_own() -> None:
    edit = revision(on_telegram(edited_message=EDITED))
    assert isinstance(edit, EditMessage)
    assert (edit.provider_message_id, edit.text) == (f"{telegram.CHAT_ID}/12", "Wo nur?")
    assert edit.occurred_at_ms == (telegram.WRITTEN_S + 2) * 1000
    assert edit.home_id == home_id(TENANT, "TELEGRAM", str(telegram.CHAT_ID))


def test_telegram_places_that_move_are_no_edits() -> None:
    place = {"latitude": 52.5, "longitude": 13.4}
    live = EDITED | {"text": None, "location": place | {"live_period": 900}}
    assert on_telegram(edited_message=live) == [Unread("live_location")]
    ended = telegram.message(location=place, edit_date=telegram.WRITTEN_S)
    assert "52.5" in revision(on_telegram(edited_message=ended)).text


REACTED: dict[str, Any] = {
    "chat": telegram.CHAT,
    "message_id": 8,
    "user": telegram.GRETE,
    "date": telegram.WRITTEN_S,
    "old_reaction": [],
}


@pytest.mark.parametrize(
    ("now", "reaction"),
    [
        ([{"type": "emoji", "emoji": "👍"}], "👍"),
        ([{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🎉"}], "👍🎉"),
        ([{"type": "custom_emoji", "custom_emoji_id": "7"}], "[emoji]"),
        ([], ""),
    ],
)
def test_telegram_tells_all_reactions_that_there_are_now(now: list[Any], reaction: str) -> None:
    reacted = revision(on_telegram(message_reaction=REACTED | {"new_reaction": now}))
    assert isinstance(reacted, ReactToMessage)
    assert reacted.provider_message_id == f"{telegram.CHAT_ID}/8"
    assert reacted.reaction == reaction


GROUP = {"id": -7, "type": "supergroup", "title": "Tea"}


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"edited_message": EDITED | {"chat": GROUP}}, "group"),
        ({"message_reaction": REACTED | {"chat": GROUP}}, "group"),
        ({"edited_message": EDITED | {"from": telegram.GRETE | {"is_bot": True}}}, "bot"),
        ({"edited_message": telegram.message(text="Hi")}, "malformed"),
        ({"edited_message": None}, "malformed"),
        ({"message_reaction": REACTED | {"message_id": "8"}}, "malformed"),
    ],
)
def test_telegram_changes_elsewhere_are_counted(update: dict[str, Any], kind: str) -> None:
    assert on_telegram(**update) == [Unread(kind)]


def test_telegram_says_which_message_is_quoted() -> None:
    quoted = telegram.message(message_id=8, text="On its way")
    said = telegram.message(text="When?", reply_to_message=quoted)
    assert arrived(on_telegram(message=said)).in_reply_to == (f"{telegram.CHAT_ID}/8",)
    assert arrived(on_telegram(message=telegram.message(text="Hi"))).in_reply_to == ()


CHANGED_S = slack.WRITTEN_S + 2


def slack_change(subtype: str = "message_changed", **changes: Any) -> dict[str, Any]:
    """An event around Grete's message."""
    around = {
        "type": "message",
        "subtype": subtype,
        "channel": slack.CONVERSATION,
        "channel_type": "im",
        "hidden": True,
        "previous_message": slack.message(),
        "ts": f"{CHANGED_S}.013600",
        "event_ts": f"{CHANGED_S}.013600",
    }
    return around | changes


NOW = slack.message(
    text="Wo &lt;nur&gt;?", edited={"user": slack.USER, "ts": f"{CHANGED_S}.000000"}
)


def test_slack_edits_hold_the_message_as_it_is_now() -> None:
    edit = revision(on_slack(slack_change(message=NOW)))
    assert isinstance(edit, EditMessage)
    assert (edit.provider_message_id, edit.text) == (
        f"{slack.CONVERSATION}/{slack.TS}",
        "Wo <nur>?",
    )
    assert edit.occurred_at_ms == CHANGED_S * 1000 + 13
    assert edit.home_id == home_id(TENANT, "SLACK", slack.USER)
    nameless = {name: value for name, value in NOW.items() if name != "ts"}
    assert revision(on_slack(slack_change(message=nameless))) == edit


def test_slack_previews_of_links_are_no_edits() -> None:
    assert on_slack(slack_change(message=slack.message(attachments=[{}]))) == [Unread("preview")]


def test_slack_deletions_name_the_time_of_what_is_gone() -> None:
    gone = revision(on_slack(slack_change("message_deleted", deleted_ts=slack.TS)))
    assert isinstance(gone, RetractMessage)
    assert gone.provider_message_id == f"{slack.CONVERSATION}/{slack.TS}"
    assert revision(on_slack(slack_change("message_deleted"))) == gone


def test_slack_leaves_a_tombstone_where_there_are_answers() -> None:
    stone = {"subtype": "tombstone", "user": "USLACKBOT", "ts": slack.TS, "hidden": True}
    gone = revision(on_slack(slack_change(message=stone)))
    assert isinstance(gone, RetractMessage)
    assert gone.home_id == home_id(TENANT, "SLACK", slack.USER)
    ended = slack_change("message_deleted", previous_message=stone, deleted_ts=slack.TS)
    assert on_slack(ended) == [Unread("bot")]


def slack_reaction(kind: str = "reaction_added", **changes: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": slack.CONVERSATION, "ts": slack.TS}
    told = {"type": kind, "user": slack.USER, "reaction": "thumbsup", "item": item}
    return told | {"event_ts": f"{CHANGED_S}.000100"} | changes


@pytest.mark.parametrize(
    ("kind", "reaction"), [("reaction_added", "thumbsup"), ("reaction_removed", "")]
)
def test_slack_reactions_have_names(kind: str, reaction: str) -> None:
    reacted = revision(on_slack(slack_reaction(kind)))
    assert isinstance(reacted, ReactToMessage)
    assert reacted.reaction == reaction
    assert reacted.provider_message_id == f"{slack.CONVERSATION}/{slack.TS}"
    assert reacted.occurred_at_ms == CHANGED_S * 1000


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (slack_change(previous_message=slack.message(bot_id="B1"), message=NOW), "bot"),
        (slack_change(message=NOW, channel_type="channel"), "channel"),
        (slack_reaction(user=slack.APP_USER), "bot"),
        (slack_reaction(item={"type": "message", "channel": "C1", "ts": slack.TS}), "channel"),
        (slack_reaction(item={"type": "file"}), "malformed"),
        (slack_reaction(reaction=""), "malformed"),
        (slack_reaction(event_ts=None), "malformed"),
        (slack_change(previous_message=None, message=NOW | {"ts": None}), "malformed"),
        (slack_change(message=NOW, ts="soon"), "malformed"),
    ],
)
def test_slack_changes_elsewhere_are_counted(event: dict[str, Any], kind: str) -> None:
    assert on_slack(event) == [Unread(kind)]


def test_slack_threads_answer_their_first_message() -> None:
    first = f"{slack.WRITTEN_S - 9}.000100"
    answer = arrived(on_slack(slack.message(thread_ts=first)))
    assert answer.in_reply_to == (f"{slack.CONVERSATION}/{first}",)
    assert arrived(on_slack(slack.message(thread_ts=slack.TS))).in_reply_to == ()


def test_line_unsends_by_the_id_of_the_message() -> None:
    unsent = revision(on_line(line.event("unsend", unsend={"messageId": "561203948812"})))
    assert isinstance(unsent, RetractMessage)
    assert unsent.message_id == inbound_message_id(line.ACCOUNT, "561203948812")
    assert unsent.occurred_at_ms == line.WRITTEN_MS
    assert on_line(line.event("unsend", unsend={})) == [Unread("malformed")]


def test_line_says_which_message_is_quoted() -> None:
    said = line.message("text", text="This one", quotedMessageId="461230966842064897")
    assert arrived(on_line(said)).in_reply_to == ("461230966842064897",)
    assert arrived(on_line(line.message("text", text="Hi"))).in_reply_to == ()


def test_twilio_says_which_message_is_quoted() -> None:
    form = doors.SMS | {"OriginalRepliedMessageSid": "SM8"}
    assert arrived(taken(MessageHook(), doors.signed(form), doors.account())).in_reply_to == (
        "SM8",
    )
    plain = taken(MessageHook(), doors.signed(doors.SMS), doors.account())
    assert arrived(plain).in_reply_to == ()


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), part),
    max_leaves=5,
)
WHOLE = {
    "whatsapp": (on_whatsapp, [edit(), moved(wa_id="4930901821")]),
    "messenger": (
        on_messenger,
        [messenger.event("reaction", {"mid": "m"}), messenger.event("message_edit", {"mid": "m"})],
    ),
    "telegram": (lambda said: on_telegram(edited_message=said), [EDITED]),
    "telegram_reaction": (lambda said: on_telegram(message_reaction=said), [REACTED]),
    "slack": (on_slack, [slack_change(message=NOW), slack_reaction()]),
    "line": (on_line, [line.event("unsend", unsend={"messageId": "7"})]),
}


@pytest.mark.parametrize("provider", WHOLE)
@given(data=st.data())
def test_no_shape_of_a_change_breaks_the_reading(provider: str, data: st.DataObject) -> None:
    def odd(value: Any) -> Any:
        if data.draw(st.integers(0, 7)) == 0:
            return data.draw(ODD)
        return {name: odd(of) for name, of in value.items()} if isinstance(value, dict) else value

    read, whole = WHOLE[provider]
    said = data.draw(st.sampled_from(whole))
    for item in read({name: odd(of) for name, of in said.items()}):
        if isinstance(item, Revised):
            assert inputs.revised(item.revision, received_at_ms=NOON_MS).SerializeToString()
        else:
            assert isinstance(item, Arrived | Linked | Unread)


def test_two_edits_in_one_second_are_two_requests() -> None:
    """Telegram and WhatsApp tell no finer time."""
    first, second = (
        inputs.revised(
            revision(on_telegram(edited_message=EDITED | {"text": text})), received_at_ms=NOON_MS
        )
        for text in ("Wo nur?", "Wo denn nur?")
    )
    assert first.occurred_at_ms == second.occurred_at_ms
    assert inputs.request_key(first) != inputs.request_key(second)
    assert inputs.request_key(first) == inputs.request_key(first)
    assert "Wo" not in str(inputs.request_key(first))
