"""Each kind of loss and double that is planted is found, and a healthy history has none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from switchboard.intake.v1 import events_pb2 as intake
from switchboard.intake.v1 import model_pb2 as intake_model

from local.verify import ledgers
from local.verify.decode import LogRecord, conversation_event
from local.verify.finding import Kind
from local.verify.world import Break, ReplyFact
from tests.unit.local.facts import History, healthy


@pytest.fixture
def history() -> History:
    return healthy()


def test_a_healthy_history_has_no_findings(history: History) -> None:
    report = history.judge()
    assert (report.findings, report.holds) == ((), True)


def test_an_accepted_message_that_no_conversation_has_is_lost(history: History) -> None:
    history.ledgers.sent.append(ledgers.Sent("twilio", "sms", "SM2", ledgers.ACCEPTED, 2))
    assert history.found(Kind.LOST) == ["message"]
    assert not history.judge().holds


def test_a_message_known_only_by_our_id_is_found_by_it(history: History) -> None:
    history.join("one")
    sent = ledgers.Sent("grpc", "api", "", ledgers.ACCEPTED, 2, message_id="m-one")
    history.ledgers.sent.append(sent)
    assert history.judge().holds


@pytest.mark.parametrize("fate", [ledgers.UNKNOWN, ledgers.REFUSED])
def test_a_message_nobody_promised_may_be_there_or_not(history: History, fate: str) -> None:
    history.ledgers.sent.append(ledgers.Sent("twilio", "sms", "absent", fate, 2))
    history.receive("present", fate=fate)
    assert history.judge().holds


@pytest.mark.parametrize("fate", [ledgers.ACCEPTED, ledgers.UNKNOWN])
def test_a_message_that_is_there_twice_is_doubled(history: History, fate: str) -> None:
    history.receive("SM2", fate=fate)
    history.join("SM2")
    assert history.found(Kind.DOUBLED) == ["message"]


def test_a_message_in_two_conversations_is_doubled_whoever_sent_it(history: History) -> None:
    history.join("SM2", conversation="c1")
    history.join("SM2", conversation="c2")
    assert "message in two conversations" in history.found(Kind.DOUBLED)


def test_a_confirmed_reply_that_is_nowhere_is_lost(history: History) -> None:
    history.ledgers.answers.append(ledgers.Answered("r9", "r9", "c1", "a1", 1))
    assert history.found(Kind.LOST) == ["reply"]


def test_a_reply_that_is_twice_in_the_log_is_doubled(history: History) -> None:
    again = ReplyFact("r1", "c1", "+49", "text r1", "REPLY", "", "SMS", "log/0/77")
    history.world.replies["r1"].append(again)
    assert history.found(Kind.DOUBLED) == ["reply"]


def test_a_reply_the_provider_sent_twice_is_doubled(history: History) -> None:
    history.reply("r2", effects=2)
    assert history.found(Kind.DOUBLED) == ["effect"]


def test_a_reply_that_was_delivered_by_nobody_is_lost(history: History) -> None:
    history.reply("r2", effects=0)
    assert history.found(Kind.LOST) == ["effect"]


def test_a_reply_that_failed_needs_no_effect(history: History) -> None:
    history.reply("r2", delivered="FAILED", effects=0)
    assert history.judge().holds


def test_a_reply_of_unknown_fate_is_counted_apart(history: History) -> None:
    history.reply("r2", delivered="UNCERTAIN", effects=1)
    report = history.judge()
    assert (report.holds, report.count(Kind.UNCERTAIN)) == (True, 1)


def test_a_reply_that_goes_no_further_is_a_violation(history: History) -> None:
    history.reply("r2", delivered="QUEUED", effects=0)
    assert history.found(Kind.VIOLATION) == ["delivery"]


def test_an_effect_nobody_decided_is_a_violation(history: History) -> None:
    history.ledgers.effects.append(ledgers.Effect("SMx", "+49", "who wrote this?", 1))
    assert history.found(Kind.VIOLATION) == ["effect"]


def test_a_confirmed_answer_that_no_survey_has_is_lost(history: History) -> None:
    history.world.surveys["s1"] = history.world.surveys["s1"][:-1]
    history.timers["feedback"]["expire|c1|s1"] = 5
    assert history.found(Kind.LOST) == ["answer"]


def test_a_gap_in_a_writer_s_sequence_is_a_loss(history: History) -> None:
    history.world.breaks.append(Break("routing.events.v1/0/7", "routing.matcher/0", 5, 7))
    assert history.found(Kind.LOST) == ["record"]


EFFECT = ledgers.Effect("wamid.1", "+49", "text r2", 1, "whatsapp", "r2")


def whatsapp(history: History, *effects: ledgers.Effect, delivered: str = "READ") -> History:
    """Let a reply go out over WhatsApp, which carries our id, with these effects."""
    fact = ReplyFact("r2", "c1", "+49", "text r2", "REPLY", "", "WHATSAPP", "log/0/r2")
    history.world.replies["r2"].append(fact)
    history.world.deliveries["r2"] = delivered
    history.ledgers.effects += effects
    return history


def test_an_effect_of_every_provider_is_compared(history: History) -> None:
    assert whatsapp(history, EFFECT).judge().holds


def test_an_effect_at_another_provider_is_not_this_reply_s(history: History) -> None:
    found = whatsapp(history, replace(EFFECT, provider="twilio", reference="")).judge()
    assert (found.count(Kind.LOST), found.count(Kind.VIOLATION)) == (1, 1)


def test_two_effects_of_one_id_are_doubled_whatever_they_say(history: History) -> None:
    again = replace(EFFECT, sid="wamid.2", body="something else")
    assert whatsapp(history, EFFECT, again).found(Kind.DOUBLED) == ["effect"]
    assert history.found(Kind.VIOLATION) == ["effect"]


def test_an_effect_with_the_same_words_and_no_id_is_one_too_many(history: History) -> None:
    again = replace(EFFECT, sid="wamid.2", reference="")
    assert whatsapp(history, EFFECT, again).found(Kind.DOUBLED) == ["effect"]


def test_one_reply_sent_twice_does_not_stand_for_another(history: History) -> None:
    """Both say the same to the same person, so only the id tells that one of them is missing."""
    other = ReplyFact("r3", "c1", "+49", "text r2", "REPLY", "", "WHATSAPP", "log/0/r3")
    history.world.replies["r3"].append(other)
    history.world.deliveries["r3"] = "SENT"
    report = whatsapp(history, EFFECT, replace(EFFECT, sid="wamid.2")).judge()
    assert (report.count(Kind.DOUBLED), report.count(Kind.LOST)) == (1, 1)


def test_an_open_delivery_is_a_violation_on_every_channel(history: History) -> None:
    assert whatsapp(history, delivered="QUEUED").found(Kind.VIOLATION) == ["delivery"]


def test_a_reply_that_took_a_detour_is_looked_for_where_it_went(history: History) -> None:
    ref = intake_model.ConversationRef(
        conversation_id="c1", status=intake_model.CONVERSATION_STATUS_RESOLVED
    )
    decided, diverted = (
        intake.ConversationEvent(conversation=ref, sequence=1),
        intake.ConversationEvent(conversation=ref, sequence=2),
    )
    message = intake_model.Message(message_id="r7", text="late", to_address="+49")
    message.channel = intake_model.CHANNEL_WHATSAPP
    decided.replied.message.CopyFrom(message)
    message.channel, message.to_address = intake_model.CHANNEL_EMAIL, "a@a.example"
    diverted.message_diverted.message.CopyFrom(message)
    for offset, event in enumerate((decided, diverted)):
        value = event.SerializeToString()
        record = LogRecord("intake.conversations.v1", 0, offset, 1, value, {})
        conversation_event(record, history.world)
    assert history.found(Kind.VIOLATION) == ["delivery"]  # it is queued there, and goes no further
    history.world.deliveries["r7"] = "SENT"
    assert history.found(Kind.LOST) == ["effect"]
    history.ledgers.effects.append(ledgers.Effect("M1", "a@a.example", "late", 1, "mail"))
    assert history.judge().holds
    history.ledgers.effects.append(ledgers.Effect("W1", "+49", "late", 1, "whatsapp"))
    assert not history.judge().holds
