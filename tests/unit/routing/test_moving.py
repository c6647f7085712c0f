"""Work that people pass on, move up, rank and withdraw, and what others got wrong there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from immutables import Map

from services.routing.core import commands as do
from services.routing.core.byhand import rung
from services.routing.core.events import (
    OfferMade,
    OfferRescinded,
    WorkAssigned,
    WorkCompleted,
    WorkMoved,
    WorkReprioritised,
    WorkWithdrawn,
    WrapUpEnded,
    hand_of,
)
from services.routing.core.kinds import Hold, Level, Presence, WorkState
from services.routing.core.policies import Pool
from services.routing.core.refusals import Reason, Rejection
from tests.unit.routing.floor import (
    POLICY,
    Floor,
    busy,
    held,
    kinds,
    offers,
    profile,
    refused,
)

WRAP_UP_MS = 10_000
WRITES_UP = replace(POLICY, pools=Map({"support": Pool(wrap_up_ms=WRAP_UP_MS)}))
BOTH = ("sales", "support")


# transfer


def test_a_transfer_to_a_pool_waits_there_at_its_first_place() -> None:
    """Re-entry loses the place in line: OfficeDocs-SkypeForBusiness/issues/9902; the time stamp is
    overwritten: amazon-connect-streams/issues/323; a transfer resets it: community.genesys.com,
    "conversation priority and score".
    """
    floor = held(Floor(), "first")
    floor.wait(1_000)
    floor.arrives("second", pool="sales")
    floor.wait(60_000)
    events = floor.tell(do.TransferWork("first", "sales", reason="wants to buy"))
    assert kinds(events) == [WorkMoved]
    assert floor.domain.work["first"].arrived_ms < floor.domain.work["second"].arrived_ms
    assert offers(floor.agent("bob", profile(pools=("sales",)))) == [("first", "bob")]


def test_a_transfer_to_an_agent_is_theirs_at_once_and_frees_the_other() -> None:
    floor = held(Floor())
    floor.agent("bob")
    floor.arrives("w2")
    floor.tell(do.AcceptOffer(floor.offer("w2").offer_id, "bob"))
    floor.complete("w2")
    floor.presence("bob", Presence.BUSY)
    floor.arrives("w3")
    events = floor.tell(do.TransferWork("w1", agent_id="bob", held_by="ann"))
    assert kinds(events) == [WorkMoved, WorkAssigned, OfferMade]
    assert floor.asked("w1") == "bob"
    assert offers(events) == [("w3", "ann")]
    assert floor.tell(do.TransferWork("w1", agent_id="bob")) == ()
    assert refused(floor, do.TransferWork("w1", "sales", "bob")) is Reason.WORK_TAKEN


def test_a_transfer_goes_through_eligibility_in_the_pool_it_goes_to() -> None:
    floor = held(Floor())
    busy(floor, "bob", pools=("sales",))
    assert refused(floor, do.TransferWork("w1", agent_id="bob")) is Reason.NOT_ELIGIBLE
    skills = (("billing", 1),)
    assert refused(floor, do.TransferWork("w1", "sales", "bob", skills)) is Reason.NOT_ELIGIBLE
    floor.tell(do.TransferWork("w1", "sales", "bob"))
    assert floor.domain.work["w1"].requirement.pool == "sales"


def test_who_gave_work_away_is_not_asked_for_it_at_once_though_nobody_else_is_there() -> None:
    """The same call loops to the only agent: amazon-connect-streams/issues/292, /491."""
    floor = held(Floor())
    assert offers(floor.tell(do.TransferWork("w1", skills=(("billing", 2),)))) == []
    floor.tell(do.SetSkills("ann", Map({"billing": 5})))
    assert floor.domain.work["w1"].state is WorkState.QUEUED
    assert offers(floor.wait(5_000)) == [("w1", "ann")]


def test_work_given_back_to_its_pool_goes_to_somebody_else() -> None:
    floor = held(Floor())
    floor.agent("bob")
    events = floor.tell(do.TransferWork("w1", "support"))
    assert offers(events) == [("w1", "bob")]
    assert floor.tell(do.TransferWork("w1", "support")) == ()  # it is there


def test_a_transfer_of_what_is_on_offer_takes_the_offer_back_once() -> None:
    """Reservations made and cancelled in a loop: twilio/twilio-taskrouter.js/issues/2."""
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    assert kinds(floor.tell(do.TransferWork("w1", "sales"))) == [OfferRescinded, WorkMoved]
    assert not offers(floor.wait(300_000))
    assert floor.domain.work["w1"].offers == 1


def test_passing_work_to_and_fro_ends_at_the_limit_of_the_policy() -> None:
    floor = held(Floor(policy=replace(POLICY, max_transfers=3)))
    floor.agent("bob")
    for agent in ("bob", "ann", "bob"):
        floor.tell(do.TransferWork("w1", agent_id=agent))
    rejection = floor.ask(do.TransferWork("w1", agent_id="ann"))
    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.TRANSFER_LIMIT
    assert "transferred 3 times" in rejection.detail
    assert "allows 3" in rejection.detail
    assert floor.tell(do.EscalateWork("w1"))  # the way out that is left


def test_without_a_limit_work_is_passed_on_as_often_as_anybody_likes() -> None:
    floor = held(Floor(policy=replace(POLICY, max_transfers=0)))
    floor.agent("bob")
    for agent in ("bob", "ann") * 10:
        assert floor.tell(do.TransferWork("w1", agent_id=agent))


def test_an_agent_moves_only_what_they_have() -> None:
    floor = held(Floor())
    floor.arrives("w2")
    assert refused(floor, do.TransferWork("w1", "sales", held_by="bob")) is Reason.NOT_ASSIGNED
    assert refused(floor, do.TransferWork("w2", "sales", held_by="ann")) is Reason.NOT_ASSIGNED
    assert refused(floor, do.EscalateWork("w1", held_by="bob")) is Reason.NOT_ASSIGNED
    assert floor.tell(do.TransferWork("w1", "sales", held_by="ann"))


# wrap-up


def test_who_passes_work_on_writes_up_for_the_whole_time_whatever_becomes_of_it() -> None:
    """Wrap-up ends early, is reset by a transfer: asterisk/issues/1006, /607."""
    floor = held(Floor(policy=WRITES_UP))
    floor.arrives("w2")
    busy(floor, "bob", pools=("sales",))
    floor.tell(do.TransferWork("w1", "sales", "bob"))
    assert [(e.hold, e.work_id) for e in floor.who("ann").engagements] == [(Hold.WRAP_UP, "w1")]
    floor.complete("w1")  # sales write nothing up
    assert "w1" not in floor.domain.work
    assert offers(floor.wait(WRAP_UP_MS - 1)) == []
    assert offers(floor.wait(1)) == [("w2", "ann")]


def test_each_wrap_up_has_its_own_time_also_of_the_same_work() -> None:
    """Wrap-up is released by another agent's timer: OpenSIPS/opensips/issues/2679."""
    floor = held(Floor(policy=WRITES_UP), capacity=100)
    floor.agent("bob", profile(capacity=100))
    floor.tell(do.TransferWork("w1", agent_id="bob"))
    floor.wait(WRAP_UP_MS // 2)
    floor.tell(do.TransferWork("w1", agent_id="ann"))
    assert [e.hold for e in floor.who("ann").engagements].count(Hold.WRAP_UP) == 1
    assert floor.who("ann").used == 50
    ended = floor.wait(WRAP_UP_MS // 2)
    assert kinds(tuple(e for e in ended if isinstance(e, WrapUpEnded))) == [WrapUpEnded]
    assert (floor.who("ann").used, floor.who("bob").used) == (25, 25)
    assert floor.domain.work["w1"].state is WorkState.ASSIGNED
    floor.wait(WRAP_UP_MS // 2)
    assert floor.who("bob").used == 0


def test_the_wrap_up_after_a_transfer_is_ended_early_by_its_agent_only() -> None:
    floor = held(Floor(policy=WRITES_UP))
    busy(floor, "bob")
    floor.tell(do.TransferWork("w1", agent_id="bob"))
    assert floor.tell(do.CompleteWork("w1", "ann")) == ()  # they are done with it
    assert refused(floor, do.EndWrapUp("w1", "bob")) is Reason.NOT_IN_WRAP_UP
    assert floor.tell(do.EndWrapUp("w1", "ann"))
    assert floor.who("ann").used == 0
    assert refused(floor, do.EndWrapUp("w1", "ann")) is Reason.NOT_ASSIGNED


# escalate


@pytest.mark.parametrize(
    ("current", "asked", "leads"),
    [
        (Level.L1, None, Level.L2),
        (Level.L2, None, Level.L3),
        (Level.L3, None, Level.LEAD),
        (Level.LEAD, None, Reason.LEVEL_IS_LAST),
        (Level.L1, Level.L3, Level.L3),
        (Level.L2, Level.L1, Reason.LEVEL_BELOW),
        (Level.LEAD, Level.LEAD, Level.LEAD),
    ],
)
def test_the_ladder(current: Level, asked: Level | None, leads: Level | Reason) -> None:
    found = rung(current, asked)
    assert (found.reason if isinstance(found, Rejection) else found) is leads


def test_an_escalation_takes_the_work_from_its_agent_and_keeps_its_place() -> None:
    floor = held(Floor(), "first")
    floor.arrives("second", level=Level.L2)
    events = floor.tell(do.EscalateWork("first", reason="sla_breach"))
    assert kinds(events) == [WorkMoved]
    assert isinstance(events[0], WorkMoved)
    assert events[0].release is not None
    assert events[0].release.agent_id == "ann"
    assert floor.who("ann").used == 0
    assert offers(floor.agent("lea", profile(level=Level.L2))) == [("first", "lea")]
    assert refused(floor, do.EscalateWork("first", level=Level.L1)) is Reason.LEVEL_BELOW
    assert floor.tell(do.EscalateWork("first", level=Level.L2)) == ()


def test_a_service_that_knows_the_conversation_alone_escalates_what_is_open_of_it() -> None:
    floor = Floor()
    floor.arrives("w1")
    floor.tell(do.EscalateWork("", "conversation-w1", skills=(("billing", 3),)))
    needs = floor.domain.work["w1"].requirement
    assert (needs.level, needs.skills) == (Level.L2, (("billing", 3),))
    assert refused(floor, do.EscalateWork("", "conversation-w9")) is Reason.WORK_NOT_FOUND


def test_an_escalated_offer_is_taken_back() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.arrives("w2")
    events = floor.tell(do.EscalateWork("w1"))
    assert kinds(events) == [OfferRescinded, WorkMoved, OfferMade]
    assert offers(events) == [("w2", "ann")]


# reprioritise


def test_work_of_another_priority_stands_in_its_new_class_by_first_arrival() -> None:
    """Low priority starves: issues.asterisk.org/jira/browse/ASTERISK-23660; a position that moves
    backwards: fusionpbx/fusionpbx/pull/6743.
    """
    floor = Floor()
    floor.arrives("old", arrived_ms=floor.now_ms - 2)
    floor.arrives("urgent", arrived_ms=floor.now_ms - 1, priority=5)
    floor.arrives("late", priority=5)
    [event] = floor.tell(do.ReprioritiseWork("old", 5))
    assert isinstance(event, WorkReprioritised)
    assert floor.tell(do.ReprioritiseWork("old", 5)) == ()
    got = offers(floor.agent("ann", profile(capacity=100)))
    assert [name for name, _ in got] == ["old", "urgent", "late"]


def test_a_new_priority_disturbs_nobody() -> None:
    floor = held(Floor(), capacity=50)
    floor.arrives("w2")
    offer = floor.offer("w2")
    floor.tell(do.ReprioritiseWork("w1", 9))
    floor.tell(do.ReprioritiseWork("w2", 9))
    assert floor.offer("w2") == offer
    assert floor.asked("w1") == "ann"


# withdraw


def test_a_withdrawal_ends_work_that_waits_is_offered_or_held() -> None:
    """An agent locked in a call until a row is deleted: OpenSIPS/opensips/issues/2530, /3123."""
    floor = held(Floor(), capacity=50)
    floor.arrives("offered")
    floor.arrives("waits")
    events = floor.tell(do.CancelWork("waits", "spam"))
    assert kinds(events) == [WorkWithdrawn]
    events = floor.tell(do.CancelWork("offered", "spam"))
    assert kinds(events) == [OfferRescinded, WorkWithdrawn]
    [event] = floor.tell(do.CancelWork("w1", "spam"))
    assert isinstance(event, WorkCompleted)
    assert not event.asked_by_triage
    assert floor.who("ann").used == 0
    assert not floor.domain.work


def test_withdrawn_from_its_agent_it_is_written_up_like_any_other() -> None:
    floor = held(Floor(policy=WRITES_UP))
    floor.tell(do.CancelWork("w1"))
    assert [e.hold for e in floor.who("ann").engagements] == [Hold.WRAP_UP]
    floor.wait(WRAP_UP_MS)
    assert floor.who("ann").used == 0


# what people have set


def test_triage_leaves_what_people_have_set() -> None:
    floor = Floor()
    floor.arrives("w1")
    floor.tell(do.TransferWork("w1", "sales", skills=(("billing", 2),)))
    floor.tell(do.EscalateWork("w1"))
    floor.tell(do.ReprioritiseWork("w1", 7))
    floor.changes("w1", pool="support", priority=30, language="de")
    work = floor.domain.work["w1"]
    assert work.set_by_hand == ("level", "pool", "priority", "skills")
    needs = work.requirement
    assert (needs.pool, needs.skills, needs.level) == ("sales", (("billing", 2),), Level.L2)
    assert (work.priority, needs.language) == (7, "de")


def test_triage_sets_what_nobody_has_touched() -> None:
    floor = Floor()
    floor.arrives("w1")
    floor.tell(do.EscalateWork("w1"))
    floor.changes("w1", pool="sales", priority=30)
    work = floor.domain.work["w1"]
    assert (work.requirement.pool, work.requirement.level) == ("sales", Level.L2)
    assert work.priority == 30


def test_each_act_is_a_decision_of_its_own() -> None:
    """A score that is logged nowhere: community.genesys.com, "conversation priority and score"."""
    floor = held(Floor(), pools=BOTH)
    floor.agent("bob")
    events = (
        *floor.tell(do.ReprioritiseWork("w1", 3)),
        *floor.tell(do.TransferWork("w1", agent_id="bob")),
        *floor.tell(do.EscalateWork("w1")),
        *floor.tell(do.CancelWork("w1")),
    )
    hands = [hand for hand in map(hand_of, events) if hand is not None]
    assert [hand.number for hand in hands] == [1, 2, 2, 3, 4]
    assert len({hand.decision_id for hand in hands}) == 4
