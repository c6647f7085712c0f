"""Who can take what, and in which order: backlog first, then by arrival, longest idle, reasons."""

from __future__ import annotations

import pytest
from immutables import Map

from services.routing.core.agents import ChannelCapacity
from services.routing.core.events import OfferMade
from services.routing.core.explain import Refusal, Trigger, evaluate, unfit
from services.routing.core.kinds import Channel, Level, Presence
from tests.unit.routing.floor import POLICY, START_MS, Floor, offers, profile, work


@pytest.mark.parametrize(
    ("can", "asks", "refusal"),
    [
        ({}, {}, None),
        ({"skills": {"billing": 3}}, {"skills": (("billing", 3),)}, None),
        ({"skills": {"billing": 2}}, {"skills": (("billing", 3),)}, Refusal.SKILL_TOO_LOW),
        ({}, {"skills": (("billing", 1),)}, Refusal.SKILL_MISSING),
        ({"languages": ("de",)}, {"language": "de"}, None),
        ({"languages": ("de",)}, {"language": "fr"}, Refusal.LANGUAGE_NOT_SPOKEN),
        ({"languages": ()}, {"language": "fr"}, None),
        ({"languages": ("de",)}, {"language": ""}, None),
        ({"level": Level.L1}, {"level": Level.L2}, Refusal.LEVEL_TOO_LOW),
        ({"level": Level.LEAD}, {"level": Level.L1}, None),
        ({}, {"channel": Channel.EMAIL}, Refusal.CHANNEL_NOT_SERVED),
        ({"capacity": 99}, {"channel": Channel.VOICE}, Refusal.NO_CAPACITY),
        ({"capacity": 100}, {"channel": Channel.VOICE}, None),
    ],
)
def test_what_an_agent_needs_for_a_piece_of_work(
    can: dict[str, object], asks: dict[str, object], refusal: Refusal | None
) -> None:
    who = profile(**can)  # type: ignore[arg-type]  # test data
    what = work(**asks)  # type: ignore[arg-type]  # test data
    assert unfit(who, what.requirement) is refusal


def test_an_agent_of_another_pool_is_not_asked() -> None:
    floor = Floor()
    floor.agent("ann", profile(pools=("sales",)))
    assert offers(floor.arrives("w1")) == []
    assert offers(floor.arrives("w2", pool="sales")) == [("w2", "ann")]


def test_a_channel_has_its_own_limit_beside_the_capacity() -> None:
    channels = Map(
        {Channel.SMS: ChannelCapacity(10, max_items=1), Channel.CHAT: ChannelCapacity(10)}
    )
    floor = Floor()
    floor.agent("ann", profile(capacity=100, channels=channels))
    floor.arrives("sms-1")
    assert offers(floor.arrives("sms-2")) == []
    assert offers(floor.arrives("chat", channel=Channel.CHAT)) == [("chat", "ann")]
    floor.accept("sms-1")
    assert offers(floor.complete("sms-1")) == [("sms-2", "ann")]


def test_a_call_takes_all_of_an_agent() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=100))
    floor.arrives("call", channel=Channel.VOICE)
    assert offers(floor.arrives("text")) == []


def test_higher_priority_goes_first_and_arrival_decides_among_equals() -> None:
    floor = Floor()
    for name, priority, arrived_ms in (("c", 0, 1), ("b", 5, 3), ("a", 5, 2), ("d", 30, 9)):
        floor.arrives(name, priority=priority, arrived_ms=START_MS + arrived_ms)
    floor.agent("ann", profile(capacity=100))
    assert [o.work_id for o in sorted(floor.domain.offers.values(), key=by_time)] != []
    assert [w for w, _ in offers(tuple(floor.log))] == ["d", "a", "b", "c"]


def by_time(offer: object) -> int:
    return offer.offered_ms  # type: ignore[attr-defined,no-any-return]  # test data


def test_b6_place_in_line_is_kept_through_decline_timeout_and_rescinding() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("first")
    floor.wait(1)
    floor.arrives("second")
    floor.decline("first")  # ann is asked for the second now
    floor.wait(POLICY.offer_timeout_ms)
    floor.presence("ann", Presence.AWAY)
    assert offers(floor.agent("bob")) == [("first", "bob")]
    floor.presence("bob", Presence.AWAY)
    assert offers(floor.agent("carl")) == [("first", "carl")]


def test_b6_a_change_of_priority_keeps_the_arrival() -> None:
    floor = Floor()
    floor.arrives("old")
    floor.wait(1)
    floor.arrives("new", priority=5)
    floor.changes("old", priority=5)
    assert offers(floor.agent("ann")) == [("old", "ann")]


def test_a_change_of_requirement_may_make_work_fit() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1", skills=(("billing", 1),))
    assert offers(floor.changes("w1")) == [("w1", "ann")]
    assert floor.changes("w1") == ()


def test_b25_the_explanation_names_who_was_considered_and_why_not() -> None:
    floor = Floor()
    floor.agent("ann", profile(skills={"billing": 2}))
    floor.wait(5_000)
    floor.agent("bob", profile(skills={"billing": 4}))
    floor.agent("carl")
    floor.presence("carl", Presence.AWAY)
    [made] = [e for e in floor.arrives("w1", skills=(("billing", 3),)) if isinstance(e, OfferMade)]
    explanation = made.explanation
    assert explanation.inputs.trigger is Trigger.WORK_WAITS
    assert {c.candidate_id: c.refusal for c in explanation.verdict.considered} == {
        "ann": Refusal.SKILL_TOO_LOW,
        "bob": None,
    }
    assert dict(explanation.refusals) == {Refusal.SKILL_TOO_LOW: 1, Refusal.NOT_AVAILABLE: 1}
    assert explanation.inputs.policy_version == POLICY.version
    assert evaluate(explanation.inputs) == explanation.verdict


def test_b25_a_free_agents_explanation_names_the_work_that_was_considered() -> None:
    floor = Floor()
    floor.arrives("w1", skills=(("billing", 3),))
    floor.arrives("w2")
    floor.arrives("w3")
    [made] = [e for e in floor.agent("ann") if isinstance(e, OfferMade)]
    verdict = made.explanation.verdict
    assert made.explanation.inputs.trigger is Trigger.AGENT_FREE
    assert {c.candidate_id: c.refusal for c in verdict.considered} == {
        "w1": Refusal.SKILL_MISSING,
        "w2": None,
        "w3": None,
    }
    assert (verdict.agent_id, verdict.work_id) == ("ann", "w2")


def test_the_explanation_is_bounded_however_many_agents_there_are() -> None:
    floor = Floor()
    for number in range(60):
        floor.agent(f"agent-{number:02}", profile(skills={"billing": number % 2}))
    [made] = [e for e in floor.arrives("w1", skills=(("billing", 1),)) if isinstance(e, OfferMade)]
    assert len(made.explanation.verdict.considered) <= 20
    assert dict(made.explanation.refusals)[Refusal.SKILL_MISSING] == 30
