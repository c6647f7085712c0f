"""Which conversation a message joins, and what agents and timers may do to one: examples."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest

from services.intake.core.commands import CloseExpired
from services.intake.core.decide import decide
from services.intake.core.events import (
    ConversationOpened,
    CustomerAdded,
    MessageAdded,
    StatusChanged,
)
from services.intake.core.evolve import evolve
from services.intake.core.lifecycle import SETTABLE, Arrival
from services.intake.core.model import Kind, Status, Tier
from services.intake.core.refusals import Reason, Rejection
from tests.unit.intake.given import (
    ADDRESS,
    CONVERSATION,
    HOME,
    HOUR_MS,
    NOON_MS,
    POLICY,
    TENANT,
    after,
    empty,
    events_of,
    inbound,
    refusal_of,
    say,
    set_status,
    upsert,
)

WINDOW_MS = POLICY.reopen_window_ms


def kinds(events: tuple[object, ...]) -> list[type]:
    return [type(event) for event in events]


def test_first_contact_adds_the_customer_and_opens_a_conversation() -> None:
    added, opened, message = events_of(empty(), inbound(language="de", from_name="Grete"))
    assert isinstance(added, CustomerAdded)
    assert added.customer.customer_id == HOME
    assert (added.customer.tier, added.customer.language) == (Tier.BASIC, "de")
    assert (added.customer.display_name, added.customer.identities[0].address) == ("Grete", ADDRESS)
    assert isinstance(opened, ConversationOpened)
    assert opened.arrival is Arrival.OPENS
    assert opened.conversation.status is Status.OPEN
    assert isinstance(message, MessageAdded)
    assert message.message.place == 1
    assert message.message.author == f"customer/{HOME}"


def test_a_second_message_joins_the_open_conversation() -> None:
    events = events_of(after(inbound()), inbound("m-2", conversation_id="c-other"))
    assert kinds(events) == [MessageAdded]
    assert isinstance(events[0], MessageAdded)
    assert (events[0].message.conversation_id, events[0].message.place) == (CONVERSATION, 2)


@pytest.mark.parametrize("status", [Status.PENDING, Status.RESOLVED])
def test_the_customer_reopens_what_waits_or_is_resolved(status: Status) -> None:
    dossier = after(inbound(), set_status(status))
    moved, added = events_of(dossier, inbound("m-2", at_ms=NOON_MS + HOUR_MS), now_ms=NOON_MS * 2)
    assert isinstance(moved, StatusChanged)
    assert (moved.before, moved.after, moved.reason) == (status, Status.OPEN, "customer_wrote")
    assert isinstance(added, MessageAdded)
    assert added.message.conversation_id == CONVERSATION


@pytest.mark.parametrize(
    ("late_ms", "expected"),
    [
        (WINDOW_MS, [StatusChanged, MessageAdded]),
        (WINDOW_MS + 1, [StatusChanged, ConversationOpened, MessageAdded]),
    ],
)
def test_the_reopen_window_ends_at_its_last_millisecond(late_ms: int, expected: list[type]) -> None:
    dossier = after(inbound(), set_status(Status.RESOLVED))
    later = inbound("m-2", at_ms=NOON_MS + late_ms, conversation_id="c-2")
    assert kinds(events_of(dossier, later, now_ms=NOON_MS + late_ms)) == expected


def test_a_follow_up_closes_what_it_follows_and_names_it() -> None:
    dossier = after(inbound(), set_status(Status.RESOLVED))
    at_ms = NOON_MS + WINDOW_MS + 1
    command = inbound("m-2", at_ms=at_ms, conversation_id="c-2")
    closed, opened, added = events_of(dossier, command, now_ms=at_ms)
    assert isinstance(closed, StatusChanged)
    assert (closed.conversation_id, closed.after) == (CONVERSATION, Status.CLOSED)
    assert isinstance(opened, ConversationOpened)
    assert opened.conversation.follows_id == CONVERSATION
    assert isinstance(added, MessageAdded)
    assert added.message.conversation_id == "c-2"


def test_closed_never_reopens() -> None:
    dossier = after(inbound(), set_status(Status.CLOSED))
    events = events_of(dossier, inbound("m-2", conversation_id="c-2"))
    assert kinds(events) == [ConversationOpened, MessageAdded]


def test_a_message_from_the_future_came_now() -> None:
    *_, added = events_of(empty(), inbound(at_ms=NOON_MS + HOUR_MS))
    assert isinstance(added, MessageAdded)
    assert added.message.occurred_at_ms == NOON_MS


def test_answers_go_out_where_the_customer_wrote_last() -> None:
    dossier = after(inbound(), inbound("m-2", account_id="sms-hamburg"))
    (added,) = events_of(dossier, say())
    assert isinstance(added, MessageAdded)
    assert added.message.account_id == "sms-hamburg"
    assert (added.message.to_address, added.message.from_address) == (ADDRESS, "+4930555000")


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("wanted", Status)
def test_set_status_follows_the_table(before: Status, wanted: Status) -> None:
    dossier = after(inbound(), set_status(before))
    decision = decide(dossier, set_status(wanted), now_ms=NOON_MS, policy=POLICY)
    if before is wanted:
        assert decision == ()
    elif wanted in SETTABLE[before]:
        assert not isinstance(decision, Rejection)
        assert reduce(evolve, decision, dossier).conversations[CONVERSATION].status is wanted
    else:
        assert isinstance(decision, Rejection)
        assert decision.reason is Reason.TRANSITION_NOT_ALLOWED


def test_a_reply_may_move_the_conversation_in_the_same_step() -> None:
    dossier = after(inbound(), say(then=Status.PENDING))
    conversation = dossier.conversations[CONVERSATION]
    assert (conversation.status, conversation.last_agent_id) == (Status.PENDING, "ada")
    assert conversation.last_outbound_at_ms == NOON_MS


def test_a_reply_whose_move_is_not_allowed_changes_nothing() -> None:
    dossier = after(inbound(), set_status(Status.RESOLVED))
    refused = refusal_of(dossier, say(then=Status.PENDING))
    assert refused.reason is Reason.TRANSITION_NOT_ALLOWED


def test_a_closed_conversation_takes_a_survey_and_a_note_but_no_reply() -> None:
    dossier = after(inbound(), set_status(Status.CLOSED))
    assert refusal_of(dossier, say()).reason is Reason.CONVERSATION_CLOSED
    assert kinds(events_of(dossier, say("s-1", kind=Kind.SURVEY))) == [MessageAdded]
    assert kinds(events_of(dossier, say("n-1", kind=Kind.NOTE))) == [MessageAdded]


def test_another_tenants_conversation_does_not_exist() -> None:
    refused = refusal_of(after(inbound()), say(tenant_id="rival"))
    assert refused.reason is Reason.CONVERSATION_NOT_FOUND


@pytest.mark.parametrize(
    ("status", "passed_ms", "closes"),
    [
        (Status.RESOLVED, WINDOW_MS, True),
        (Status.RESOLVED, WINDOW_MS - 1, False),
        (Status.OPEN, WINDOW_MS, False),
        (Status.CLOSED, WINDOW_MS, False),
    ],
)
def test_the_timer_closes_only_what_is_still_resolved(
    status: Status, passed_ms: int, *, closes: bool
) -> None:
    dossier = after(inbound(), set_status(status))
    command = CloseExpired(TENANT, HOME, CONVERSATION)
    events = events_of(dossier, command, now_ms=NOON_MS + passed_ms)
    assert kinds(events) == ([StatusChanged] if closes else [])


def test_a_tier_reaches_the_live_conversation() -> None:
    inspiring = replace(upsert(), tier=Tier.INSPIRING)
    dossier = after(inbound(), inspiring)
    assert dossier.conversations[CONVERSATION].tier is Tier.INSPIRING
    assert dossier.customer is not None
    assert dossier.customer.version == 2


def test_a_name_that_comes_with_a_message_overwrites_none_that_is_known() -> None:
    dossier = after(inbound(from_name="Grete"), inbound("m-2", from_name="xX_grete_Xx"))
    assert dossier.customer is not None
    assert dossier.customer.display_name == "Grete"


def test_every_event_of_a_conversation_counts_one_further() -> None:
    history = (inbound(), say(), set_status(Status.RESOLVED), inbound("m-2"))
    assert after(*history).conversations[CONVERSATION].sequence == 6  # reopening is one of them
