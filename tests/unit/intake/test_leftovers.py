"""What nobody can read: which channel keeps it, how it travels, and that it is forgotten again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.account import Account
from services.intake.core.identity import leftovers_home_id
from services.intake.core.leftovers import DAY_MS, KEPT_MS
from services.intake.shell.channels.leftovers import leftover
from services.intake.shell.channels.line import WebhookHook as LineHook
from services.intake.shell.channels.messenger import WebhookHook as MessengerHook
from services.intake.shell.channels.protocol import Arrived, Hook, Incoming, Unread
from services.intake.shell.channels.slack import EventHook
from services.intake.shell.channels.telegram import WebhookHook as TelegramHook
from services.intake.shell.channels.whatsapp import WebhookHook as WhatsAppHook
from services.intake.shell.wire import inputs, leftovers
from tests.unit.intake import line, messenger, slack, telegram, whatsapp
from tests.unit.intake.desk import Desk
from tests.unit.intake.doors import account
from tests.unit.intake.given import ACCOUNT, NOON_MS, TENANT

VISA = "4012888888881881"
Case = tuple[Hook, Account, Callable[[Any], Incoming], Callable[[Any], Any]]
CHANNELS: dict[str, Case] = {
    "whatsapp": (
        WhatsAppHook(),
        whatsapp.business(),
        whatsapp.posted,
        lambda said: whatsapp.webhook(whatsapp.change(messages=[said])),
    ),
    "messenger": (
        MessengerHook(),
        messenger.page(),
        messenger.posted,
        lambda said: messenger.webhook(messenger.entry(said)),
    ),
    "telegram": (TelegramHook(), telegram.bot(), telegram.posted, lambda said: said),
    "line": (LineHook(), line.business(), line.posted, line.webhook),
    "slack": (EventHook(), slack.workspace(), slack.posted, slack.callback),
}
MALFORMED: dict[str, Any] = {
    "whatsapp": whatsapp.message("text", {"body": "Hi"}, id=""),
    "messenger": messenger.message(mid="", text="Hi"),
    "telegram": telegram.update(message=telegram.message(date="soon")),
    "line": line.event("message"),
    "slack": slack.message(ts="soon"),
}
UNKNOWN: dict[str, Any] = {
    "whatsapp": whatsapp.message("hologram", {"depth": 3}),
    "messenger": messenger.event("hologram", {"depth": 3}),
    "telegram": telegram.update(hologram={"depth": 3}),
    "line": line.event("hologram", hologram={"depth": 3}),
    "slack": slack.message(subtype="hologram"),
}
NOISE: dict[str, Any] = {
    "whatsapp": whatsapp.message("unsupported", {"type": "poll"}),
    "messenger": messenger.event("read", {"watermark": 7}),
    "telegram": telegram.update(my_chat_member={}),
    "line": line.event("follow"),
    "slack": slack.message(subtype="channel_join"),
}


def unread(channel: str, said: Any) -> list[Unread]:
    hook, of, posted, around = CHANNELS[channel]
    items = hook.parse(posted(around(said)), of)
    assert all(isinstance(item, Arrived | Unread) for item in items)
    return [item for item in items if isinstance(item, Unread)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_malformed_is_kept_as_it_came(channel: str) -> None:
    (item,) = unread(channel, MALFORMED[channel])
    assert item.kind == "malformed"
    assert orjson.loads(item.payload) == MALFORMED[channel]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_new_is_kept_as_it_came(channel: str) -> None:
    (item,) = unread(channel, UNKNOWN[channel])
    assert item.kind == "unknown"
    assert orjson.loads(item.payload) == UNKNOWN[channel]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_known_and_useless_is_not_kept(channel: str) -> None:
    assert not any(item.payload for item in unread(channel, NOISE[channel]))


def parked(item: Any) -> Any:
    unread = leftover("unknown", item)
    return leftovers.parked(account(), unread.kind, unread.payload, received_at_ms=NOON_MS)


def test_an_item_travels_under_its_account_with_cards_masked() -> None:
    said = parked({"text": f"card {VISA}", "number": int(VISA), VISA: [1, None, {"x": VISA}]})
    masked = f"{'•' * 12}1881"
    assert orjson.loads(said.parked_item.payload) == {
        "text": f"card {masked}",
        "number": masked,
        masked: [1, None, {"x": masked}],
    }
    assert said.home_id == leftovers_home_id(TENANT, ACCOUNT)
    assert (said.parked_item.provider, said.actor) == ("twilio", f"provider/{ACCOUNT}")


texts = st.text(max_size=5) | st.just("a\0b")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts,
        lambda part: st.lists(part) | st.dictionaries(texts, part),
        max_leaves=8,
    )
)
def test_whatever_came_can_be_kept(item: Any) -> None:
    said = parked(item)
    kept: Any = leftovers.keep_item(said, NOON_MS, lambda: "i-1")
    assert leftovers.listed(kept).payload == said.parked_item.payload
    assert "\\u0000" not in kept.payload


def test_what_is_too_long_is_cut_and_can_still_be_stored() -> None:
    said = parked({"text": "ü" * 99_999})
    assert len(said.parked_item.payload) == leftovers.PAYLOAD_BYTES_MAX
    kept: Any = leftovers.keep_item(said, NOON_MS, lambda: "i-1")
    assert kept.payload.startswith('{"text":"üü')


def test_a_repeat_is_the_same_request() -> None:
    assert inputs.request_key(parked({"a": 1})) == inputs.request_key(parked({"a": 1}))
    assert inputs.request_key(parked({"a": 1})) != inputs.request_key(parked({"a": 2}))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.start()
    yield desk
    assert desk.letters() == []


async def keep(desk: Desk, item: Any) -> None:
    unread = leftover("unknown", item)
    said = leftovers.parked(account(), unread.kind, unread.payload, received_at_ms=desk.now_ms)
    await desk.put(said, key=said.home_id)


async def test_an_item_is_a_row_and_nothing_else(desk: Desk) -> None:
    desk.now_ms = NOON_MS
    await keep(desk, {"a": 1})
    await keep(desk, {"a": 1})
    (row,) = await desk.rows("parked_item")
    assert (row["account_id"], row["kind"], row["payload"]) == (ACCOUNT, "unknown", '{"a":1}')
    assert row["received_at_ms"] == NOON_MS
    assert desk.events() == []
    assert await desk.rows("customer") == []


async def test_the_items_of_a_day_are_forgotten_thirty_days_later(desk: Desk) -> None:
    desk.now_ms = NOON_MS
    day_end_ms = (NOON_MS // DAY_MS + 1) * DAY_MS
    await keep(desk, {"a": 1})
    await desk.later(1)
    await keep(desk, {"a": 2})
    await desk.later(day_end_ms + KEPT_MS - desk.now_ms - 1)
    assert await desk.rows("parked_items_since") == []
    await desk.later(2)
    (kept,) = await desk.rows("parked_items_since")
    assert (kept["home_id"], kept["since_ms"]) == (leftovers_home_id(TENANT, ACCOUNT), day_end_ms)
