"""Work that people give and claim by hand, and the agents whom they change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from immutables import Map

from services.routing.core import commands as do
from services.routing.core.events import (
    OfferAccepted,
    OfferMade,
    OfferRescinded,
    WorkAssigned,
)
from services.routing.core.explain import Refusal
from services.routing.core.kinds import Channel, Hold, Level, Presence, WorkState
from services.routing.core.policies import Pool
from services.routing.core.refusals import Reason
from tests.unit.routing.floor import (
    CHANNELS,
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


# assign


def test_assigned_work_is_held_at_once_and_takes_capacity_like_an_accepted_offer() -> None:
    floor = busy(Floor(), "ann")
    floor.arrives("w1")
    floor.wait(5_000)
    [event] = floor.tell(do.AssignWork("w1", "ann"))
    assert isinstance(event, WorkAssigned)
    assert (event.assignment.offer_id, event.assignment.override) == ("", False)
    assert floor.domain.work["w1"].state is WorkState.ASSIGNED
    assert [(e.hold, e.cost) for e in floor.who("ann").engagements] == [(Hold.ASSIGNED, 25)]
    assert floor.who("ann").idle_since_ms == floor.now_ms
    assert floor.tell(do.AssignWork("w1", "ann")) == ()
    floor.complete("w1")
    assert floor.who("ann").used == 0


def test_an_offer_that_is_out_is_taken_back_and_its_agent_is_asked_for_the_next() -> None:
    """Agents stuck in a reservation: github.com/signalwire/freeswitch/issues/2540, /1973."""
    floor = busy(Floor(), "bob")
    floor.agent("ann")
    floor.arrives("w1")
    floor.arrives("w2")
    offer = floor.offer("w1")
    events = floor.tell(do.AssignWork("w1", "bob"))
    assert kinds(events) == [OfferRescinded, WorkAssigned, OfferMade]
    assert offers(events) == [("w2", "ann")]
    assert refused(floor, do.AcceptOffer(offer.offer_id, "ann")) is Reason.OFFER_ENDED


def test_two_agents_never_have_one_call_however_the_answers_cross() -> None:
    """Two agents answer one call: github.com/asterisk/asterisk/issues/176."""
    floor = busy(Floor(), "bob")
    floor.agent("ann")
    floor.arrives("w1")
    offer = floor.offer("w1")
    floor.tell(do.AcceptOffer(offer.offer_id, "ann"))
    assert refused(floor, do.AssignWork("w1", "bob")) is Reason.WORK_TAKEN
    assert refused(floor, do.ClaimWork("w1", "bob")) is Reason.WORK_TAKEN
    assert [a.agent_id for a in floor.domain.assignments.values()] == ["ann"]


@pytest.mark.parametrize(
    ("can", "refusal", "reason"),
    [
        ({"pools": ("sales",)}, Refusal.NOT_IN_POOL, Reason.NOT_ELIGIBLE),
        ({"level": Level.L1}, Refusal.LEVEL_TOO_LOW, Reason.NOT_ELIGIBLE),
        ({"languages": ("fr",)}, Refusal.LANGUAGE_NOT_SPOKEN, Reason.NOT_ELIGIBLE),
        ({"skills": {}}, Refusal.SKILL_MISSING, Reason.NOT_ELIGIBLE),
        ({"skills": {"billing": 2}}, Refusal.SKILL_TOO_LOW, Reason.NOT_ELIGIBLE),
        ({"capacity": 20}, Refusal.NO_CAPACITY, Reason.NO_CAPACITY),
    ],
)
def test_who_could_not_be_offered_it_gets_it_only_by_an_override_that_says_so(
    can: dict[str, object], refusal: Refusal, reason: Reason
) -> None:
    able: dict[str, object] = {"level": Level.L2, "languages": ("de",), "skills": {"billing": 3}}
    floor = busy(Floor(), "ann", **(able | can))
    floor.arrives("w1", level=Level.L2, language="de", skills=(("billing", 3),))
    assert refused(floor, do.AssignWork("w1", "ann")) is reason
    [event] = floor.tell(do.AssignWork("w1", "ann", override=True))
    assert isinstance(event, WorkAssigned)
    assert event.hand.verdict.passed_over is refusal
    assert event.assignment.override


def test_an_override_makes_nobody_work_on_a_channel_they_have_not() -> None:
    floor = busy(Floor(), "ann", channels=CHANNELS.delete(Channel.VOICE), pools=("sales",))
    floor.arrives("w1", channel=Channel.VOICE)
    assert refused(floor, do.AssignWork("w1", "ann", override=True)) is Reason.NOT_ELIGIBLE


def test_what_an_override_gave_blocks_offers_until_there_is_room_again() -> None:
    """Over capacity when work comes in by another door: Zendesk article 5308501814042."""
    floor = held(Floor())
    floor.presence("ann", Presence.BUSY)
    floor.arrives("w2")
    floor.tell(do.AssignWork("w2", "ann", override=True))
    assert (floor.who("ann").used, floor.who("ann").overridden) == (50, 25)
    floor.presence("ann", Presence.AVAILABLE)
    floor.arrives("w3")
    assert floor.complete("w1")
    assert floor.domain.work["w3"].state is WorkState.QUEUED
    assert offers(floor.complete("w2")) == [("w3", "ann")]


def test_a_profile_changes_while_an_override_is_above_it_but_its_capacity_is_not_cut() -> None:
    floor = held(Floor())
    floor.arrives("w2")
    floor.tell(do.AssignWork("w2", "ann", override=True))
    floor.tell(do.SetSkills("ann", Map({"billing": 1})))
    floor.tell(do.SetCapacities("ann", CHANNELS, 30))
    assert refused(floor, do.SetCapacities("ann", CHANNELS, 25)) is Reason.CAPACITY_IN_USE


@pytest.mark.parametrize("presence", [Presence.AWAY, Presence.OFFLINE])
def test_nobody_absent_is_given_work(presence: Presence) -> None:
    """Reopened work goes to an offline owner: github.com/chatwoot/chatwoot/issues/7204, /9587."""
    floor = held(Floor())
    floor.agent("bob")
    floor.presence("bob", presence)
    floor.arrives("w2")
    for command in (
        do.AssignWork("w2", "bob", override=True),
        do.ClaimWork("w2", "bob"),
        do.TransferWork("w1", agent_id="bob"),
    ):
        assert refused(floor, command) is Reason.AGENT_ABSENT


def test_a_broken_connection_is_no_presence() -> None:
    floor = Floor(policy=replace(POLICY, presence_grace_ms=5_000))
    busy(floor, "ann")
    floor.arrives("w1")
    floor.tell(do.CloseSession("ann", "session-ann", "edge-1", signed_off=False))
    assert refused(floor, do.AssignWork("w1", "ann")) is Reason.AGENT_ABSENT


def test_strangers_and_ended_work_are_refused_by_name() -> None:
    floor = held(Floor())
    floor.arrives("w2")
    assert refused(floor, do.AssignWork("w2", "nobody")) is Reason.AGENT_NOT_FOUND
    assert refused(floor, do.TransferWork("w1", agent_id="nobody")) is Reason.AGENT_NOT_FOUND
    floor.complete("w1")
    for command in (
        do.AssignWork("w1", "ann"),
        do.ClaimWork("w1", "ann"),
        do.TransferWork("w1", "sales"),
        do.EscalateWork("w1"),
        do.ReprioritiseWork("w1", 7),
        do.CancelWork("w1"),
    ):
        assert refused(floor, command) is Reason.WORK_ENDED


def test_work_that_is_written_up_is_done() -> None:
    floor = held(Floor(policy=WRITES_UP))
    floor.complete("w1")
    assert floor.domain.work["w1"].state is WorkState.WRAP_UP
    assert refused(floor, do.TransferWork("w1", "sales")) is Reason.WORK_ENDED
    assert refused(floor, do.EscalateWork("", "conversation-w1")) is Reason.WORK_NOT_FOUND


# claim


def test_an_agent_who_takes_no_offers_claims_what_they_choose_and_stays_busy() -> None:
    """A change behind their back overrides the agent's choice: flex-project-template/issues/290."""
    floor = busy(Floor(), "ann", capacity=50)
    floor.arrives("w1")
    floor.arrives("w2")
    [event] = floor.tell(do.ClaimWork("w2", "ann"))
    assert isinstance(event, WorkAssigned)
    assert floor.asked("w2") == "ann"
    assert floor.who("ann").presence is Presence.BUSY
    assert floor.domain.work["w1"].state is WorkState.QUEUED
    assert floor.tell(do.ClaimWork("w2", "ann")) == ()


def test_who_declined_may_still_claim_it_and_nobody_rests_after() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.decline("w1")
    floor.tell(do.ClaimWork("w1", "ann"))
    assert floor.asked("w1") == "ann"
    assert not floor.domain.resting


def test_a_claim_of_what_one_is_offered_accepts_it() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("w1")
    assert refused(floor, do.ClaimWork("w1", "bob")) is Reason.WORK_TAKEN
    assert kinds(floor.tell(do.ClaimWork("w1", "ann"))) == [OfferAccepted]


@pytest.mark.parametrize(
    ("can", "reason"),
    [
        ({"pools": ("sales",)}, Reason.NOT_ELIGIBLE),
        ({"skills": {"billing": 1}}, Reason.NOT_ELIGIBLE),
        ({"capacity": 20, "skills": {"billing": 3}}, Reason.NO_CAPACITY),
    ],
)
def test_nobody_claims_what_they_could_not_be_offered(
    can: dict[str, object], reason: Reason
) -> None:
    floor = busy(Floor(), "ann", **can)
    floor.arrives("w1", skills=(("billing", 2),))
    assert refused(floor, do.ClaimWork("w1", "ann")) is reason


# agents


def test_skills_and_capacities_change_apart_and_work_that_fits_is_offered() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=25))
    floor.arrives("w1", skills=(("billing", 2),))
    assert offers(floor.tell(do.SetSkills("ann", Map({"billing": 2})))) == [("w1", "ann")]
    floor.arrives("w2")
    assert offers(floor.tell(do.SetCapacities("ann", CHANNELS, 50))) == [("w2", "ann")]
    assert floor.who("ann").profile.skills == Map({"billing": 2})
    assert floor.tell(do.SetCapacities("ann", CHANNELS, 50)) == ()
    assert refused(floor, do.SetSkills("bob", Map())) is Reason.AGENT_NOT_FOUND
    assert refused(floor, do.SetCapacities("bob", Map(), 1)) is Reason.AGENT_NOT_FOUND


def test_no_channels_means_those_of_the_policy() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.tell(do.SetCapacities("ann", Map(), 100))
    assert floor.who("ann").profile.channels == POLICY.channels


def test_an_agent_who_holds_work_or_writes_it_up_is_not_removed() -> None:
    floor = held(Floor(policy=WRITES_UP))
    assert refused(floor, do.RemoveAgent("ann")) is Reason.AGENT_HOLDS_WORK
    floor.complete("w1")
    assert refused(floor, do.RemoveAgent("ann")) is Reason.AGENT_HOLDS_WORK
    floor.wait(WRAP_UP_MS)
    assert floor.tell(do.RemoveAgent("ann"))
    assert "ann" not in floor.domain.agents
    assert refused(floor, do.RemoveAgent("ann")) is Reason.AGENT_NOT_FOUND


def test_what_a_removed_agent_was_asked_goes_to_somebody_else() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1")
    floor.agent("bob")
    assert offers(floor.tell(do.RemoveAgent("ann"))) == [("w1", "bob")]
    assert ("grace", "ann") not in floor.due
    floor.agent("ann")
    assert floor.who("ann").version == 1
