"""Offers and assignments: one holder, capacity, terms, declines, rests."""

from __future__ import annotations

from dataclasses import replace

from immutables import Map

from services.routing.core import commands as do
from services.routing.core.events import (
    LeaseRenewed,
    OfferDeclined,
    OfferMade,
    OfferRescinded,
    OfferTimedOut,
    WorkCompleted,
    WorkWithdrawn,
    WrapUpEnded,
)
from services.routing.core.kinds import Hold, OfferState, Presence, WorkState
from services.routing.core.policies import Pool
from services.routing.core.refusals import Reason, Rejection
from tests.unit.routing.floor import POLICY, Floor, offers, profile


def test_b1_work_is_held_by_one_agent_whatever_the_order_of_answers() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w1")
    first = floor.offer("w1")
    floor.decline("w1")
    assert floor.asked("w1") == "bob"
    late = floor.ask(do.AcceptOffer(first.offer_id, "ann"))
    assert isinstance(late, Rejection)
    floor.accept("w1")
    assert [a.agent_id for a in floor.domain.assignments.values()] == ["bob"]


def test_b2_capacity_is_used_from_the_offer_to_the_end_of_the_wrap_up() -> None:
    floor = Floor(policy=replace(POLICY, wrap_up_ms=7_000))
    floor.agent("ann", profile(capacity=60))
    floor.arrives("w1")
    assert [(e.hold, e.cost) for e in floor.who("ann").engagements] == [(Hold.PENDING, 25)]
    floor.accept("w1")
    assert [e.hold for e in floor.who("ann").engagements] == [Hold.ASSIGNED]
    floor.complete("w1")
    assert [e.hold for e in floor.who("ann").engagements] == [Hold.WRAP_UP]
    assert floor.who("ann").used == 25
    floor.wait(7_000)
    assert floor.who("ann").used == 0


def test_b2_no_offer_goes_beyond_the_capacity() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=60))
    for number in range(3):
        floor.arrives(f"w{number}")
    assert sorted(o.work_id for o in floor.domain.offers.values()) == ["w0", "w1"]
    assert floor.domain.work["w2"].state is WorkState.QUEUED


def test_b3_an_offer_ends_once() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    offer = floor.offer("w1")
    floor.decline("w1")
    assert isinstance(floor.ask(do.DeclineOffer(offer.offer_id, "ann")), Rejection)
    assert floor.tell(do.ExpireOffer(offer.offer_id)) == ()
    floor.tell(do.WithdrawWork("w1", "resolved"))
    ends = [e for e in floor.log if getattr(e, "offer_id", None) == offer.offer_id]
    assert [type(e) for e in ends] == [OfferDeclined]


def test_b4_work_is_offered_when_it_arrives_and_when_an_agent_is_free() -> None:
    floor = Floor()
    floor.agent("ann")
    assert offers(floor.arrives("w1")) == [("w1", "ann")]
    assert offers(floor.arrives("w2")) == []
    floor.accept("w1")
    assert offers(floor.complete("w1")) == [("w2", "ann")]
    floor.arrives("w3")
    assert offers(floor.agent("bob")) == [("w3", "bob")]


def test_b5_the_freed_agent_gets_the_backlog_before_the_newcomer() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("busy")
    floor.accept("busy")
    floor.arrives("old")
    floor.wait(1_000)
    floor.arrives("new")
    assert offers(floor.complete("busy")) == [("old", "ann")]


def test_b8_a_decliner_is_not_asked_again_within_the_cooldown() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob", profile(capacity=25))
    floor.arrives("w1")
    floor.accept("w1")  # ann
    floor.arrives("w2")
    floor.decline("w2")  # bob; ann is busy
    floor.wait(POLICY.decline_cooldown_ms - 1)
    assert floor.domain.work["w2"].state is WorkState.QUEUED
    assert offers(floor.wait(1)) == [("w2", "bob")]


def test_b8_the_only_candidate_is_asked_again_after_a_pause_and_it_is_recorded() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    assert offers(floor.decline("w1")) == []
    events = floor.wait(5_000)
    assert offers(events) == [("w1", "ann")]
    [made] = [e for e in events if isinstance(e, OfferMade)]
    assert made.explanation.verdict.exception


def test_b8_who_becomes_the_only_candidate_is_asked_again() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w0")
    floor.accept("w0")  # ann
    floor.arrives("w1")
    floor.decline("w1")  # bob
    floor.wait(10_000)
    assert floor.asked("w1") == ""
    assert offers(floor.presence("ann", Presence.AWAY)) == [("w1", "bob")]


def test_b8_rests_that_end_unnoticed_together_leave_the_order_of_arrival() -> None:
    floor = Floor(policy=replace(POLICY, decline_cooldown_ms=3_000))
    floor.arrives("w1")
    floor.now_ms += 1
    floor.arrives("w2")
    floor.agent("ann", profile(capacity=50))
    floor.decline("w1")
    floor.decline("w2")
    floor.now_ms += 10_000  # both timers are late, and w2's is the first to fire
    assert offers(floor.tell(do.EndRest("w2"))) == [("w1", "ann"), ("w2", "ann")]


def test_b8_a_decliner_takes_other_work_at_once() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.arrives("w2")
    assert offers(floor.decline("w1")) == [("w2", "ann")]


def test_b9_missed_offers_return_the_work_to_its_place_and_the_agent_can_come_back() -> None:
    floor = Floor(policy=replace(POLICY, max_missed_offers=2, decline_cooldown_ms=1_000))
    floor.agent("ann", profile(capacity=25))
    floor.arrives("w1")
    floor.wait(POLICY.offer_timeout_ms)
    assert floor.domain.work["w1"].state is WorkState.QUEUED
    floor.wait(1_000)
    floor.wait(POLICY.offer_timeout_ms)
    assert floor.who("ann").presence is Presence.NO_ANSWER
    floor.wait(600_000)
    assert floor.asked("w1") == ""
    assert offers(floor.presence("ann", Presence.AVAILABLE)) == [("w1", "ann")]


def test_b9_an_answer_ends_the_row_of_missed_offers() -> None:
    floor = Floor(policy=replace(POLICY, max_missed_offers=2, decline_cooldown_ms=0))
    floor.agent("ann")
    floor.arrives("w1")
    floor.wait(POLICY.offer_timeout_ms)
    assert floor.who("ann").missed == 1
    floor.accept("w1")
    assert floor.who("ann").missed == 0


def test_b10_a_late_accept_is_a_typed_refusal_and_changes_nothing() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    offer = floor.offer("w1")
    floor.wait(POLICY.offer_timeout_ms)
    before = floor.domain
    late = floor.ask(do.AcceptOffer(offer.offer_id, "ann"))
    assert isinstance(late, Rejection)
    assert late.reason is Reason.OFFER_ENDED
    assert floor.domain is before


def test_b10_another_agents_offer_is_not_theirs_to_take() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w1")
    refused = floor.ask(do.AcceptOffer(floor.offer("w1").offer_id, "bob"))
    assert isinstance(refused, Rejection)
    assert refused.reason is Reason.OFFER_NOT_YOURS


def test_b11_going_away_rescinds_open_offers_and_keeps_accepted_work() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=100))
    floor.arrives("kept")
    floor.accept("kept")
    floor.arrives("open")
    events = floor.presence("ann", Presence.AWAY)
    assert [type(e) for e in events if isinstance(e, OfferRescinded)] == [OfferRescinded]
    assert floor.domain.work["open"].state is WorkState.QUEUED
    assert floor.domain.work["kept"].state is WorkState.ASSIGNED
    assert floor.who("ann").used == 25


def test_b11_what_was_rescinded_goes_to_the_next_agent_in_order_of_arrival() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=50))
    floor.arrives("second", arrived_ms=floor.now_ms)
    floor.arrives("first", arrived_ms=floor.now_ms - 1)
    floor.presence("ann", Presence.OFFLINE)
    assert offers(floor.agent("bob")) == [("first", "bob")]


def test_b16_longest_idle_goes_first_and_ties_go_by_id() -> None:
    floor = Floor()
    floor.agent("bob")
    floor.agent("ann")
    floor.wait(1)
    floor.agent("aaron")
    got = [offers(floor.arrives(f"w{n}"))[0][1] for n in range(3)]
    assert got == ["ann", "bob", "aaron"]


def test_b16_a_declined_offer_does_not_cost_the_turn() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.wait(1_000)
    floor.agent("bob")
    floor.arrives("w1")
    floor.decline("w1")  # ann stays the longest idle
    assert offers(floor.arrives("w2")) == [("w2", "ann")]


def test_b16_who_is_being_asked_stands_behind_those_who_are_not() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=100))
    floor.wait(1_000)
    floor.agent("bob", profile(capacity=100))
    floor.wait(1_000)
    got = [offers(floor.arrives(f"w{n}"))[0][1] for n in range(2)]
    assert got == ["ann", "bob"]


def test_b19_wrap_up_blocks_new_offers_for_exactly_its_time() -> None:
    floor = Floor(policy=replace(POLICY, pools=Map({"support": Pool(wrap_up_ms=10_000)})))
    floor.agent("ann")
    floor.arrives("w1")
    floor.accept("w1")
    floor.complete("w1")
    floor.arrives("w2")
    assert offers(floor.wait(9_999)) == []
    assert offers(floor.wait(1)) == [("w2", "ann")]


def test_b19_the_agent_may_end_the_wrap_up_early_but_not_before_it_began() -> None:
    floor = Floor(policy=replace(POLICY, wrap_up_ms=10_000))
    floor.agent("ann")
    floor.arrives("w1")
    floor.accept("w1")
    early = floor.ask(do.EndWrapUp("w1", "ann"))
    assert isinstance(early, Rejection)
    assert early.reason is Reason.NOT_IN_WRAP_UP
    floor.complete("w1")
    events = floor.tell(do.EndWrapUp("w1", "ann"))
    assert [e.timed_out for e in events if isinstance(e, WrapUpEnded)] == [False]
    assert floor.who("ann").used == 0


def test_b22_a_repeated_request_changes_nothing() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    assert floor.arrives("w1") == ()


def test_withdrawn_while_offered_frees_the_agent_for_the_next() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.arrives("w2")
    offer = floor.offer("w1")
    events = floor.tell(do.WithdrawWork("w1", "resolved"))
    assert [type(e) for e in events] == [OfferRescinded, WorkWithdrawn, OfferMade]
    assert offer.offer_id not in floor.domain.offers
    assert offers(events) == [("w2", "ann")]


def test_withdrawn_while_assigned_completes_the_assignment() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.accept("w1")
    [event] = floor.tell(do.WithdrawWork("w1", "resolved"))
    assert isinstance(event, WorkCompleted)
    assert event.asked_by_triage
    assert floor.who("ann").used == 0
    assert floor.tell(do.WithdrawWork("w1", "resolved")) == ()


def test_only_who_has_the_work_completes_it() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w1")
    assert isinstance(floor.ask(do.CompleteWork("w1", "ann")), Rejection)  # not accepted yet
    floor.accept("w1")
    assert isinstance(floor.ask(do.CompleteWork("w1", "bob")), Rejection)
    assert floor.complete("w1")


def test_a_timed_out_offer_goes_to_the_next_agent() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w1")
    events = [e for e in floor.wait(POLICY.offer_timeout_ms) if not isinstance(e, LeaseRenewed)]
    assert [type(e) for e in events] == [OfferTimedOut, OfferMade]
    assert floor.asked("w1") == "bob"
    assert floor.offer("w1").state is OfferState.PENDING


def test_a_pool_may_have_its_own_time_to_answer() -> None:
    floor = Floor(policy=replace(POLICY, pools=Map({"support": Pool(offer_timeout_ms=1_000)})))
    floor.agent("ann")
    floor.arrives("w1")
    assert floor.offer("w1").expires_ms == floor.now_ms + 1_000
