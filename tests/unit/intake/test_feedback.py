"""What a customer answered last: kept with them, wherever they live, and told to whoever reads."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from switchboard.intake.v1 import commands_pb2, events_pb2, model_pb2

from services.intake.core.commands import Command, EraseCustomer, NoteFeedback
from services.intake.core.events import CustomerUpdated
from services.intake.core.evolve import evolve
from services.intake.core.feedback import Feedback, FeedbackKind
from services.intake.core.model import Dossier
from services.intake.shell.rows import customer_row
from services.intake.shell.wire import nouns
from tests.unit.intake.crowd import CHAT, PHONE, At, Crowd, low_and_high
from tests.unit.intake.given import (
    CONVERSATION,
    HOME,
    HOUR_MS,
    NOON_MS,
    TENANT,
    after,
    empty,
    events_of,
    inbound,
    refusal_of,
    upsert,
)

CARD, MASKED = "I paid with 4242 4242 4242 4242", "I paid with •••• •••• •••• 4242"


def answer(
    survey_id: str = "survey-1", *, score: int = 2, comment: str = "", later_ms: int = HOUR_MS
) -> Feedback:
    """An answer, an hour after the customer came."""
    return Feedback(
        survey_id=survey_id,
        conversation_id=CONVERSATION,
        kind=FeedbackKind.CSAT,
        score=score,
        score_min=1,
        score_max=5,
        comment=comment,
        answered_at_ms=NOON_MS + later_ms,
    )


def note(feedback: Feedback, *, tenant_id: str = TENANT) -> NoteFeedback:
    return NoteFeedback(tenant_id=tenant_id, home_id=HOME, feedback=feedback)


def last(dossier: Dossier) -> Feedback | None:
    assert dossier.customer is not None
    return dossier.customer.last_feedback


def erase() -> Command:
    return EraseCustomer(TENANT, HOME, reason="customer_request", occurred_at_ms=NOON_MS)


def test_an_answer_is_a_change_of_the_customer() -> None:
    [event] = events_of(after(inbound()), note(answer(comment="Slow")))
    assert isinstance(event, CustomerUpdated)
    assert event.changed == ("last_feedback",)
    assert event.customer.last_feedback == answer(comment="Slow")
    assert event.customer.version == event.before.version + 1


def test_the_same_answer_again_and_an_older_one_change_nothing() -> None:
    dossier = after(inbound(), note(answer()))
    assert events_of(dossier, note(answer())) == ()
    assert events_of(dossier, note(answer("survey-0", score=5, later_ms=1))) == ()


def test_a_later_answer_counts_also_to_the_same_survey() -> None:
    changed = answer(score=4, later_ms=2 * HOUR_MS)
    assert last(after(inbound(), note(answer()), note(changed))) == changed
    other = answer("survey-2", later_ms=3 * HOUR_MS)
    assert last(after(inbound(), note(answer()), note(changed), note(other))) == other


ANSWERS = st.lists(
    st.builds(answer, st.sampled_from("abc"), later_ms=st.integers(0, 3)), min_size=1, max_size=6
)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_in_which_answers_come_does_not_matter(
    answers: list[Feedback], dice: Any
) -> None:
    mixed = [*answers, *answers]
    dice.shuffle(mixed)
    latest = max(answers, key=lambda each: (each.answered_at_ms, each.survey_id))
    assert last(after(inbound(), *map(note, mixed))) == latest


def test_a_card_number_in_the_comment_is_masked() -> None:
    dossier = after(inbound(), note(answer(comment=CARD)))
    assert last(dossier) == answer(comment=MASKED)
    assert events_of(dossier, note(answer(comment=CARD))) == ()


def test_what_is_stated_of_a_customer_leaves_their_answer() -> None:
    stated = replace(upsert(), display_name="Grete")
    assert last(after(inbound(), note(answer()), stated, inbound("m-2"))) == answer()


def test_nobody_and_another_tenants_customer_are_told_nothing() -> None:
    assert refusal_of(empty(), note(answer())).reason == "CUSTOMER_NOT_FOUND"
    stray = note(answer(), tenant_id="rival")
    assert refusal_of(after(inbound()), stray).reason == "CUSTOMER_NOT_FOUND"


def test_erasure_takes_the_answer_and_none_comes_after_it() -> None:
    dossier = after(inbound(), note(answer(comment="It is me")), erase())
    assert last(dossier) is None
    assert refusal_of(dossier, note(answer("survey-2"))).reason == "CUSTOMER_ERASED"


def test_whoever_comes_after_an_erasure_has_not_given_an_earlier_answer() -> None:
    dossier = after(inbound(), erase())
    evening_ms = NOON_MS + 6 * HOUR_MS
    dossier = reduce(evolve, events_of(dossier, inbound("m-2"), now_ms=evening_ms), dossier)
    assert refusal_of(dossier, note(answer()), now_ms=evening_ms).reason == "CUSTOMER_ERASED"
    theirs = answer("survey-2", later_ms=7 * HOUR_MS)
    [event] = events_of(dossier, note(theirs), now_ms=evening_ms)
    assert isinstance(event, CustomerUpdated)


@pytest.fixture
async def crowd() -> Crowd:
    crowd = Crowd()
    await crowd.start()
    return crowd


async def tell(crowd: Crowd, at: At, place: str, survey_id: str = "survey-1", **said: Any) -> None:
    """Feedback tells the home of an address what somebody answered just now."""
    crowd.now_ms += 1_000
    given = replace(answer(survey_id, **said), conversation_id=place, answered_at_ms=crowd.now_ms)
    said_by_feedback = commands_pb2.IntakeInput(
        tenant_id=TENANT,
        request_id=survey_id,
        actor="service/feedback",
        home_id=at.home,
        note_feedback=nouns.feedback(given),
    )
    await crowd.put(said_by_feedback, key=at.home)


async def last_of(crowd: Crowd, at: At) -> tuple[str, str] | None:
    """Survey and comment of the last answer of whoever has an address."""
    found = (await crowd.who(at)).last_feedback
    return (found.survey_id, found.comment) if found else None


def bare(told: events_pb2.CustomerUpdated | events_pb2.ConversationOpened) -> bool:
    """Whether it carries an answer, and no comment."""
    return told.HasField("last_feedback") and not told.last_feedback.comment


async def test_live_conversations_tell_it_once_and_without_the_comment(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1))
    for _ in range(2):
        await tell(crowd, PHONE, place, comment="Too slow")
    [event] = [each for each in crowd.events() if each.HasField("customer_updated")]
    said = event.customer_updated
    assert list(said.changed) == ["last_feedback"]
    assert bare(said)
    assert (said.last_feedback.survey_id, said.last_feedback.score) == ("survey-1", 2)
    assert (said.last_feedback.score_min, said.last_feedback.score_max) == (1, 5)
    assert said.last_feedback.kind == model_pb2.FEEDBACK_KIND_CSAT
    assert (await crowd.outcome("acme/survey-1")).accepted
    told = [row for row in await crowd.rows("conversation_change") if "updated" in row["kind"]]
    assert [row["detail"]["changed"] for row in told] == [["last_feedback"]]
    assert await last_of(crowd, PHONE) == ("survey-1", "Too slow")


async def test_the_next_conversation_begins_with_it(crowd: Crowd) -> None:
    place = await crowd.place_of(await crowd.hear(PHONE, 1))
    await tell(crowd, PHONE, place, comment="Too slow")
    closed = model_pb2.CONVERSATION_STATUS_CLOSED
    await crowd.command_at(PHONE.home, "close", "set_status", conversation_id=place, status=closed)
    await crowd.hear(PHONE, 2)
    begun = [each.opened for each in crowd.events() if each.HasField("opened")]
    assert [each.HasField("last_feedback") for each in begun] == [False, True]
    assert bare(begun[1])


async def test_an_answer_finds_a_customer_who_has_moved(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.link(low, high)
    await tell(crowd, high, place, comment="Good")
    assert await last_of(crowd, low) == await last_of(crowd, high) == ("survey-1", "Good")
    assert (await crowd.outcome("acme/survey-1")).accepted
    assert crowd.letters() == []


@pytest.mark.parametrize("later", [0, 1], ids=["of the one that keeps", "of the one that yields"])
async def test_of_two_who_are_one_the_later_answer_stays(crowd: Crowd, later: int) -> None:
    pair = low_and_high(PHONE, CHAT)
    places = [await crowd.place_of(await crowd.hear(at, at.address)) for at in pair]
    await tell(crowd, pair[1 - later], places[1 - later], "survey-1", comment="before")
    await tell(crowd, pair[later], places[later], "survey-2", comment="after")
    await crowd.link(*pair)
    assert await last_of(crowd, PHONE) == ("survey-2", "after")
    yielded = next(row for row in await crowd.rows("customer") if row["yields_to"])
    assert yielded["last_feedback"] == {}
    told = [each.customer_updated for each in crowd.events() if each.HasField("customer_updated")]
    assert told[-1].last_feedback.survey_id == "survey-2"


async def test_whoever_gets_an_address_back_gets_no_answer_with_it(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    place = await crowd.place_of(await crowd.hear(low, 1))
    await crowd.link(low, high)
    await tell(crowd, low, place)
    await crowd.unlink(high)
    assert await last_of(crowd, low) == ("survey-1", "")
    assert await last_of(crowd, high) is None


async def test_an_answer_goes_after_a_conversation_that_has_left(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    await crowd.link(low, high)
    crowd.now_ms += 48 * HOUR_MS
    place = await crowd.place_of(await crowd.hear(high, 2))
    await crowd.unlink(high)
    await tell(crowd, low, place, comment="About the chat")
    assert await last_of(crowd, low) is None
    assert await last_of(crowd, high) == ("survey-1", "About the chat")
    assert crowd.letters() == []


async def test_an_erased_customer_keeps_nothing_at_any_home(crowd: Crowd) -> None:
    low, high = low_and_high(PHONE, CHAT)
    await crowd.hear(low, 1)
    place = await crowd.place_of(await crowd.hear(high, 2))
    await tell(crowd, high, place, comment="I live in Malmö")
    await crowd.link(low, high)
    await crowd.command_at(low.home, "e", "erase_customer", reason="customer_request")
    await tell(crowd, low, place, "survey-2", comment="I live in Malmö")
    assert {str(row["last_feedback"]) for row in await crowd.rows("customer")} == {"{}"}
    assert not (await crowd.outcome("acme/survey-2")).accepted
    erased = [each for each in crowd.events() if each.customer_updated.erased]
    assert erased
    assert not any(each.customer_updated.HasField("last_feedback") for each in erased)


def test_a_row_without_an_answer_says_so() -> None:
    dossier = after(inbound())
    assert dossier.customer is not None
    assert customer_row(dossier.customer)["last_feedback"] == {}
