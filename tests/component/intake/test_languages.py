"""The language of a text through a running process, where nobody states one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from services.intake.core.account import Account
from tests.component.intake.house import Visit, fresh_number
from tests.support.waiting import until
from tests.unit.intake.whatsapp import PATH, business, change, message, posted, webhook

GERMAN = "Wo ist mein Paket? Es sollte gestern kommen."


async def write(visit: Visit, sender: str, text: str) -> None:
    about = {"from": sender.removeprefix("+"), "id": uuid4().hex}
    incoming = posted(webhook(change(messages=[message("text", {"body": text}, **about)])))
    url = visit.house.http_url + PATH
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()


async def in_language(visit: Visit, sender: str, language: str) -> None:
    """Wait until the conversation is in a language."""

    async def is_in() -> bool:
        return bool((await visit.conversation(sender))["language"] == language)

    await until(is_in, what=language)


@pytest.mark.parametrize(
    ("account", "language"),
    [
        (business(language=""), "de"),
        (business(language="fr"), "fr"),
        (business(language="", settings={"detect_language": "false"}), "en"),
    ],
)
async def test_a_conversation_is_in_the_language_of_its_text(
    visit: Visit, account: Account, language: str
) -> None:
    await visit.open_account(account)
    sender = fresh_number()
    await write(visit, sender, GERMAN)
    await in_language(visit, sender, language)
    customer = await visit.rows.fetchval(
        "SELECT language FROM customer WHERE search_text LIKE '%' || $1 || '%'", sender
    )
    assert customer == ("" if language == "en" else language)


async def test_what_a_greeting_does_not_tell_the_next_text_does(visit: Visit) -> None:
    await visit.open_account(business(language=""))
    sender = fresh_number()
    await write(visit, sender, "hi")
    await in_language(visit, sender, "en")
    await write(visit, sender, GERMAN)
    await in_language(visit, sender, "de")
    told = await visit.rows.fetchval(
        "SELECT language FROM customer WHERE search_text LIKE '%' || $1 || '%'", sender
    )
    assert told == "de"
