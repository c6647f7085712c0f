"""Every channel through a running process: a message comes in, the answer goes out on it, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from services.intake.core.account import Account
from services.intake.shell.channels.protocol import Incoming
from tests.component.intake.house import Visit
from tests.component.intake.provider import Provider, answering, listening
from tests.component.intake.test_deliveries import reply, settled
from tests.support.waiting import until
from tests.unit.intake import line, messenger, slack, telegram, whatsapp
from tests.unit.intake.given import ADDRESS

TEXT = "Where is it?"


@dataclass(frozen=True, slots=True)
class Case:
    """A channel: its account, somebody's message, and what its API says to the answer."""

    account: Account
    path: str
    posted: Callable[[], Incoming]
    address: str
    taken: Mapping[str, Any]
    sent_id: str


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


CASES = {
    "whatsapp": Case(
        whatsapp.business(),
        whatsapp.PATH,
        by_whatsapp,
        ADDRESS,
        {"messages": [{"id": "wamid.A"}]},
        "wamid.A",
    ),
    "messenger": Case(
        messenger.page(),
        messenger.PATH,
        by_messenger,
        messenger.PERSON,
        {"recipient_id": messenger.PERSON, "message_id": "m_A"},
        "m_A",
    ),
    "telegram": Case(
        telegram.bot(),
        telegram.PATH,
        lambda: telegram.posted(telegram.update(message=telegram.message(text=TEXT))),
        str(telegram.CHAT_ID),
        {"ok": True, "result": {"message_id": 8, "chat": {"id": telegram.CHAT_ID}}},
        f"{telegram.CHAT_ID}/8",
    ),
    "line": Case(
        line.business(),
        line.PATH,
        lambda: line.posted(line.webhook(line.message("text", text=TEXT))),
        line.USER,
        {"sentMessages": [{"id": "461230966842064897"}]},
        "461230966842064897",
    ),
    "slack": Case(
        slack.workspace(),
        slack.PATH,
        lambda: slack.posted(slack.callback(slack.message(text=TEXT)), timestamp=now_s()),
        slack.USER,
        {"ok": True, "channel": slack.CONVERSATION, "ts": "1750000000.000300"},
        f"{slack.CONVERSATION}/1750000000.000300",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_message_is_threaded_and_its_answer_goes_out(visit: Visit, case: Case) -> None:
    await visit.open_account(case.account)
    incoming = case.posted()
    for _ in range(2):  # as every provider may
        async with visit.session.post(
            visit.house.http_url + case.path, data=incoming.body, headers=incoming.headers
        ) as answer:
            assert answer.status == 200, await answer.text()
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
