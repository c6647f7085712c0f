"""When a message goes over another account, and where to. Tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import pytest

from services.intake.core.commands import NoteProgress
from services.intake.core.decide import decide
from services.intake.core.delivery.windows import OUTSIDE_WINDOW, reply_window_ends_at_ms
from services.intake.core.events import DeliveryProgressed, LinkAsked, MessageDiverted
from services.intake.core.evolve import evolve
from services.intake.core.identity import home_id
from services.intake.core.links import LinkRule
from services.intake.core.model import (
    Channel,
    Consent,
    Conversation,
    Detour,
    Dossier,
    Identity,
    Kind,
    Progress,
)
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection
from tests.unit.intake.given import (
    ACCOUNT,
    ADDRESS,
    CONVERSATION,
    HOUR_MS,
    NOON_MS,
    POLICY,
    TENANT,
    after,
    events_of,
    inbound,
    progress,
    refusal_of,
    say,
)

NUMBER = Detour("whatsapp-main", Channel.WHATSAPP, "+4930555001")
MAIL = Detour("mail-help", Channel.EMAIL, "help@example.com")
LATER_MS = NOON_MS + 30 * HOUR_MS
AGAIN = "+4930901821"


def result(
    told: Progress, reason: str = OUTSIDE_WINDOW, detour: Detour | None = NUMBER
) -> NoteProgress:
    """What our delivery says, with the way that is left."""
    return replace(progress(told, reason=reason), detour=detour)


def receipt(told: Progress, reason: str = OUTSIDE_WINDOW) -> NoteProgress:
    """What the provider says."""
    return progress(told, reason=reason, by_provider=True)


FAILED, SENT, UNCERTAIN = Progress.FAILED, Progress.SENT, Progress.UNCERTAIN
GONE = "queued over another account"
CASES: list[tuple[Sequence[NoteProgress], str]] = [
    # what is told, in this order, and how it ends
    ([result(FAILED)], GONE),
    ([result(FAILED, detour=None)], FAILED),
    ([result(FAILED, "131026")], FAILED),
    ([result(FAILED, f"unseen: {OUTSIDE_WINDOW}")], FAILED),
    ([result(SENT), receipt(FAILED)], GONE),
    ([receipt(FAILED), result(SENT)], GONE),
    ([receipt(SENT), result(SENT), receipt(FAILED)], GONE),
    ([receipt(FAILED)], FAILED),
    ([result(SENT), receipt(FAILED, "131026")], FAILED),
    ([result(SENT), receipt(Progress.DELIVERED), receipt(FAILED)], Progress.DELIVERED),
    ([result(SENT, detour=None), receipt(FAILED)], FAILED),
    ([result(UNCERTAIN, detour=None)], UNCERTAIN),
    ([result(UNCERTAIN, detour=None), receipt(FAILED)], FAILED),
    ([receipt(FAILED), result(UNCERTAIN, detour=None)], FAILED),
    ([receipt(FAILED), result(SENT, detour=None)], FAILED),
]


def told(dossier: Dossier, *notes: NoteProgress) -> Dossier:
    """The dossier after all of it."""
    for note in notes:
        dossier = reduce(evolve, events_of(dossier, note, now_ms=LATER_MS), dossier)
    return dossier


@pytest.mark.parametrize(("notes", "end"), CASES)
def test_a_message_goes_another_way_once_it_has_surely_not_gone_out(
    notes: Sequence[NoteProgress], end: str
) -> None:
    known = told(after(inbound(), say()), *notes).deliveries["r-1"]
    went = (known.account_id, known.instead_of) == (NUMBER.account_id, ACCOUNT)
    assert (GONE if went else str(known.progress)) == end
    assert not went or (known.progress, known.reason) == (Progress.QUEUED, "")


@pytest.mark.parametrize(("notes", "end"), [case for case in CASES if case[1] == GONE])
def test_nothing_that_is_told_again_sends_it_again(notes: Sequence[NoteProgress], end: str) -> None:
    del end
    dossier = told(after(inbound(), say()), *notes)
    for note in (*notes, result(SENT), result(FAILED), receipt(Progress.DELIVERED)):
        assert events_of(dossier, note, now_ms=LATER_MS) == ()


@pytest.mark.parametrize(
    ("kind", "goes"),
    [
        (Kind.REPLY, True),
        (Kind.NOTICE, True),
        (Kind.SURVEY, True),
        (Kind.AUTO_REPLY, False),
    ],
)
def test_an_automatic_answer_is_not_worth_a_detour(kind: Kind, *, goes: bool) -> None:
    events = events_of(after(inbound(), say(kind=kind)), result(FAILED), now_ms=LATER_MS)
    assert any(isinstance(event, MessageDiverted) for event in events) is goes


def test_there_is_no_ring_of_accounts() -> None:
    """The second account names the first one, which would take it again."""
    dossier = told(with_identities(after(inbound(), say()), SAME), result(FAILED))
    back = Detour(ACCOUNT, Channel.SMS, "+4930555000")
    again = replace(result(FAILED, detour=back), account_id=NUMBER.account_id)
    (event,) = events_of(dossier, again, now_ms=LATER_MS)
    assert isinstance(event, DeliveryProgressed)
    assert (event.delivery.progress, event.delivery.reason) == (FAILED, OUTSIDE_WINDOW)


def test_the_message_is_as_it_really_goes_and_its_conversation_knows_of_the_detour() -> None:
    dossier = told(after(inbound(), say()), result(FAILED))
    message, conversation = dossier.messages["r-1"], dossier.conversations[CONVERSATION]
    assert (message.channel, message.account_id) == (Channel.WHATSAPP, NUMBER.account_id)
    assert (message.from_address, message.to_address) == (NUMBER.address, ADDRESS)
    assert (message.place, message.occurred_at_ms) == (2, NOON_MS)
    assert conversation.detours == (NUMBER.account_id,)
    assert (conversation.channel, conversation.account_id) == (Channel.SMS, ACCOUNT)
    assert conversation.updated_at_ms == LATER_MS
    home = home_id(TENANT, "WHATSAPP", ADDRESS)
    assert dossier.deliveries["r-1"].home_id == home


def at(channel: Channel, address: str, **about: bool | int) -> Identity:
    """One more address of the customer's."""
    known = Identity(channel, address, home_id(TENANT, channel, address), NOON_MS)
    return replace(known, **about)  # type: ignore[arg-type] # fields by name


SAME = at(Channel.WHATSAPP, ADDRESS)
OTHER = at(Channel.WHATSAPP, AGAIN)
STOPPED = replace(SAME, opted_out_at_ms=NOON_MS)
DENIED = Consent("reply", granted=False, changed_at_ms=NOON_MS, source="agent/ada")
DESTINATIONS: list[tuple[str, Sequence[Identity], Detour, str]] = [
    ("the same number, where nobody lives", (), NUMBER, ADDRESS),
    ("the same number, which is theirs", (SAME,), NUMBER, ADDRESS),
    ("the same number before another", (OTHER, SAME), NUMBER, ADDRESS),
    ("another number of theirs", (OTHER,), NUMBER, AGAIN),
    ("after STOP the other", (STOPPED, OTHER), NUMBER, AGAIN),
    ("after STOP nowhere", (STOPPED,), NUMBER, ""),
    ("STOP on another number holds", (replace(OTHER, opted_out_at_ms=1),), NUMBER, ""),
    ("no mailbox is known", (), MAIL, ""),
    ("the mailbox", (at(Channel.EMAIL, "a@a.example"),), MAIL, "a@a.example"),
    (
        "the verified mailbox",
        (at(Channel.EMAIL, "a@a.example", verified=True), at(Channel.EMAIL, "b@a.example")),
        MAIL,
        "a@a.example",
    ),
    (
        "the mailbox that came last",
        (at(Channel.EMAIL, "b@a.example", linked_at_ms=LATER_MS), at(Channel.EMAIL, "c@a.example")),
        MAIL,
        "b@a.example",
    ),
]


def with_identities(dossier: Dossier, *more: Identity) -> Dossier:
    """The customer with more addresses."""
    assert dossier.customer is not None
    customer = replace(dossier.customer, identities=(*dossier.customer.identities, *more))
    return replace(dossier, customer=customer)


@pytest.mark.parametrize(
    ("more", "way", "address"),
    [case[1:] for case in DESTINATIONS],
    ids=[c[0] for c in DESTINATIONS],
)
def test_it_goes_to_an_address_of_the_same_person(
    more: Sequence[Identity], way: Detour, address: str
) -> None:
    dossier = with_identities(after(inbound(), say()), *more)
    dossier = told(dossier, result(FAILED, detour=way))
    went = dossier.deliveries["r-1"].instead_of != ""
    assert (dossier.messages["r-1"].to_address if went else "") == address


def diverted(dossier: Dossier, policy: ThreadingPolicy = POLICY) -> bool:
    """Whether it goes another way."""
    decision = decide(dossier, result(FAILED), now_ms=LATER_MS, policy=policy)
    assert not isinstance(decision, Rejection)
    return any(isinstance(event, MessageDiverted) for event in decision)


def test_where_somebody_lives_already_it_does_not_go_unless_it_is_them() -> None:
    dossier = replace(after(inbound(), say()), settled_homes=frozenset({SAME.home_id}))
    assert not diverted(dossier)
    assert diverted(with_identities(dossier, SAME))


def test_a_number_that_does_not_prove_a_person_is_no_way_to_them() -> None:
    dossier = after(inbound(), say())
    assert not diverted(dossier, replace(POLICY, link_confidence_min=0.99))


def test_whoever_wants_no_messages_gets_none_on_any_medium() -> None:
    dossier = with_identities(after(inbound(), say()), SAME)
    assert dossier.customer is not None
    denied = replace(dossier, customer=replace(dossier.customer, consents=(DENIED,)))
    assert (diverted(dossier), diverted(denied)) == (True, False)


def test_what_went_to_an_address_that_is_somebody_elses_by_now_goes_nowhere() -> None:
    dossier = with_identities(after(inbound(), say()), SAME)
    assert dossier.customer is not None
    left = replace(dossier, customer=replace(dossier.customer, identities=(SAME,)))
    assert not diverted(left)


def test_an_erased_customer_is_not_written_to() -> None:
    dossier = with_identities(after(inbound(), say()), SAME)
    assert dossier.customer is not None
    assert not diverted(replace(dossier, customer=replace(dossier.customer, erased=True)))


def test_a_new_number_is_asked_for_so_that_its_receipts_and_answers_come_here() -> None:
    asked, event = events_of(after(inbound(), say()), result(FAILED), now_ms=LATER_MS)
    assert isinstance(asked, LinkAsked)
    assert isinstance(event, MessageDiverted)
    assert (asked.home_id, asked.identity.address) == (SAME.home_id, ADDRESS)
    assert asked.reason.rule is LinkRule.SAME_NUMBER


def test_what_is_told_of_another_customers_message_changes_nothing() -> None:
    dossier = after(inbound(), say())
    strange = replace(dossier, conversations={})
    assert refusal_of(strange, result(FAILED)).reason is Reason.MESSAGE_NOT_FOUND


@pytest.mark.parametrize(
    ("passed_ms", "rule"),
    [(HOUR_MS, "CHANNEL"), (60 * HOUR_MS, "CHANNEL"), (80 * HOUR_MS, "CHANNEL")],
)
def test_an_answer_to_it_joins_its_conversation_however_late(passed_ms: int, rule: str) -> None:
    dossier = with_identities(told(after(inbound(), say()), result(FAILED)), SAME)
    answer = replace(
        inbound("m-2", at_ms=LATER_MS + passed_ms, conversation_id="c-2"),
        channel=Channel.WHATSAPP,
        account_id=NUMBER.account_id,
        home_id=SAME.home_id,
    )
    dossier = reduce(evolve, events_of(dossier, answer, now_ms=LATER_MS + passed_ms), dossier)
    assert dossier.messages["m-2"].conversation_id == CONVERSATION
    assert dossier.placements["m-2"].rule == rule
    held = dossier.conversations[CONVERSATION]
    assert (held.channel, held.account_id) == (Channel.WHATSAPP, NUMBER.account_id)


def test_without_a_detour_a_late_word_on_another_medium_is_a_matter_of_its_own() -> None:
    at_ms = LATER_MS + 60 * HOUR_MS
    answer = replace(
        inbound("m-2", at_ms=at_ms, conversation_id="c-2"),
        channel=Channel.WHATSAPP,
        account_id=NUMBER.account_id,
    )
    dossier = with_identities(after(inbound(), say()), SAME)
    dossier = reduce(evolve, events_of(dossier, answer, now_ms=at_ms), dossier)
    assert dossier.messages["m-2"].conversation_id == "c-2"


@pytest.mark.parametrize(
    ("channel", "wrote_at_ms", "ends_at_ms"),
    [
        (Channel.WHATSAPP, NOON_MS, NOON_MS + 24 * HOUR_MS),
        (Channel.MESSENGER, NOON_MS, NOON_MS + 24 * HOUR_MS),
        (Channel.WHATSAPP, 0, 0),
        (Channel.SMS, NOON_MS, 0),
        (Channel.EMAIL, NOON_MS, 0),
    ],
)
def test_until_when_an_answer_may_be_written(
    channel: Channel, wrote_at_ms: int, ends_at_ms: int
) -> None:
    held: Conversation = after(inbound()).conversations[CONVERSATION]
    held = replace(held, channel=channel, last_inbound_at_ms=wrote_at_ms)
    assert reply_window_ends_at_ms(held) == ends_at_ms
