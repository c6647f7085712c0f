"""Every channel through a running process: a message comes in, the answer goes out on it, once.

What the customer then does to either of them ends up in the timeline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from switchboard.intake.v1 import conversation_service_pb2

from services.intake.core.account import Account
from services.intake.shell.channels.protocol import Incoming
from tests.component.intake.house import Visit
from tests.component.intake.provider import Provider, answering, listening
from tests.component.intake.test_deliveries import reply, settled
from tests.support.waiting import until
from tests.unit.intake import line, messenger, slack, telegram, whatsapp
from tests.unit.intake.given import ADDRESS

TEXT = "Where is it?"
EDITED = "Where is my parcel?"
EMOJI = "👍"


@dataclass(frozen=True, slots=True)
class Case:
    """A channel: its account, somebody's message, and what its API says to the answer.

    `changes` are what they do then, by what the timeline calls it: to their message, or, if it is
    a reaction, to our answer.
    """

    account: Account
    path: str
    posted: Callable[[], Incoming]
    address: str
    taken: Mapping[str, Any]
    sent_id: str
    changes: Mapping[str, Callable[[], Incoming]] = field(default_factory=dict)


def now_s() -> str:
    return str(int(time.time()))


def by_whatsapp() -> Incoming:
    """Written now: an answer goes out within a day of it."""
    said = whatsapp.message("text", {"body": TEXT}, timestamp=now_s())
    return whatsapp.posted(whatsapp.webhook(whatsapp.change(messages=[said])))


def by_messenger() -> Incoming:
    """As `by_whatsapp`."""
    said = messenger.message(text=TEXT) | {"timestamp": int(now_s()) * 1000}
    return messenger.posted(messenger.webhook(messenger.entry(said)))


def on_whatsapp(kind: str, **content: Any) -> Incoming:
    said = whatsapp.message(kind, content, id=f"wamid.{kind}")
    return whatsapp.posted(whatsapp.webhook(whatsapp.change(messages=[said])))


def on_messenger(event: Mapping[str, Any]) -> Incoming:
    return messenger.posted(messenger.webhook(messenger.entry(event)))


def on_slack(**event: Any) -> Incoming:
    said = {"type": "message", "channel": slack.CONVERSATION, "channel_type": "im"}
    told = {"ts": f"{slack.WRITTEN_S + 1}.000100", "previous_message": slack.message()}
    return slack.posted(slack.callback(said | told | event), timestamp=now_s())


CASES = {
    "whatsapp": Case(
        whatsapp.business(),
        whatsapp.PATH,
        by_whatsapp,
        ADDRESS,
        {"messages": [{"id": "wamid.A"}]},
        "wamid.A",
        {
            "message_edited": lambda: on_whatsapp(
                "edit",
                original_message_id="wamid.IN",
                message={"type": "text", "text": {"body": EDITED}},
            ),
            "message_reacted": lambda: on_whatsapp("reaction", message_id="wamid.A", emoji=EMOJI),
            "message_retracted": lambda: on_whatsapp("revoke", original_message_id="wamid.IN"),
        },
    ),
    "messenger": Case(
        messenger.page(),
        messenger.PATH,
        by_messenger,
        messenger.PERSON,
        {"recipient_id": messenger.PERSON, "message_id": "m_A"},
        "m_A",
        {
            "message_edited": lambda: on_messenger(
                messenger.event("message_edit", {"mid": "m_IN", "text": EDITED})
            ),
            "message_reacted": lambda: on_messenger(
                messenger.event("reaction", {"mid": "m_A", "action": "react", "emoji": EMOJI})
            ),
            "message_retracted": lambda: on_messenger(messenger.message(is_deleted=True)),
        },
    ),
    "telegram": Case(
        telegram.bot(),
        telegram.PATH,
        lambda: telegram.posted(telegram.update(message=telegram.message(text=TEXT))),
        str(telegram.CHAT_ID),
        {"ok": True, "result": {"message_id": 8, "chat": {"id": telegram.CHAT_ID}}},
        f"{telegram.CHAT_ID}/8",
        {
            "message_edited": lambda: telegram.posted(
                telegram.update(
                    edited_message=telegram.message(text=EDITED, edit_date=telegram.WRITTEN_S + 1)
                )
            ),
            "message_reacted": lambda: telegram.posted(
                telegram.update(
                    message_reaction=telegram.message(
                        message_id=8, new_reaction=[{"type": "emoji", "emoji": EMOJI}]
                    )
                )
            ),
        },
    ),
    "line": Case(
        line.business(),
        line.PATH,
        lambda: line.posted(line.webhook(line.message("text", text=TEXT))),
        line.USER,
        {"sentMessages": [{"id": "461230966842064897"}]},
        "461230966842064897",
        {
            "message_retracted": lambda: line.posted(
                line.webhook(line.event("unsend", unsend={"messageId": "561203948812"}))
            ),
        },
    ),
    "slack": Case(
        slack.workspace(),
        slack.PATH,
        lambda: slack.posted(slack.callback(slack.message(text=TEXT)), timestamp=now_s()),
        slack.USER,
        {"ok": True, "channel": slack.CONVERSATION, "ts": "1750000000.000300"},
        f"{slack.CONVERSATION}/1750000000.000300",
        {
            "message_edited": lambda: on_slack(
                subtype="message_changed",
                message=slack.message(text=EDITED, edited={"user": slack.USER}),
            ),
            "message_reacted": lambda: on_slack(
                type="reaction_added",
                user=slack.USER,
                reaction=EMOJI,
                item={"channel": slack.CONVERSATION, "ts": "1750000000.000300"},
                event_ts=slack.TS,
            ),
            "message_retracted": lambda: on_slack(subtype="message_deleted", deleted_ts=slack.TS),
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_message_is_threaded_answered_and_changed(visit: Visit, case: Case) -> None:
    await visit.open_account(case.account)
    for _ in range(2):  # as every provider may
        await post(visit, case, case.posted())
    conversation = await visit.conversation(case.address)
    assert conversation["channel"] == case.account.channel

    async def threaded() -> bool:
        return bool(await visit.texts(conversation["conversation_id"]))

    await until(threaded, what="the message")
    provider = Provider(answering(200, case.taken))
    async with listening(provider, visit.house.provider_port):
        message_id = await reply(visit, conversation, "On its way")
        assert await settled(visit, message_id) == "SENT"
    (body,) = provider.bodies
    assert b"On its way" in body
    row = await visit.rows.fetchrow("SELECT * FROM dispatch WHERE message_id = $1", message_id)
    assert row is not None
    assert row["provider_message_id"] == case.sent_id
    assert await visit.texts(conversation["conversation_id"]) == [TEXT, "On its way"]
    for kind, change in case.changes.items():
        await post(visit, case, change())
        entry = await entry_of(visit, conversation["conversation_id"], kind)
        assert entry.message_edited.text == (EDITED if kind == "message_edited" else "")
        assert entry.message_edited.previous_text == (TEXT if kind == "message_edited" else "")
        assert entry.message_reacted.reaction == (EMOJI if kind == "message_reacted" else "")
    text = {"message_retracted": "", "message_reacted": EDITED}[[*case.changes][-1]]
    assert await visit.texts(conversation["conversation_id"]) == [text, "On its way"]


async def post(visit: Visit, case: Case, incoming: Incoming) -> None:
    """As the provider posts it, with an answer that it takes for a yes."""
    async with visit.session.post(
        visit.house.http_url + case.path, data=incoming.body, headers=incoming.headers
    ) as answer:
        assert answer.status == 200, await answer.text()


async def entry_of(visit: Visit, conversation_id: str, kind: str) -> Any:
    """The entry of the timeline of a kind, once it is there."""
    ask = conversation_service_pb2.GetTimelineRequest(conversation_id=conversation_id)

    async def found() -> Any:
        page = await visit.get("ConversationService.GetTimeline", ask)
        return next((each for each in page.entries if each.WhichOneof("kind") == kind), None)

    return await until(found, what=kind)
