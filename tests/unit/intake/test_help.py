"""HELP over SMS: answered once by the account that has an answer, by a person everywhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.core.commands import ReceiveMessage, SetConsent
from services.intake.core.events import ConversationOpened, MessageAdded
from services.intake.core.identity import help_message_id
from services.intake.core.keywords import Keyword, keyword
from services.intake.core.model import (
    Attachment,
    Automatic,
    Channel,
    Consent,
    Dossier,
    Kind,
    Message,
    Status,
)
from tests.unit.intake.given import (
    ACCOUNT,
    ADDRESS,
    CONVERSATION,
    HOME,
    NOON_MS,
    TENANT,
    after,
    empty,
    events_of,
    inbound,
    say,
    set_status,
)

TEXT = "Shop, +49 30 901820. STOP ends all messages."


def asking(message_id: str = "h-1", text: str = "HELP", **changes: Any) -> ReceiveMessage:
    """Somebody asks an account that has an answer."""
    asked = inbound(message_id, text=text, conversation_id="c-help")
    return replace(asked, **{"help_text": TEXT} | changes)


def messages(dossier: Dossier, command: ReceiveMessage, **when: int) -> list[Message]:
    """What is added to the timeline."""
    told = events_of(dossier, command, **when)
    return [event.message for event in told if isinstance(event, MessageAdded)]


@pytest.mark.parametrize(
    "text",
    [
        *("HELP", "help", " Help! ", "'help'", "INFO", "info.", "Aide", "AYUDA", "ajuda", "AIUTO"),
        *("Hilfe", "hulp", "HJÄLP", "hjælp", "hjelp", "apua", "допомога", "ПОМОЩЬ", "ヘルプ"),
        *("帮助", "幫助", "도움말", "도움"),
    ],
)
def test_help_in_every_language_is_answered(text: str) -> None:
    assert keyword(Channel.SMS, text) is Keyword.HELP
    asked, answer = messages(empty(), asking(text=text))
    assert (asked.automatic, answer.kind, answer.text) == (Automatic.KEYWORD, Kind.AUTO_REPLY, TEXT)


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (Channel.SMS, "help me"),
        (Channel.SMS, "Can you help?"),
        (Channel.SMS, "helpful"),
        (Channel.SMS, "?"),
        (Channel.SMS, ""),
        (Channel.WHATSAPP, "HELP"),
        (Channel.EMAIL, "HELP"),
    ],
)
def test_every_other_message_is_for_a_person(channel: Channel, text: str) -> None:
    assert keyword(channel, text) is None
    (asked,) = messages(empty(), asking(text=text, channel=channel))
    assert asked.automatic is None


def test_where_the_account_has_no_answer_a_person_has_one() -> None:
    opened, asked = events_of(empty(), asking(help_text=""))[1:]
    assert isinstance(opened, ConversationOpened)
    assert opened.conversation.status is Status.OPEN
    assert isinstance(asked, MessageAdded)
    assert asked.message.automatic is None


def test_a_picture_with_the_word_is_for_a_person() -> None:
    picture = Attachment("a-1", "broken.jpg", "image/jpeg", 7, "elsewhere")
    (asked,) = messages(empty(), asking(attachments=(picture,)))
    assert asked.automatic is None


def test_the_answer_is_of_the_account_that_was_asked_and_in_its_timeline() -> None:
    dossier = after(asking())
    answer = dossier.messages[help_message_id("h-1")]
    assert (answer.account_id, answer.channel) == (ACCOUNT, Channel.SMS)
    assert (answer.to_address, answer.conversation_id) == (ADDRESS, "c-help")
    assert (answer.author, answer.source_id, answer.place) == ("service/intake", "h-1", 2)
    assert dossier.conversations["c-help"].status is Status.CLOSED
    delivery = dossier.deliveries[answer.message_id]
    assert (delivery.home_id, delivery.account_id) == (HOME, ACCOUNT)


@pytest.mark.parametrize("status", [Status.OPEN, Status.PENDING, Status.RESOLVED])
def test_a_conversation_under_way_is_moved_nowhere(status: Status) -> None:
    moves = () if status is Status.OPEN else (set_status(status),)
    before = after(inbound(), say(), *moves)
    dossier = after(inbound(), say(), *moves, asking())
    assert dossier.conversations.keys() == {CONVERSATION}
    assert dossier.conversations[CONVERSATION].status is status
    kept, now = before.conversations[CONVERSATION], dossier.conversations[CONVERSATION]
    assert (now.last_inbound_at_ms, now.last_agent_id) == (kept.last_inbound_at_ms, "ada")
    assert dossier.messages[help_message_id("h-1")].conversation_id == CONVERSATION


def test_a_conversation_on_another_account_is_answered_where_it_was_asked() -> None:
    dossier = after(inbound(), asking(account_id="sms-hamburg", to_address="+4940"))
    answer = dossier.messages[help_message_id("h-1")]
    assert (answer.account_id, answer.from_address) == ("sms-hamburg", "+4940")
    assert dossier.conversations[CONVERSATION].account_id == ACCOUNT


def test_a_repeat_is_answered_once_and_another_question_again() -> None:
    once = after(asking())
    assert events_of(once, asking()) == ()
    assert events_of(once, asking(help_text="changed meanwhile")) == ()
    asked, answer = messages(once, asking("h-2"))
    assert (asked.message_id, answer.message_id) == ("h-2", help_message_id("h-2"))


def test_a_question_that_comes_late_is_answered_now() -> None:
    asked, answer = messages(empty(), asking(occurred_at_ms=NOON_MS - 5000))
    assert (asked.occurred_at_ms, answer.occurred_at_ms) == (NOON_MS - 5000, NOON_MS)


def test_who_said_stop_is_answered_and_stays_opted_out() -> None:
    dossier = after(inbound(text="STOP"), asking())
    assert help_message_id("h-1") in dossier.deliveries
    assert dossier.customer is not None
    assert dossier.customer.identities[0].opted_out_at_ms == NOON_MS
    heard = after(inbound(text="STOP"), inbound("s-2", text="START"), asking())
    assert heard.customer is not None
    assert heard.customer.identities[0].opted_out_at_ms == 0


@pytest.mark.parametrize("purpose", ["auto_reply", "contact"])
def test_who_wants_nothing_from_us_is_answered_when_they_ask(purpose: str) -> None:
    no = SetConsent(TENANT, HOME, Consent(purpose, granted=False, changed_at_ms=0, source="api"))
    assert help_message_id("h-1") in after(inbound(), no, asking()).deliveries


def test_the_answer_is_not_what_detects_a_language() -> None:
    dossier = after(replace(asking(text="Hilfe"), detected_language="de"))
    assert dossier.customer is not None
    assert dossier.customer.language == ""
